"""What goes over the control socket: four bytes of length, then one MessagePack object.

Rule 1: every request and answer is a struct here; both ends use the same ones.
Rule 2: this file does no I/O.
"""

import struct
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from meteringest.control.money import AskMoney
from meteringest.csv_rows import ImportPart
from meteringest.errors import (
    CommandError,
    ConfigError,
    JournalError,
    LinkError,
    MeterIngestError,
    RegistryError,
    RulesError,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    UsageError,
)
from meteringest.registry.rows import Listing

LENGTH = struct.Struct(">I")
MESSAGE_BYTES_MAX = 64 << 20


class Status(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """How the service is doing; what `meteringest status` prints."""

    running: bool
    version: str
    node: int
    uptime_s: float = 0.0
    appended: int = 0
    durable: int = 0
    stored: int = 0
    lag_reads: Annotated[int, Meta(description="durable and not yet in ClickHouse")] = 0
    lag_s: Annotated[float, Meta(description="age of the oldest of them")] = 0.0
    frames_per_s: float = 0.0
    reads_per_s: float = 0.0
    frames: int = 0
    reads_accepted: int = 0
    reads_quarantined: int = 0
    reads_duplicate: int = 0
    reads_changed: int = 0
    rejected: dict[str, int] = {}
    connections: int = 0
    connections_refused: int = 0
    journal_bytes: int = 0
    disk_free_bytes: int = 0
    disk_reserve_bytes: int = 0
    intake_held: Annotated[str, Meta(description="why intake is held back, when it is")] = ""
    store: Annotated[str, Meta(description="where rows go")] = ""
    store_trouble: Annotated[str, Meta(description="why it takes none, when it does not")] = ""


class AskStatus(msgspec.Struct, frozen=True, tag="status"):
    """How is it going?"""


class AskQuery(msgspec.Struct, frozen=True, tag="query"):
    """One read-only statement; the answer is text in the engine's `output` format."""

    sql: str
    output: str


class AskImport(msgspec.Struct, frozen=True, tag="import"):
    """Some rows of an import; nothing takes effect before AskCommit."""

    part: ImportPart


class AskCommit(msgspec.Struct, frozen=True, tag="commit"):
    """The import is complete: apply all of it or none."""


class AskList(msgspec.Struct, frozen=True, tag="list"):
    """Registry rows without their keys."""

    listing: Listing


class AskReload(msgspec.Struct, frozen=True, tag="reload"):
    """Read registry and layouts again."""


class AskReplay(msgspec.Struct, frozen=True, tag="replay", kw_only=True):
    """Decode stored rejects again; 0 and nothing mean all of them."""

    kind: str = ""
    meter: int = 0
    since_ms: int = 0
    dry_run: bool = False


class AskReconcile(msgspec.Struct, frozen=True, tag="reconcile", kw_only=True):
    """Count a receive day again in the tables; `dcu` is a number or name, nothing for all."""

    day: date
    dcu: str = ""


class AskVerify(msgspec.Struct, frozen=True, tag="verify"):
    """Read the whole journal again."""


class JournalFault(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the journal that is not what was written."""

    path: str
    offset: int
    reason: str


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What reading the whole journal again found."""

    segments: int
    records: int
    bytes: int
    released: int
    given_up: tuple[tuple[int, int], ...]
    faults: tuple[JournalFault, ...]
    head: Annotated[str, Meta(description="digest over all segments that have a successor")]


class AskRetime(msgspec.Struct, frozen=True, tag="retime", kw_only=True):
    """Tell stored reads anew: those of the next meters behind `after`, by their policies of now."""

    meters: tuple[int, ...] = ()
    model: str = ""
    after: int = 0
    since_s: int
    until_s: int
    dry_run: bool = False


class Retimed(msgspec.Struct, frozen=True, kw_only=True):
    """What telling reads of some meters anew did; `last` is where the next page begins."""

    last: int
    left: int
    meters: int = 0
    seen: int = 0
    moved: int = 0
    withdrawn: int = 0
    undecided: int = 0
    unknown: int = 0
    busy: int = 0


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What decoding rejects again did, or would do."""

    seen: int = 0
    resolved: int = 0
    reads: int = 0
    registers: int = 0
    events: int = 0
    refused: dict[str, int] = {}


Question = (
    AskReplay | AskRetime | AskReconcile | AskVerify | AskStatus | AskQuery | AskList | AskReload
)
Request = Question | AskImport | AskCommit | AskMoney


class Failed(msgspec.Struct, frozen=True, tag="failed", kw_only=True):
    """The error of the other side, in a form that can be raised again here."""

    kind: str
    fields: tuple[object, ...]
    text: str

    @classmethod
    def of(cls, error: MeterIngestError) -> "Failed":
        """`error` as it goes over the socket, under the nearest name the other side knows."""
        known = (each.__name__ for each in type(error).__mro__ if each.__name__ in _KINDS)
        return cls(kind=next(known, ""), fields=tuple(error.args), text=str(error))

    def error(self) -> MeterIngestError:
        """The same error again; one this side does not know keeps its text."""
        kind = _KINDS.get(self.kind)
        if kind in (RegistryError, RulesError):
            file, problems = self.fields
            return kind(str(file), _lines(problems))
        if kind is not None:
            first, second = self.fields
            return kind(str(first), str(second))
        return MeterIngestError(self.text)


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """The answer, still encoded: the asker knows its type."""

    answer: msgspec.Raw


class More(msgspec.Struct, frozen=True, tag="more"):
    """Rows taken; send the next ones."""


Response = Failed | Answered | More


def _lines(problems: object) -> tuple[str, ...]:
    return tuple(str(each) for each in problems) if isinstance(problems, list | tuple) else ()


_KINDS: dict[str, type[MeterIngestError]] = {
    kind.__name__: kind
    for kind in (
        CommandError,
        ConfigError,
        JournalError,
        LinkError,
        RegistryError,
        RulesError,
        StoreError,
        StoreRefused,
        StoreUnavailable,
        UsageError,
    )
}
