"""A store that an earlier release charged goes on being charged, and says the same."""

from datetime import date, timedelta

import numpy as np
import pytest
from tests.property.slow_model import SlowRead
from tests.property.test_worker_closing import whole
from tests.store.worker_store import Arriving, charger, noon_ms
from tests.store.worker_world import Account, Link, Terms, midnight

from meteringest.prepaid.ledger.rules import load_rules
from meteringest.prepaid.worker import openings
from meteringest.prepaid.worker.packing import LEAN, record_of, unpack
from meteringest.store.clickhouse import Store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

DAY = date(2026, 11, 3)
NEXT = DAY + timedelta(days=1)
STEEP = """
name = "steep"
title = "one, then ten a unit"
currency = "INR"
effective_from = 2026-01-01
slabs = [{ up_to_kwh = 1, rate = 1 }, { rate = 10 }]
fixed = [{ name = "fixed", amount = 30, every = "month" }]
"""
ACCOUNTS = (5, 6, 7, 8)


@pytest.mark.parametrize("many", [1, openings.MANY])
def test_what_an_earlier_release_closed_with_is_gone_on_from(
    store: Store, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """Of four accounts alike two stand as earlier releases wrote them; of two closings are lost."""
    monkeypatch.setattr(openings, "MANY", many)
    arriving = Arriving(store)
    arriving.rules(STEEP)
    for number in ACCOUNTS:
        made = Account(number, [Terms(DAY, "prepaid", "steep", 1_000)], [], 1_800)
        arriving.links(made, Link(number, 0, 2**32 - 1, 1_000_000))
        arriving.terms(made, *made.terms)
    arriving.reads([_read(number, DAY, 900) for number in ACCOUNTS])
    charger(store).charge(noon_ms(NEXT))
    _write_as_before(store, (6, 8))
    arriving.reads([_read(number, NEXT, 300) for number in ACCOUNTS])
    charger(store).charge(noon_ms(NEXT + timedelta(days=1)))
    for number in ACCOUNTS:
        days = store.ask(
            "SELECT day, toFloat64(amount) FROM m.charge_days FINAL "
            "WHERE over = 1 AND account = {account:UInt64} ORDER BY day",
            {"account": number},
        ).rows
        assert list(days) == [(DAY, 0.9 + 1), (NEXT, 0.1 + 2 + 1)], number


def _read(meter: int, day: date, wh: int) -> SlowRead:
    return SlowRead(meter, midnight(day), 1_800, wh, 0, wh, 0, 0)


def _write_as_before(store: Store, accounts: tuple[int, ...]) -> None:
    tariff = load_rules(store).tariffs[-1]
    for account in accounts:
        ((closing,),) = store.ask(
            "SELECT hex(closing) FROM m.charge_closings FINAL WHERE account = {a:UInt64}",
            {"a": account},
        ).rows
        raw = bytes.fromhex(str(closing))
        assert raw[0] == LEAN
        state, load_w = unpack(tariff, record_of(raw))
        before = whole(tariff, state, int(np.asarray(load_w)[0])).hex()
        store.run(
            "INSERT INTO m.charge_days "  # noqa: S608 (our own bytes)
            f"SELECT * REPLACE (unhex('{before}') AS closing, ver + 1 AS ver) "
            f"FROM m.charge_days FINAL WHERE over = 1 AND account = {account}"
        )
    store.run("DROP TABLE m.charge_closings SYNC")
    migrate(store, StoreSettings())
    moved = store.ask("SELECT account, hex(closing) FROM m.charge_closings FINAL ORDER BY account")
    kept = store.ask(
        "SELECT account, hex(closing) FROM m.charge_days FINAL WHERE closing != '' ORDER BY account"
    )
    assert list(moved.rows) == list(kept.rows)
    assert [row[0] for row in moved.rows] == list(accounts)
