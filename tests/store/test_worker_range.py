"""Figures out of all proportion: their account's day is held, everybody else's is charged."""

from datetime import date, timedelta

import pytest
from tests.property.slow_model import SlowRead
from tests.store.worker_store import Arriving, charger, noon_ms
from tests.store.worker_world import Account, Link, Terms, midnight

from meteringest.prepaid.worker.midnight import REGISTER_MAX
from meteringest.store.clickhouse import Store

DAY = date(2026, 11, 3)
LATER_MS = noon_ms(DAY + timedelta(days=3))
TARIFF = """
name = "ten"
title = "ten a unit, and its fixed charge"
currency = "INR"
effective_from = 2026-01-01
slabs = [{ rate = 10 }]
fixed = [{ name = "fixed", amount = 2, per = "kw", every = "day" }]
"""
DEAR = TARIFF.replace('"ten"', '"dear"').replace("rate = 10", "rate = 999999")
HIGH = TARIFF.replace('"ten"', '"high"').replace("rate = 10", "rate = 750")
STRANGE, PLAIN = 5, 6
REGISTER = (
    "INSERT INTO m.registers (meter, at, profile, class, attribute, obis, value, scaler, unit, ver)"
)


@pytest.fixture
def arriving(store: Store) -> Arriving:
    arriving = Arriving(store)
    arriving.rules(TARIFF, DEAR, HIGH)
    return arriving


def account(
    arriving: Arriving,
    number: int,
    *,
    multiplier: int = 1,
    load_w: int = 1_000,
    tariff: str = "ten",
) -> None:
    made = Account(number, [Terms(DAY, "prepaid", tariff, load_w)], [], 1_800)
    arriving.links(made, Link(number * 10, 0, 2**32 - 1, multiplier * 1_000_000))
    arriving.terms(made, *made.terms)


def read(number: int, wh: int, slot: int = 0, day: date = DAY) -> SlowRead:
    return SlowRead(number * 10, midnight(day) + slot * 1_800, 1_800, wh, 0, wh, 0, 0)


def registers(arriving: Arriving, number: int, *ends: tuple[int, int]) -> None:
    """Value and scaler at both ends of the day, told with the reads that arrive next."""
    for day, (value, scaler) in enumerate(ends):
        at_s = midnight(DAY + timedelta(days=day))
        row = (number * 10, at_s, "daily", 3, 2, "1.0.1.8.0.255", value, scaler, 30)
        arriving.store.run(f"{REGISTER} VALUES {(*row, arriving.position)}")


def held(store: Store, number: int) -> tuple[float, list[str]]:
    sql = "SELECT toFloat64(amount), held FROM m.charge_days FINAL WHERE account = {account:UInt64}"
    ((amount, reasons), *_) = store.ask(f"{sql} ORDER BY day", {"account": number}).rows
    return amount, reasons  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("value", "scaler"),
    [
        *((10**13, 0), (10**15, 0), (2**63 - 1, 0), (-1, 0), (5, 13), (5, 18), (5, 19), (5, 127)),
        *((1, -128), (10**9, -19), (10**9, -24)),
    ],
)
@pytest.mark.parametrize("multiplier", [1, 2_200])
def test_a_register_out_of_range_is_left_out(
    store: Store, arriving: Arriving, value: int, scaler: int, multiplier: int
) -> None:
    account(arriving, STRANGE, multiplier=multiplier)
    account(arriving, PLAIN)
    registers(arriving, STRANGE, (0, 0), (value, scaler))
    registers(arriving, PLAIN, (0, 0), (700, 0))
    arriving.reads([read(STRANGE, 500), read(PLAIN, 500)])
    assert charger(store).charge(LATER_MS) is not None
    assert charger(store).charge(LATER_MS) is None
    assert held(store, PLAIN) == (9.0, [])
    amount, reasons = held(store, STRANGE)
    assert amount == 2 + 5 * multiplier
    possible = scaler >= 0 and 0 <= value * 10**scaler <= REGISTER_MAX
    assert reasons == (["register_out_of_range"] if possible else [])


