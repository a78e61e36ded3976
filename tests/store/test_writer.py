"""The writer's order of doing things: plan, insert, advance; wait when the store is silent."""

from pathlib import Path

import pytest
import trio
import trio.testing
from tests.store.blocks import Range
from tests.store.conftest import Recorder
from tests.store.journal import BASE, ROWS, RecordedJournal, truth

from meteringest.errors import InvariantError
from meteringest.events import Observer
from meteringest.offload import InlineOffload, ThreadOffload
from meteringest.store import writer as writer_module
from meteringest.store.backlog import Gathered
from meteringest.store.clickhouse import Store
from meteringest.store.faults import EngineUnavailable
from meteringest.store.happenings import RangeStored, StoreWaited
from meteringest.store.insertion import insert_range
from meteringest.store.queries import stored
from meteringest.store.settings import StoreSettings
from meteringest.store.writer import Writer

RECORDS = 25


class Silence:
    """Says "not now" `times` times, before or after the insert has happened."""

    def __init__(self, times: int, *, after: bool) -> None:
        self.left = times
        self.after = after
        self.again: list[bool] = []

    def __call__(
        self,
        store: Store,
        node: int,
        gathered: Gathered,
        observer: Observer,
        *_: object,
        again: bool,
    ) -> None:
        self.again.append(again)
        if self.after:
            insert_range(store, node, gathered, observer)
        if self.left:
            self.left -= 1
            raise EngineUnavailable("test", "Code: 243. not now", 243)
        insert_range(store, node, gathered, observer, again=again)


def make(store: Store, journal: RecordedJournal, recorder: Recorder, **limits: float) -> Writer:
    settings = StoreSettings(rows_max=4 * ROWS, freshness_s=0.5, **limits)  # type: ignore[arg-type]
    return Writer(
        store, journal, node=7, settings=settings, offload=ThreadOffload(), observer=recorder
    )


def assert_equal_to_truth(store: Store, records: int) -> None:
    seen = store.ask(
        f"SELECT count(), sum(imp_wh), sum(ver - {BASE}) FROM m.reads_v"  # noqa: S608
    ).rows[0]
    assert tuple(seen) == truth(records)
    versions = store.ask(
        "SELECT uniqExact(ver) FROM "
        "(SELECT ver FROM m.reads UNION ALL SELECT ver FROM m.read_history)"
    ).rows[0][0]
    assert versions == records * (ROWS - 1)
    ledger = store.ask("SELECT sum(reads_stored), sum(reads_missing) FROM m.conservation_v").rows
    assert ledger == [(records * (ROWS - 1), 0)]
    assert stored(store, 7) == BASE + records * ROWS


async def run_to_the_end(writer: Writer, journal: RecordedJournal) -> None:
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            while journal.stored() < journal.durable():  # noqa: ASYNC110 (a file tells it)
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()


async def test_the_whole_backlog_is_stored_oldest_first(
    store: Store, recorder: Recorder, tmp_path: Path
) -> None:
    journal = RecordedJournal(tmp_path, RECORDS)
    await run_to_the_end(make(store, journal, recorder), journal)
    assert_equal_to_truth(store, RECORDS)
    firsts = [event.first for event in recorder.events if isinstance(event, RangeStored)]
    assert firsts == sorted(firsts)
    assert len(firsts) == 7


