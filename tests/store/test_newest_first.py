"""After an outage the newest reads go first when settings say so, and nobody is told too much."""

from datetime import date
from pathlib import Path

import trio
from tests.store.conftest import Recorder
from tests.store.journal import BASE, METERS, ROWS, SLOTS, RecordedJournal
from tests.store.test_writer import assert_equal_to_truth

from meteringest.offload import ThreadOffload
from meteringest.store.backlog import Ahead
from meteringest.store.clickhouse import Store
from meteringest.store.conservation import Conservation, Waiting, conservation
from meteringest.store.happenings import RangeStored
from meteringest.store.queries import reads_in, stored
from meteringest.store.settings import StoreSettings
from meteringest.store.writer import Writer

DAY = date(2026, 10, 31)
RECORDS = 84  # three quarters end inside a period: a range ahead replaces reads beneath it
OWED = 63


class Watching(Recorder):
    """Grows the journal with every range, and asks the store how complete it says it is."""

    def __init__(self, store: Store, journal: RecordedJournal) -> None:
        super().__init__()
        self._store = store
        self._journal = journal
        self.done = trio.Event()
        self.marks: list[tuple[int, int]] = []
        self.beneath: Conservation | None = None

    def _waiting(self, ahead: Ahead) -> Waiting:
        within = (self._journal.stored(), self._journal.durable())
        return Waiting(node=7, first=within[0], next=within[1], ahead=(ahead.first, ahead.next))

    def emit(self, event: object) -> None:
        super().emit(event)  # type: ignore[arg-type]
        if isinstance(event, RangeStored):
            self.marks.append((self._journal.stored(), stored(self._store, 7)))
            if (ahead := self._journal.ahead()) is not None and self.beneath is None:
                self.beneath = conservation(self._store, DAY, waiting=self._waiting(ahead))
            if not self._journal.grow() and self._journal.stored() == self._journal.durable():
                self.done.set()


async def test_the_newest_go_first_and_the_watermark_waits(store: Store, tmp_path: Path) -> None:
    journal = RecordedJournal(tmp_path, RECORDS, grows=True)
    watching = Watching(store, journal)
    settings = StoreSettings(rows_max=4 * ROWS, freshness_s=0.001, catch_up="newest")
    writer = Writer(
        store, journal, node=7, settings=settings, offload=ThreadOffload(), observer=watching
    )
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            await watching.done.wait()
            nursery.cancel_scope.cancel()
    order = [(each.first - BASE) // ROWS for each in watching.of(RangeStored)]
    assert order.index(OWED) < order.index(OWED - 3), "the newest before the last of the old"
    assert sorted(order) != order
    assert all(said in {0, mark} for mark, said in watching.marks), "never past a gap"
    assert journal.ahead() is None
    assert watching.beneath is not None
    assert watching.beneath.problems == ()
    (waiting,) = watching.beneath.waiting
    assert waiting.ahead is not None
    assert BASE <= waiting.first < waiting.ahead[0]
    assert conservation(store, DAY).problems == ()
    assert_equal_to_truth(store, RECORDS)
    store.run("OPTIMIZE TABLE m.reads FINAL")  # now the engine forgets what was replaced
    assert reads_in(store, BASE, BASE + RECORDS * ROWS) == RECORDS * METERS * SLOTS
