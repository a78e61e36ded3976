"""A day that ends with all its reads still new: whoever is charged anyway is not looked for."""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from tests.property.slow_model import SlowRead
from tests.store.worker_store import Arriving, charger, noon_ms
from tests.store.worker_world import Account, Link, Terms, midnight

from meteringest.store.clickhouse import Store, Table

DAY = date(2026, 11, 3)
TEN = """
name = "ten"
title = "ten a unit"
currency = "INR"
effective_from = 2026-01-01
slabs = [{ rate = 10 }]
"""
LASTS, CLOSED, LATER = 5, 6, 7


class Counted:
    """An engine that says how many rows of the reads each question would be read from."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.insert = store.insert
        self.looked = 0

    def ask(self, sql: str, parameters: Mapping[str, object] | None = None, /) -> Table:
        return self._store.ask(sql, parameters)

    def text(self, sql: str, output: str, /) -> bytes:
        if "FROM m.reads" in sql and "ver >= " in sql:
            rows = self._store.ask(f"EXPLAIN ESTIMATE {sql}").rows
            self.looked += sum(int(str(row[3])) for row in rows)
        return self._store.text(sql, output)


@pytest.fixture
def arriving(store: Store) -> Arriving:
    arriving = Arriving(store)
    arriving.rules(TEN)
    firsts = {LASTS: DAY, CLOSED: DAY, LATER: DAY + timedelta(days=1)}
    for number, first in firsts.items():
        account = Account(number, [Terms(first, "prepaid", "ten", 1_000)], [], 1_800)
        arriving.links(account, Link(number * 10, 0, 2**32 - 1, 1_000_000))
        arriving.terms(account, *account.terms)
    store.run(
        "INSERT INTO m.account_terms (account, effective_from, payment, tariff, closed, ver) "  # noqa: S608
        f"VALUES ({CLOSED}, '{DAY}', 'prepaid', 'ten', 1, 1900)"
    )
    return arriving


def reads(number: int, day: date, *slots: int) -> list[SlowRead]:
    return [
        SlowRead(number * 10, midnight(day) + slot * 1_800, 1_800, 1_000, 0, 1_000, 0, 0)
        for slot in slots
    ]


def rows(store: Store) -> dict[tuple[object, object], tuple[object, ...]]:
    sql = "SELECT account, day, toFloat64(amount), held, reads FROM m.charge_days FINAL"
    return {(row[0], row[1]): row[2:] for row in store.ask(sql).rows}


def test_every_account_gets_its_row_of_the_day(store: Store, arriving: Arriving) -> None:
    charger(store).charge(noon_ms(DAY))
    for number in (LASTS, CLOSED, LATER):
        arriving.reads(reads(number, DAY, 0, 47))
    charger(store).charge(noon_ms(DAY + timedelta(days=1)))
    assert rows(store) == {
        (LASTS, DAY): (20.0, [], 2),
        (CLOSED, DAY): (0.0, ["account_closed"], 0),
        (LATER, DAY): (0.0, ["no_terms"], 0),
    }


def test_what_is_not_of_the_day_is_found_with_it(store: Store, arriving: Arriving) -> None:
    before, after = DAY, DAY + timedelta(days=2)
    arriving.reads(reads(LASTS, before, 0))
    charger(store).charge(noon_ms(DAY + timedelta(days=1)))
    arriving.reads(reads(LASTS, before, 47) + reads(LASTS, after, 0))
    charger(store).charge(noon_ms(after))
    charged = {day: row[0] for (account, day), row in rows(store).items() if account == LASTS}
    assert charged == {before: 20.0, DAY + timedelta(days=1): 0.0, after: 10.0}


def test_only_the_others_are_looked_for(store: Store, arriving: Arriving) -> None:
    charger(store).charge(noon_ms(DAY))
    arriving.reads(reads(LASTS, DAY, *range(48)))
    counted = Counted(store)
    charger(counted).charge(noon_ms(DAY + timedelta(days=1)))  # type: ignore[arg-type]
    assert rows(store)[LASTS, DAY] == (480.0, [], 48)
    assert counted.looked == 0
