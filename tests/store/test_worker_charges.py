"""What a pass does on the real store: what it reads, parks, corrects, finds again, and says."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
import trio
from tests.property.slow_model import SlowRead
from tests.store.conftest import Recorder
from tests.store.worker_store import (
    Arriving,
    CutShortError,
    Delayed,
    Failing,
    charger,
    noon_ms,
)
from tests.store.worker_world import Account, Link, Terms, midnight

from meteringest.app.charging import Charging
from meteringest.app.recharging import Recharging
from meteringest.clock import WallClock
from meteringest.control.charging import AskRecompute, AskSweep
from meteringest.errors import StoreUnavailable
from meteringest.offload import ThreadOffload
from meteringest.prepaid.worker.charge_pass import Charger
from meteringest.prepaid.worker.happenings import (
    CatchingUp,
    Charged,
    ChargingFailed,
    ChargingWaits,
    SweepFound,
)
from meteringest.prepaid.worker.settings import WorkerSettings
from meteringest.prepaid.worker.shards import shards_of
from meteringest.store.clickhouse import Store

DAY = date(2026, 11, 3)
TEN = """
name = "ten"
title = "ten a unit"
currency = "INR"
effective_from = 2026-01-01
slabs = [{ rate = 10 }]
"""


@pytest.fixture
def arriving(store: Store) -> Arriving:
    arriving = Arriving(store)
    arriving.rules(TEN)
    return arriving


def account(arriving: Arriving, number: int = 5, day: date = DAY, tariff: str = "ten") -> Account:
    made = Account(number, [Terms(day, "prepaid", tariff, 1_000)], [], 1_800)
    arriving.links(made, Link(number * 10, 0, 2**32 - 1, 1_000_000))
    arriving.terms(made, *made.terms)
    return made


def read(slot: int, wh: int, *, meter: int = 50, day: date = DAY, quality: int = 0) -> SlowRead:
    at_s = midnight(day) + slot * 1_800
    return SlowRead(meter, at_s, 1_800, wh, 0, wh, quality, 0)


def rows(store: Store, table: str = "charge_days FINAL") -> list[tuple[object, ...]]:
    sql = f"SELECT account, day, toFloat64(amount), held, reads FROM m.{table} ORDER BY day, ver"  # noqa: S608
    return list(store.ask(sql).rows)


def test_a_late_correction_is_a_visible_difference(store: Store, arriving: Arriving) -> None:
    account(arriving)
    arriving.reads([read(0, 1_000), read(1, 500)])
    worker, tomorrow_ms = charger(store), noon_ms(DAY + timedelta(days=1))
    worker.charge(tomorrow_ms)
    arriving.reads([read(1, 700)])
    worker.charge(tomorrow_ms)
    assert rows(store) == [(5, DAY, 17.0, [], 2)]
    assert [row[2] for row in rows(store, "charge_history FINAL")] == [15.0]


def test_what_cannot_be_charged_is_parked_and_told_once(store: Store, arriving: Arriving) -> None:
    account(arriving, 5)
    account(arriving, 6, tariff="nowhere")
    account(arriving, 7, day=DAY + timedelta(days=9))
    arriving.reads([read(0, 1_000, quality=3), read(1, 100), read(2, 9, quality=4)])
    arriving.reads([read(0, 1_000, meter=60), read(0, 1_000, meter=70)])
    worker = charger(store)
    worker.charge(noon_ms(DAY))
    arriving.reads([read(5, 100, meter=60)])
    worker.charge(noon_ms(DAY))
    held = {row[0]: (row[2], row[3], row[4]) for row in rows(store)}
    assert held == {
        5: (1.0, ["quality_rejected 1", "quality_suspect 1"], 1),
        6: (0.0, ["no_tariff"], 0),
        7: (0.0, ["no_terms"], 0),
    }
    told = store.ask("SELECT account, id, kind FROM m.outbox FINAL ORDER BY account").rows
    assert list(told) == [
        (5, "reads_held-2026-11-03", "operator"),
        (6, "unpriced-no_tariff-2026-11", "operator"),
        (7, "unpriced-no_terms-2026-11", "operator"),
    ]


def test_a_pass_reads_what_is_new_and_not_what_is_old(store: Store, arriving: Arriving) -> None:
    """By the engine's own index analysis, over many old days in parts of their own."""
    account(arriving)
    old = [
        [read(slot, 100, day=DAY - timedelta(days=back)) for slot in range(48)]
        for back in range(60)
    ]
    for day in old:
        arriving.reads(day)
    charger(store).charge(noon_ms(DAY))
    asked: list[str] = []

    class Watched:
        ask, insert = store.ask, store.insert

        def text(self, sql: str, output: str, /) -> bytes:
            asked.append(sql)
            return store.text(sql, output)

    arriving.reads([read(0, 200, day=DAY - timedelta(days=40)), read(3, 200)])
    done = charger(Watched()).charge(noon_ms(DAY))  # type: ignore[arg-type]
    assert done is not None
    assert done.accounts.tolist() == [5]
    (found,) = [sql for sql in asked if "ver >= " in sql and "FROM m.reads" in sql]
    estimate = store.ask(f"EXPLAIN ESTIMATE {found}").rows
    assert sum(int(str(row[3])) for row in estimate) == 2, estimate
    ((stored,),) = store.ask("SELECT count() FROM m.reads").rows
    assert stored == 60 * 48 + 2


