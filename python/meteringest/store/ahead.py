"""A stretch of the journal that was stored before what lies under it: the newest reads first.

stored ........ owed ........ ahead.first ==== in the store ==== ahead.next .. durable

Rule 1: readers go by m.batches, so a range ahead gets no row there before the gap below it is
closed; until then nobody takes the store for complete up to it.
Rule 2: a range beneath may hold what a range ahead has replaced already, and the engine forgets
what comes late and is older, so its reads go to the history as well.
"""

from enum import Enum, auto

from msgspec import Struct

from meteringest.store.backlog import Ahead, Gathered

FULL_BLOCKS_MIN = 4
"""So many full blocks must be owed before the newest go first: a short backlog is soon gone."""


class Place(Enum):
    """Where a range lies to what is stored."""

    NEXT = auto()
    BENEATH = auto()
    AHEAD = auto()


def place_of(gathered: Gathered, ahead: Ahead | None) -> Place:
    """`ahead` is what was stored before its turn, if anything."""
    if ahead is None:
        return Place.NEXT
    return Place.AHEAD if gathered.first >= ahead.first else Place.BENEATH


def grown_by(ahead: Ahead, gathered: Gathered) -> Ahead:
    """The stretch with the range behind its end."""
    low, high = gathered.received_ms
    return Ahead(
        first=ahead.first,
        next=gathered.next,
        reads=ahead.reads + gathered.reads,
        received_ms=(min(ahead.received_ms[0] or low, low), max(ahead.received_ms[1], high)),
    )


class Marks(Struct, frozen=True, kw_only=True):
    """Positions of the journal at one moment."""

    stored: int
    durable: int
    rows_max: int

    def newest_first_from(self) -> int | None:
        """Where to go on with the newest when so much is owed, else None."""
        owed = self.durable - self.stored
        return self.durable if owed >= FULL_BLOCKS_MIN * self.rows_max else None

    def end_beneath(self, ahead: Ahead) -> int | None:
        """The exact end of the next range beneath when it is the last, which may be half longer."""
        left = ahead.first - self.stored
        return ahead.first if left <= self.rows_max + self.rows_max // 2 else None

    def newest_waits(self, ahead: Ahead, *, overdue: bool) -> bool:
        """Whether the newest go next, and not the oldest."""
        waiting = self.durable - ahead.next
        return waiting >= self.rows_max or (waiting > 0 and overdue)
