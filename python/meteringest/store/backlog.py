"""What the writer needs from the journal: a port of the store's own, wired by app.py.

Positions are the journal's: rows, counted on one number line; ranges are half open.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from meteringest.store.native import rows_of


class Gathered(Protocol):
    """Neighbouring journal records, merged into one sorted Native block for each table."""

    @property
    def first(self) -> int:
        """The first position in it."""
        ...

    @property
    def next(self) -> int:
        """The position after its last."""
        ...

    @property
    def blocks(self) -> Sequence[tuple[str, bytes]]:
        """Table and Native block, to be inserted in this order."""
        ...

    @property
    def reads(self) -> int:
        """Rows of m.reads in it."""
        ...

    @property
    def changed(self) -> Sequence[tuple[int, int]]:
        """(meter, interval_start) of reads that may replace a stored one."""
        ...

    @property
    def received_ms(self) -> tuple[int, int]:
        """The first and the last receive time in it; (0, 0) when unknown."""
        ...


class Ahead(Struct, frozen=True, kw_only=True):
    """A stretch past `stored` that the store has already, and what its m.batches row will say."""

    first: int
    next: int
    reads: int = 0
    received_ms: tuple[int, int] = (0, 0)


class Backlog(Protocol):
    """The stretch of the journal between stored and durable. All but `grown` may block."""

    def stored(self) -> int:
        """Everything before this position is in the store."""
        ...

    def durable(self) -> int:
        """Everything before this position may be gathered."""
        ...

    def planned(self) -> tuple[int, int] | None:
        """The range a crash interrupted: it may be in the store, in part or whole."""
        ...

    def ahead(self) -> Ahead | None:
        """What was stored before its turn, if anything."""
        ...

    def note_ahead(self, ahead: Ahead) -> None:
        """Notes durably that the store has `ahead`, and that no range is in flight."""
        ...

    def gather(self, first: int, *, rows_max: int, until: int | None) -> Gathered | None:
        """Whole records from `first` on, up to about `rows_max` rows, or exactly up to `until`."""
        ...

    def plan(self, first: int, next: int) -> None:  # noqa: A002 (the contract's word)
        """Notes durably that this very range is about to be inserted."""
        ...

    def advance(self, stored: int) -> None:
        """Notes durably that everything before `stored` is in the store, and lets it go.

        A stretch ahead that ends there is no longer ahead.
        """
        ...

    async def grown(self, past: int) -> None:
        """Waits until durable is past `past`."""
        ...


class Range(Struct, frozen=True):
    """A gathered range by its numbers; the name of what was inserted, in events and errors."""

    node: int
    first: int
    next: int

    @classmethod
    def of(cls, node: int, gathered: Gathered) -> "Range":
        """The range `gathered` covers on `node`'s number line."""
        return cls(node, gathered.first, gathered.next)

    def token(self, table: str) -> str:
        """The deduplication token of the range's block for `table`."""
        return f"{self.node}-{self.first}-{self.next}-{table}"


def rows_in(gathered: Gathered) -> int:
    """Rows over all blocks."""
    return sum(rows_of(block) for _, block in gathered.blocks)
