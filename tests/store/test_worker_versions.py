"""Every version a day was ever charged with: where it stands once another one counts."""

from datetime import date, timedelta

import pytest
from tests.property.slow_model import SlowRead
from tests.store.worker_store import Arriving, CutShortError, Failing, charger, noon_ms
from tests.store.worker_world import Account, Link, Terms, midnight

from meteringest.store.clickhouse import Store

DAY = date(2090, 11, 3)
"""Far ahead: the engine's own clock forgets open versions of a day after a week."""
TARIFF = """
name = "slabs"
title = "dearer from one unit on"
currency = "INR"
effective_from = 2026-01-01
slabs = [{ up_to_kwh = 1, rate = 10 }, { rate = 20 }]
"""
FAR_APART = 1_000_003
Version = tuple[object, ...]


@pytest.fixture
def arriving(store: Store) -> Arriving:
    arriving = Arriving(store)
    arriving.rules(TARIFF)
    return arriving


def account(arriving: Arriving, number: int, first: date = DAY) -> None:
    made = Account(number, [Terms(first, "prepaid", "slabs", 1_000)], [], 1_800)
    arriving.links(made, Link(number * 10, 0, 2**32 - 1, 1_000_000))
    arriving.terms(made, *made.terms)


def read(number: int, slot: int, wh: int, day: date = DAY) -> SlowRead:
    at_s = midnight(day) + slot * 1_800
    return SlowRead(number * 10, at_s, 1_800, wh, 0, wh, 0, 0)


def versions(store: Store, tables: str, over: int = 1) -> set[Version]:
    sql = f"SELECT account, day, ver, amount, components, amounts, up_to FROM {tables} "  # noqa: S608
    rows = store.ask(f"{sql} WHERE over = {over}").rows
    return {(*row[:4], *map(str, row[4:])) for row in rows}


def counting(store: Store) -> set[Version]:
    """What counts now; what does not count any more is merged away."""
    store.run("OPTIMIZE TABLE m.charge_days FINAL")
    return versions(store, "m.charge_days FINAL")


@pytest.mark.parametrize("accounts", [(5,), (5, 6, 7), (5, FAR_APART)])
def test_what_an_ended_day_was_charged_is_never_gone(
    store: Store, arriving: Arriving, accounts: tuple[int, ...]
) -> None:
    """Corrected again and again: a pass is cut before some insert, more comes, one is whole."""
    for number in accounts:
        account(arriving, number)
    now_ms = noon_ms(DAY + timedelta(days=3))
    stood: set[Version] = set()
    cuts = 0
    for slot in range(16):
        arriving.reads([read(number, slot, 100 + slot) for number in accounts])
        try:
            charger(Failing(store, slot % 7)).charge(now_ms)
        except CutShortError:
            cuts += 1
        stood |= counting(store)
        arriving.reads([read(accounts[-1], slot, 300, DAY + timedelta(days=1))])
        charger(store).charge(now_ms)
        stood |= counting(store)
    kept = versions(store, "m.charge_history")
    assert len(stood) > 16 * 3
    assert cuts > 3
    assert stood - counting(store) <= kept <= stood


def test_of_an_open_day_every_version_is_kept(store: Store, arriving: Arriving) -> None:
    account(arriving, 5)
    live: set[Version] = set()
    for slot in range(4):
        arriving.reads([read(5, slot, 100)])
        charger(store).charge(noon_ms(DAY))
        live |= versions(store, "m.charge_days FINAL", over=0)
    assert len(live) == 4
    charger(store).charge(noon_ms(DAY + timedelta(days=1)))
    assert versions(store, "m.charge_history", over=0) >= live
    assert not versions(store, "m.charge_history")
    assert len(counting(store)) == 1


def test_nobody_elses_versions_are_copied(store: Store, arriving: Arriving) -> None:
    for number in (5, 6, FAR_APART):
        account(arriving, number)
    now_ms = noon_ms(DAY + timedelta(days=3))
    arriving.reads([read(5, 0, 100), read(6, 0, 100), read(FAR_APART, 0, 100)])
    charger(store).charge(now_ms)
    arriving.reads([read(5, 1, 100, DAY + timedelta(days=1)), read(FAR_APART, 1, 100)])
    charger(store).charge(now_ms)
    found = {(row[0], row[1]) for row in versions(store, "m.charge_history")}
    assert (6, DAY) not in found
    assert (FAR_APART, DAY) in found


def test_an_account_of_many_years_is_charged_at_once(store: Store, arriving: Arriving) -> None:
    """More months than the engine lets one insert have by itself; and they are corrected, too."""
    first = date(DAY.year - 10, DAY.month, DAY.day)
    account(arriving, 5, first)
    arriving.reads([read(5, 0, 100)])
    now_ms = noon_ms(DAY + timedelta(days=1))
    worker = charger(store, rows_max=10_000)
    done = worker.charge(now_ms)
    assert done is not None
    assert done.days == (DAY - first).days + 1
    arriving.rules(TARIFF.replace("slabs =", "revision = 2\nslabs ="))
    worker.charge(now_ms)
    ended = (DAY - first).days + 1
    assert len(versions(store, "m.charge_history")) == len(counting(store)) == ended
