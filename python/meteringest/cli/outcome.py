"""Exit statuses, and which error ends in which."""

from collections.abc import Iterator
from enum import IntEnum

from meteringest.errors import (
    CommandError,
    ConfigError,
    JournalError,
    LinkError,
    MeterIngestError,
    RegistryError,
    RulesError,
    StoreError,
    UsageError,
)


class Outcome(IntEnum):
    """What the shell learns; each member's docstring stands in the help."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SETTINGS = 3
    ROWS = 4
    STORAGE = 5
    NETWORK = 6
    BUG = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANING = {
    Outcome.DONE: "done",
    Outcome.FAILED: "it ran and the result is not what it should be",
    Outcome.USAGE: "the command line is wrong",
    Outcome.SETTINGS: "the settings file or a secret it refers to is wrong",
    Outcome.ROWS: "a file of rows or rules is bad; nothing of it was taken",
    Outcome.STORAGE: "data folder, journal or ClickHouse: locked, damaged, full or refusing",
    Outcome.NETWORK: "an address cannot be used or a peer went away",
    Outcome.BUG: "an error of the program itself",
    Outcome.INTERRUPTED: "interrupted by Ctrl-C",
}

_OUTCOMES: tuple[tuple[type[MeterIngestError], Outcome], ...] = (
    (CommandError, Outcome.BUG),
    (UsageError, Outcome.USAGE),
    (ConfigError, Outcome.SETTINGS),
    (RegistryError, Outcome.ROWS),
    (RulesError, Outcome.ROWS),
    (JournalError, Outcome.STORAGE),
    (StoreError, Outcome.STORAGE),
    (LinkError, Outcome.NETWORK),
)


def outcome_of(error: MeterIngestError) -> Outcome:
    """The exit status `error` ends in."""
    for kind, outcome in _OUTCOMES:
        if isinstance(error, kind):
            return outcome
    return Outcome.FAILED


def leaves(group: BaseExceptionGroup[MeterIngestError]) -> Iterator[MeterIngestError]:
    """The errors themselves, however many task groups they came through."""
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from leaves(each)
        else:
            yield each