@pytest.mark.parametrize(
    ("value", "scaler", "wh"),
    [(5, 3, 5_000), (10**9, -6, 1_000), (10**9, -18, 0), (2**63 - 1, -18, 9), (700, 0, 700)],
)
def test_every_scaler_that_fits_is_applied(
    store: Store, arriving: Arriving, value: int, scaler: int, wh: int
) -> None:
    account(arriving, PLAIN)
    registers(arriving, PLAIN, (0, 0), (value, scaler))
    arriving.reads([read(PLAIN, 500)])
    charger(store).charge(LATER_MS)
    assert held(store, PLAIN) == (2 + wh / 100, [])


def test_a_read_out_of_range_holds_its_day_until_it_is_corrected(
    store: Store, arriving: Arriving
) -> None:
    account(arriving, STRANGE, multiplier=2_200)
    account(arriving, PLAIN)
    arriving.reads([read(STRANGE, 2**32 - 1), read(PLAIN, 500)])
    arriving.reads([read(STRANGE, 500, 0, DAY + timedelta(days=1))])
    charger(store).charge(LATER_MS)
    assert held(store, PLAIN) == (7.0, [])
    assert held(store, STRANGE) == (0.0, ["out_of_range"])
    told = store.ask("SELECT account, id FROM m.outbox FINAL WHERE kind = 'operator'").rows
    assert list(told) == [(STRANGE, "unpriced-out_of_range-2026-11")]
    arriving.reads([read(STRANGE, 1_000)])
    charger(store).charge(LATER_MS)
    assert held(store, STRANGE) == (2_200 * 10 + 2, [])


@pytest.mark.parametrize("basis", ["kwh", "kvah"])
@pytest.mark.parametrize("lacks", ["imp_wh", "imp_vah"])
def test_a_read_without_the_channel_of_a_demand_charge_is_held(
    store: Store, arriving: Arriving, basis: str, lacks: str
) -> None:
    """Its demand would count as nothing, in silence."""
    demanded = "kw" if lacks == "imp_wh" else "kva"
    fixed = f'{{ name = "demand", amount = 30, per = "{demanded}", demand_floor_percent = 50 }}'
    text = TARIFF.replace('"ten"', '"demand"').partition("fixed =")[0]
    arriving.rules(f'{text}basis = "{basis}"\nfixed = [{fixed}]\n')
    account(arriving, STRANGE, tariff="demand")
    short = read(STRANGE, 900)
    setattr(short, lacks, None)
    arriving.reads([short, read(STRANGE, 1_000, 1)])
    charger(store).charge(LATER_MS)
    amount, reasons = held(store, STRANGE)
    assert (amount, reasons) == (12.0, ["channel_missing 1"])


@pytest.mark.parametrize(
    ("load_w", "tariff", "wh", "multiplier"),
    [
        (2**32 - 1, "ten", 2**32 - 1, 2_000),
        (1_000, "dear", 2**32 - 1, 1_000),
        (1_000, "dear", 2**32 - 1, 300),
        (1_000, "dear", 2**31, 466),
        (1_000, "high", 2**31, 466),
    ],
)
def test_money_out_of_range_is_held(
    store: Store, arriving: Arriving, load_w: int, tariff: str, wh: int, multiplier: int
) -> None:
    """More than 18 digits hold, or 64 bits."""
    account(arriving, STRANGE, load_w=load_w, tariff=tariff, multiplier=multiplier)
    account(arriving, PLAIN)
    arriving.reads([read(STRANGE, wh), read(STRANGE, wh, 1), read(PLAIN, 500)])
    charger(store).charge(LATER_MS)
    assert held(store, PLAIN) == (7.0, [])
    assert held(store, STRANGE) == (0.0, ["out_of_range"])
