"""What can happen to the store and its endpoint; each is a log line and its counters at once."""

from collections.abc import Mapping
from typing import ClassVar

from meteringest.events import Event, Level, labelled, seen_in

INSERT_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class RangeStored(Event, frozen=True, kw_only=True):
    """A range of the journal stands in the store."""

    level: ClassVar[Level] = Level.DEBUG
    first: int
    next: int
    reads: int
    rows: int
    duration_s: float

    def tally(self) -> Mapping[str, float]:
        """Ranges, rows and the time they took."""
        return {
            "store_ranges_total": 1,
            "store_reads_total": self.reads,
            "store_rows_total": self.rows,
            **seen_in("store_insert_seconds", self.duration_s, INSERT_BOUNDS_S),
        }


class StoreWaited(Event, frozen=True, kw_only=True):
    """The store did not take a range now; the journal keeps it, the range is sent again."""

    level: ClassVar[Level] = Level.WARNING
    first: int
    next: int
    reason: str
    wait_s: float

    def tally(self) -> Mapping[str, float]:
        """One attempt more."""
        return {"store_retries_total": 1}


class BlockCut(Event, frozen=True, kw_only=True):
    """A block spanned more days than one insert may and was sent in pieces."""

    table: str
    blocks: int


class BlockSetAside(Event, frozen=True, kw_only=True):
    """Rows the store refuses for what is in them wait in the folder `aside`; the line goes on."""

    level: ClassVar[Level] = Level.ERROR
    table: str
    first: int
    next: int
    rows: int
    reason: str
    token: str

    def tally(self) -> Mapping[str, float]:
        """Rows, however often they are refused again."""
        return {"store_rows_set_aside_total": self.rows}


class AsideTaken(Event, frozen=True, kw_only=True):
    """The store has taken rows that had been set aside."""

    table: str
    rows: int
    token: str

    def tally(self) -> Mapping[str, float]:
        """Rows that wait no longer."""
        return {"store_rows_aside_taken_total": self.rows}


class EndpointListening(Event, frozen=True, kw_only=True):
    """The endpoint's port is open."""

    host: str
    port: int


class EndpointRefused(Event, frozen=True, kw_only=True):
    """The endpoint said no to a request, or the engine did."""

    user: str
    code: int
    reason: str

    def tally(self) -> Mapping[str, float]:
        """By ClickHouse's code."""
        return {labelled("endpoint_refused_total", code=str(self.code)): 1}


class EndpointFaulted(Event, frozen=True, kw_only=True):
    """A connection of the endpoint ended by a fault of ours; the others go on."""

    level: ClassVar[Level] = Level.ERROR
    fault: str