def test_a_pass_cut_short_before_any_insert_is_done_again(store: Store, arriving: Arriving) -> None:
    """Were a cursor moved before the charges it speaks of, some cut would lose a day."""
    account(arriving)
    now_ms = noon_ms(DAY + timedelta(days=1))
    cuts = 0
    for slot in range(48):
        arriving.reads([read(slot, 100)])
        try:
            charger(Failing(store, slot)).charge(now_ms)
        except CutShortError:
            cuts += 1
        charger(store).charge(now_ms)
        assert rows(store) == [(5, DAY, slot + 1.0, [], slot + 1)]
        if cuts <= slot:
            break
    assert cuts > 3, "history, charges, closings, cursors"


def test_a_worker_that_finds_nothing_new_writes_nothing(store: Store, arriving: Arriving) -> None:
    account(arriving)
    arriving.reads([read(0, 100)])
    now_ms = noon_ms(DAY + timedelta(days=1))
    assert charger(store).charge(now_ms) is not None
    begun_anew = charger(Failing(store, 0))
    assert begun_anew.charge(now_ms) is None
    assert begun_anew.charge(now_ms + 1_000) is None


@pytest.mark.parametrize("last_wh", [1_000, 1_500])
def test_of_two_workers_the_one_that_saw_more_wins(
    store: Store, arriving: Arriving, last_wh: int
) -> None:
    """Whoever writes last; also where the newer result is what stood there before."""
    account(arriving)
    now_ms = noon_ms(DAY + timedelta(days=1))
    arriving.reads([read(0, 1_000)])
    charger(store).charge(now_ms)
    slow = Delayed(store)
    arriving.reads([read(0, 5_000)])
    charger(slow).charge(now_ms)
    arriving.reads([read(0, last_wh)])
    charger(store).charge(now_ms)
    slow.let_through()
    assert rows(store) == [(5, DAY, last_wh / 100, [], 1)]
    assert charger(store).charge(now_ms) is None


def test_a_changed_day_changes_the_days_after_it(store: Store, arriving: Arriving) -> None:
    """Slabs run on through the month, so a late read on the 3rd makes the 4th dearer."""
    arriving.rules(
        TEN.replace('"ten"', '"slabs"').replace(
            "slabs = [{ rate = 10 }]", "slabs = [{ up_to_kwh = 1, rate = 10 }, { rate = 20 }]"
        )
    )
    account(arriving, tariff="slabs")
    now_ms = noon_ms(DAY + timedelta(days=2))
    arriving.reads([read(0, 1_000, day=DAY + timedelta(days=1))])
    charger(store).charge(now_ms)
    assert [row[2] for row in rows(store)] == [0.0, 10.0]
    arriving.reads([read(0, 1_000)])
    charger(store).charge(now_ms)
    assert [row[2] for row in rows(store)] == [10.0, 20.0]
    arriving.reads([read(1, 500, day=DAY + timedelta(days=1))])
    charger(store).charge(now_ms)
    assert [row[2] for row in rows(store)] == [10.0, 30.0]


def test_nothing_new_is_nothing_done(store: Store, arriving: Arriving) -> None:
    account(arriving)
    worker = charger(store)
    assert worker.charge(noon_ms(DAY)) is not None
    assert worker.charge(noon_ms(DAY)) is None
    assert charger(store).charge(noon_ms(DAY)) is None


def test_a_sweep_finds_what_no_cursor_saw(store: Store, arriving: Arriving) -> None:
    account(arriving)
    arriving.reads([read(0, 1_000)])
    worker, now_ms = charger(store), noon_ms(DAY + timedelta(days=2))
    worker.charge(now_ms)
    behind = read(1, 400)
    behind.ver = arriving.position - 1
    arriving.again([behind])  # a part of a replica that lagged: below the cursor already
    assert worker.charge(now_ms) is None
    assert rows(store)[0][2] == 10.0

    class Then(WallClock):
        def now_ms(self) -> int:
            return now_ms

    recharging = Recharging(store, Then(), lambda: False)
    done = recharging.answer(AskSweep(5))
    assert (done.found, done.accounts, done.changed) == (1, 1, 1)
    assert rows(store)[0][2] == 14.0
    assert recharging.answer(AskSweep(5)).found == 0
    again = recharging.answer(AskRecompute(accounts=[5], first=DAY))
    assert (again.days, again.changed) == (2, 0)