@pytest.mark.parametrize("after", [False, True])
async def test_a_silent_store_is_asked_again_with_the_same_range(
    store: Store,
    recorder: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(writer_module, "insert_range", Silence(3, after=after))
    journal = RecordedJournal(tmp_path, 4)
    writer = make(store, journal, recorder, retry_min_s=0.01, retry_max_s=0.03)
    with trio.fail_after(30):
        assert await writer.store_next()
        assert not await writer.store_next()
    waits = [event.wait_s for event in recorder.events if isinstance(event, StoreWaited)]
    assert waits == [0.01, 0.02, 0.03]
    assert_equal_to_truth(store, 4)


async def test_the_range_is_planned_before_it_is_sent(
    store: Store, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = RecordedJournal(tmp_path, 4)
    seen = []
    monkeypatch.setattr(
        writer_module,
        "insert_range",
        lambda *_, **__: seen.append((journal.planned(), journal.stored())),
    )
    await make(store, journal, recorder).store_next()
    assert seen == [((BASE, BASE + 4 * ROWS), BASE)]
    assert (journal.planned(), journal.stored()) == (None, BASE + 4 * ROWS)


async def test_an_interrupted_range_is_sent_again_to_the_row(
    store: Store, recorder: Recorder, tmp_path: Path
) -> None:
    journal = RecordedJournal(tmp_path, RECORDS)
    journal.plan(BASE, BASE + 3 * ROWS)
    gathered = journal.gather(BASE, rows_max=1, until=BASE + 3 * ROWS)
    assert gathered is not None
    insert_range(store, 7, gathered, recorder)
    writer = make(store, journal, recorder)
    await writer.catch_up_plan()
    assert (journal.planned(), journal.stored()) == (None, BASE + 3 * ROWS)
    while await writer.store_next():
        pass
    assert_equal_to_truth(store, RECORDS)


async def test_running_begins_with_what_was_interrupted(
    store: Store, recorder: Recorder, tmp_path: Path
) -> None:
    journal = RecordedJournal(tmp_path, RECORDS)
    journal.plan(BASE, BASE + 3 * ROWS)
    await run_to_the_end(make(store, journal, recorder), journal)
    ends = [event.next for event in recorder.events if isinstance(event, RangeStored)]
    assert ends[0] == BASE + 3 * ROWS
    assert_equal_to_truth(store, RECORDS)


async def test_a_journal_that_cannot_repeat_its_plan_stops_the_writer(
    store: Store, recorder: Recorder, tmp_path: Path
) -> None:
    journal = RecordedJournal(tmp_path, 2)
    journal.plan(BASE, BASE + 1)
    with pytest.raises(InvariantError, match="was planned"):
        await make(store, journal, recorder).catch_up_plan()


async def test_a_read_waits_no_longer_than_freshness(
    autojump_clock: trio.testing.MockClock,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trickle = Trickle()
    times: list[float] = []
    monkeypatch.setattr(
        writer_module, "insert_range", lambda *_, **__: times.append(trio.current_time())
    )
    settings = StoreSettings(rows_max=100, freshness_s=2.0)
    writer = Writer(
        None,  # type: ignore[arg-type]
        trickle,
        node=1,
        settings=settings,
        offload=InlineOffload(),
        observer=recorder,
    )
    begun = trio.current_time()
    with trio.move_on_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            await trio.sleep(10)
            trickle.append(1)  # alone: waits out freshness
            await trio.sleep(10)
            trickle.append(100)  # a full block: goes at once
    assert [time - begun for time in times] == [12.0, 20.0]
    assert autojump_clock.current_time() >= 60


class Trickle:
    """A backlog whose durable mark the test moves."""

    def __init__(self) -> None:
        self._durable = self._stored = 0
        self._grown = trio.Event()

    def append(self, rows: int) -> None:
        self._durable += rows
        self._grown.set()
        self._grown = trio.Event()

    def ahead(self) -> None:
        return None

    def stored(self) -> int:
        return self._stored

    def durable(self) -> int:
        return self._durable

    def planned(self) -> None:
        return None

    def gather(self, first: int, *, rows_max: int, until: int | None) -> Gathered | None:
        del until
        end = min(self._durable, first + rows_max)
        return Range(first, end, [], 0) if end > first else None

    def plan(self, first: int, next: int) -> None:  # noqa: A002
        del first, next

    def advance(self, stored: int) -> None:
        self._stored = stored

    async def grown(self, past: int) -> None:
        while self._durable <= past:
            await self._grown.wait()
        await trio.lowlevel.checkpoint()
