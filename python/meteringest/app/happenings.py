"""What happens to the service as a whole."""

from collections.abc import Mapping
from typing import ClassVar

from meteringest.events import Event, Level


class Recovered(Event, frozen=True, kw_only=True):
    """The journal is open; torn bytes were never acked, skipped stretches were salvaged past."""

    records: int
    torn_bytes: int
    appended: int
    stored: int
    skipped: list[tuple[int, int, int, int, int]]


class StoreAwaited(Event, frozen=True, kw_only=True):
    """ClickHouse does not answer yet, and without its registry nobody can be let in."""

    level: ClassVar[Level] = Level.WARNING
    reason: str
    wait_s: float


class DescriptorsShort(Event, frozen=True, kw_only=True):
    """The limit of open files allows fewer links than `connections_max` of the listeners do."""

    level: ClassVar[Level] = Level.WARNING
    links_max: int
    wanted: int


class Serving(Event, frozen=True, kw_only=True):
    """Every part is at work."""

    node: int


class CommandFailed(Event, frozen=True, kw_only=True):
    """An error of ours while a command was answered; everything else goes on."""

    level: ClassVar[Level] = Level.ERROR
    question: str
    reason: str

    def tally(self) -> Mapping[str, float]:
        """One."""
        return {"command_failed_total": 1}


class Stopping(Event, frozen=True, kw_only=True):
    """Told to stop: what is in is brought to disk and acknowledged first."""

    signal: str


class ReadsRetimed(Event, frozen=True, kw_only=True):
    """Stored reads of some meters stand at other times now."""

    meters: int
    moved: int
    withdrawn: int

    def tally(self) -> Mapping[str, float]:
        """How many."""
        return {"reads_retimed_total": self.moved}


class RejectsReplayed(Event, frozen=True, kw_only=True):
    """A page of rejects was decoded again."""

    seen: int
    resolved: int
    reads: int
    registers: int
    events: int

    def tally(self) -> Mapping[str, float]:
        """What it brought."""
        return {
            "rejects_replayed_total": self.seen,
            "rejects_resolved_total": self.resolved,
        }


class StoreRefusing(Event, frozen=True, kw_only=True):
    """ClickHouse refuses what waits for it; intake goes on, and it is asked again."""

    level: ClassVar[Level] = Level.ERROR
    reason: str
    wait_s: float


class CheckpointSkipped(Event, frozen=True, kw_only=True):
    """The disk has no room for the decoder's checkpoint; a restart would replay from `position`."""

    level: ClassVar[Level] = Level.WARNING
    position: int


class OrderRefused(Event, frozen=True, kw_only=True):
    """Money was not taken as it was sent; the row in m.refused_entries says all about it."""

    level: ClassVar[Level] = Level.WARNING
    account: int
    origin: str
    reference: str
    problem: str


class DuesEntered(Event, frozen=True, kw_only=True):
    """Instalments of arrears, or what conversions had left, were entered for so many accounts."""

    accounts: int


class DuesWait(Event, frozen=True, kw_only=True):
    """The store did not answer; what is due is entered when it does."""

    level: ClassVar[Level] = Level.WARNING
    reason: str
    wait_s: float


class Decisions(Event, frozen=True, kw_only=True):
    """Rows of the outbox were written."""

    notices: int
    disconnects: int
    reconnects: int

    def tally(self) -> Mapping[str, float]:
        """Of each kind."""
        return {
            "outbox_notices_total": self.notices,
            "outbox_disconnects_total": self.disconnects,
            "outbox_reconnects_total": self.reconnects,
        }


class DecidingWaits(Event, frozen=True, kw_only=True):
    """The store did not answer; accounts that changed are decided about when it does."""

    level: ClassVar[Level] = Level.WARNING
    reason: str
    wait_s: float
