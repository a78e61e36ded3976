"""What a power cut of the worst luck would leave: read from the disk, not from what a process says.

Rule 1: it opens a copy of what is durable, as a restart would, and believes nothing else.
Rule 2: it remembers what it has seen durable: a segment that is released later was stored first.
"""

from collections.abc import Callable

from tests.sim.blocks import Row, rows_in
from tests.sim.world import World

from meteringest.errors import JournalError
from meteringest.native import Decoder, Journal, SimulatedDisk

Open = Callable[[SimulatedDisk], Journal]
ReadKey = tuple[int, int]


class Witness:
    """Follows the durable disk of one run."""

    def __init__(self, world: World, disk: SimulatedDisk, open_journal: Open) -> None:
        self.reads: dict[ReadKey, list[Row]] = {}
        """Durable versions of each read, oldest first."""
        self.versions: dict[int, ReadKey] = {}
        self._world = world
        self._disk = disk
        self._open = open_journal
        self._syncs = -1
        self._next: int | None = None
        self._decoder: Decoder | None = None

    def uplink(self, dcu: int) -> int:
        """The highest envelope of `dcu` that a restart would know."""
        self.look()
        return self._decoder.uplinks_taken.get(dcu, 0) if self._decoder is not None else 0

    def look(self) -> None:
        """Takes in what has become durable since."""
        if self._disk.syncs == self._syncs:
            return
        self._syncs = self._disk.syncs
        try:
            journal = self._open(self._disk.durable())
        except JournalError as error:
            self._world.violate("I3", f"the durable journal does not open: {error}")
            return
        if self._decoder is None:
            self._decoder = _decoder(journal)
        if self._decoder is not None:
            self._read_on(journal, self._decoder)

    def _read_on(self, journal: Journal, decoder: Decoder) -> None:
        first = self._next or journal.first
        if journal.first > first and not self._world.gave_up(first, journal.first):
            self._world.violate("I4", f"rows {first} to {journal.first} went unseen")
        if journal.durable <= first:
            return
        first = max(first, journal.first)
        self._next = journal.replay_into(decoder, first)
        gathered = journal.gather(first, rows_max=ROWS_MAX)
        for table, block in gathered.blocks if gathered is not None else ():
            if table == "m.reads":
                self._keep(rows_in(block))

    def forget(self) -> None:
        """The disk was changed by other means than syncing."""
        self._syncs = -1

    def begin_again(self) -> None:
        """A salvage gave rows up; what was durable before is remembered."""
        self._syncs, self._next, self._decoder = -1, None, None

    def _keep(self, rows: list[Row]) -> None:
        for row in rows:
            key = (int(str(row["meter"])), int(str(row["interval_start"])))
            self.reads.setdefault(key, []).append(row)
            self.versions[int(str(row["ver"]))] = key


def _decoder(journal: Journal) -> Decoder | None:
    seed = journal.read_checkpoint("hash_seed")
    if seed is None:
        return None
    return Decoder(1, b'{"hash_seed":%d}' % int.from_bytes(seed, "big"))


ROWS_MAX = 1 << 30