def test_the_registrys_account_and_a_later_link(store: Store, arriving: Arriving) -> None:
    """A meter serves whom the registry names, until somebody links it."""
    account(arriving, 5)
    store.run("INSERT INTO m.meters (meter, account, ver) VALUES (99, 5, 1)")
    arriving.reads([read(0, 1_000), read(1, 300, meter=99)])
    worker, now_ms = charger(store), noon_ms(DAY + timedelta(days=1))
    worker.charge(now_ms)
    assert rows(store) == [(5, DAY, 13.0, [], 2)]
    other = Account(6, [Terms(DAY, "prepaid", "ten", 1_000)], [], 1_800)
    arriving.terms(other, *other.terms)
    arriving.links(other, Link(99, 0, 2**32 - 1, 1_000_000))
    worker.charge(now_ms)
    assert {(row[0], row[2]) for row in rows(store)} == {(5, 10.0), (6, 3.0)}
    store.run("INSERT INTO m.meters (meter, account, ver) VALUES (98, 5, 2)")
    arriving.reads([read(2, 100, meter=98)])
    worker.charge(now_ms)
    store.run("INSERT INTO m.meters (meter, account, ver) VALUES (98, 6, 3)")
    worker.charge(now_ms)
    assert {(row[0], row[2]) for row in rows(store)} == {(5, 10.0), (6, 4.0)}


def test_shares_of_the_work_are_disjoint_and_whole() -> None:
    for count in (1, 2, 3, 7, 64):
        shares = [shards_of(index, count) for index in range(1, count + 1)]
        assert sorted(shard for share in shares for shard in share) == list(range(64))


async def test_the_task_charges_when_something_is_stored(store: Store, arriving: Arriving) -> None:
    """Woken, not waiting; a store that is away, or a fault, is tried again; accounts are told."""
    account(arriving)
    moved, told = trio.Event(), list[int]()
    observer, failures = Recorder(), [ZeroDivisionError("ours"), StoreUnavailable("x", "away")]

    class Away:
        text, insert = store.text, store.insert

        def ask(self, sql: str, parameters: object = None, /) -> object:
            if failures:
                raise failures.pop()
            return store.ask(sql, parameters)  # type: ignore[arg-type]

    class Then(WallClock):
        def now_ms(self) -> int:
            return noon_ms(DAY + timedelta(days=1))

    charging = Charging(
        Away(),  # type: ignore[arg-type]
        WorkerSettings(gap_s=0, poll_s=3_600, retry_s=0.01, sweep_days=0),
        shards_of(1, 1),
        clock=Then(),
        offload=ThreadOffload(1),
        observer=observer,
    )
    passed = trio.Event()

    def charged(accounts: Iterable[int]) -> None:
        told.extend(accounts)
        passed.set()

    charging.charged = charged

    async def stored() -> None:
        await moved.wait()
        await trio.sleep(0.05)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(charging.run, stored)
            await passed.wait()
            passed, told[:] = trio.Event(), []
            arriving.reads([read(0, 1_000)])
            moved.set()
            await passed.wait()
            nursery.cancel_scope.cancel()
    assert told == [5]
    assert rows(store) == [(5, DAY, 10.0, [], 1)]
    assert len(observer.of(ChargingWaits)) == len(observer.of(ChargingFailed)) == 1
    assert len(observer.of(Charged)) >= 2
    assert observer.of(SweepFound) == []
    assert (charging.backlog_reads, charging.age_s) == (0, 0.0)


def test_catching_up_is_told_batch_by_batch(store: Store, arriving: Arriving) -> None:
    """Memory is bounded by accounts at a time, however long the store was away."""
    for number in (5, 6, 7):
        account(arriving, number)
        days = [DAY + timedelta(days=back) for back in range(9)]
        arriving.reads([read(0, 1_000, meter=number * 10, day=day) for day in days])
    told: list[CatchingUp] = []
    settings = WorkerSettings(accounts_max=2, rows_max=4)
    worker = Charger(store, settings, shards_of(1, 1), told=told.append)
    done = worker.charge(noon_ms(DAY + timedelta(days=9)))
    assert done is not None
    assert (done.days, worker.lag.reads) == (27, 0)
    assert [(each.accounts_done, each.accounts) for each in told] == [(1, 3)]
    assert (told[0].first, told[0].until) == ("2026-11-03", "2026-11-11")
    assert sum(float(str(row[2])) for row in rows(store)) == 270.0
