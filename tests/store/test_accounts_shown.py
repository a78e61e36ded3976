"""What an account is shown: how long its balance lasts, and a day charged again before its eyes."""

from datetime import date
from functools import partial

import pytest

from meteringest.columns import rows_block
from meteringest.prepaid.calendar import day_start_s
from meteringest.prepaid.charges import DayCharges, charge_day
from meteringest.prepaid.ledger import tables
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.ledger.loading import RuleFile
from meteringest.prepaid.ledger.orders import TakePayment
from meteringest.prepaid.ledger.terms import Terms, load_links
from meteringest.prepaid.lines import total
from meteringest.prepaid.showing.account import list_accounts, show
from meteringest.prepaid.showing.inputs import Account, charged_day
from meteringest.prepaid.showing.known import is_known
from meteringest.prepaid.showing.statements import make_day, make_statement
from meteringest.prepaid.tariff import Payment
from meteringest.prepaid.worker.closing import written
from meteringest.store.clickhouse import Store

TARIFF = """
name = "six"
title = "six a unit"
currency = "INR"
effective_from = 2026-04-01
decimals = 2
[[slabs]]
rate = 6
"""
FIRST = date(2026, 11, 16)
TODAY = date(2026, 11, 18)
TERMS = Terms(account=1, effective_from=FIRST, payment=Payment.PREPAID, tariff="six")
NOON_S = day_start_s(TODAY) + 12 * 3_600
IMPORTED = 1  # of `present`: bit 0
READS = {
    "meter": "UInt32",
    "interval_start": "DateTime('UTC')",
    "interval_s": "UInt16",
    "imp_wh": "UInt32",
    "present": "UInt16",
    "ver": "UInt64",
}
CHARGED = {
    "account": "UInt64",
    "day": "Date",
    "payment": "String",
    "tariff": "String",
    "amount": "Decimal(18, 6)",
    "kinds": "Array(String)",
    "components": "Array(String)",
    "amounts": "Array(Decimal(18, 6))",
    "energies": "Array(Int64)",
    "over": "UInt8",
    "up_to": "DateTime('UTC')",
    "at": "DateTime64(3, 'UTC')",
    "ver": "UInt64",
}


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """Account 1, prepaid at six a unit, 1 kW day and night, paid 60, charged up to noon."""
    made = Ledger(store, lambda: NOON_S * 1_000)
    made.load_rules([RuleFile("six.toml", TARIFF)], "a")
    tables.insert_terms(store, [TERMS], ("a", "r", 0, 1))
    store.run("INSERT INTO m.meters (meter, serial, account, ver) VALUES (7, 'S7', 1, 1)")
    start = day_start_s(date(2026, 11, 16))
    reads = [(7, at, 1_800, 500, IMPORTED, 1) for at in range(start, NOON_S, 1_800)]
    store.insert("m.reads", rows_block(READS, reads), "r")
    made.enter([TakePayment(account=1, amount="408", origin="upi", reference="1")])
    for day in (date(2026, 11, 16), date(2026, 11, 17), TODAY):
        charge(store, made, day)
    return made


def charge(store: Store, ledger: Ledger, day: date) -> DayCharges:
    """As a worker would."""
    (links,) = load_links(store, [1]).values()
    account = Account(1, TERMS, links, 330)
    asked, opening = charged_day(store, ledger.rules(), account, day, over=day < TODAY)
    done = charge_day(asked, opening)
    assert asked.tariff is not None
    closing = written(done.closing, asked.tariff, 0).hex()
    lines = [(line.kind.value, line.component, line.amount, line.energy_uwh) for line in done.lines]
    kinds, components, amounts, energies = zip(*lines, strict=True)
    up_to = max(read.start_s + read.interval_s for read in asked.reads)
    row = (
        *(1, day, "prepaid", asked.tariff.id, total(done.lines), kinds, components, amounts),
        *(energies, int(day < TODAY), up_to, NOON_S * 1_000, 5),
    )
    store.insert("m.charge_days", rows_block(CHARGED, [row]), f"{day}-{row}")
    # A column of bytes: the encoder writes text.
    values = f"('{day}', 1, unhex('{closing}'), 5)"
    store.run(f"INSERT INTO m.charge_closings (day, account, closing, ver) VALUES {values}")  # noqa: S608
    return done


def test_a_balance_lasts_as_long_as_it_is_used_like_before(store: Store, ledger: Ledger) -> None:
    found = show(store, ledger, 1, NOON_S * 1_000)
    # 408 less 60 hours at 6: 48 left, which is 8 units at 1 kW.
    assert found.balance.prepaid == 48_000_000
    assert (found.outlook.unknown, found.outlook.units_uwh) == ("", 8_000 * 10**6)
    assert (found.outlook.hours, found.outlook.runs_out_s) == (8, NOON_S + 8 * 3_600)
    assert (found.tariff, found.meters[0].serial) == (ledger.rules().tariffs[0].id, "S7")
    later = show(store, ledger, 1, (NOON_S + 5 * 3_600) * 1_000)
    assert (later.outlook.units_uwh, later.outlook.hours) == (8_000 * 10**6, 3)
    assert show(store, ledger, 2, NOON_S * 1_000).known is False
    assert is_known(store, ledger, 1)
    assert not is_known(store, ledger, 2)
    store.run("INSERT INTO m.meters (meter, serial, account, ver) VALUES (8, 'S8', 2, 1)")
    assert is_known(store, ledger, 2)
    (listed,) = list_accounts(store, ledger, "SIX", 10)
    assert (listed.account, listed.prepaid) == (1, 48_000_000)


def test_after_midnight_before_the_first_read_the_new_day_is_open(
    store: Store, ledger: Ledger
) -> None:
    gone = f"ALTER TABLE m.charge_days DELETE WHERE day = '{TODAY}'"
    store.run(gone, {"mutations_sync": 2})
    midnight_s = day_start_s(TODAY)
    found = show(store, ledger, 1, (midnight_s + 60) * 1_000)
    assert found.balance.prepaid == 120_000_000
    # What was read of the day is not charged yet: it is still to be spent.
    assert found.outlook.units_uwh == 20_000 * 10**6
    assert (found.outlook.runs_out_s, found.outlook.hours) == (midnight_s + 20 * 3_600, 19)


def test_a_day_charged_again_agrees_or_says_where_it_does_not(store: Store, ledger: Ledger) -> None:
    yesterday = date(2026, 11, 17)
    again = make_day(store, ledger, 1, yesterday)
    assert (again.computed, again.posted, again.differs) == (144_000_000, 144_000_000, ())
    assert len(again.lines) == 48
    assert (again.lines[0].start_s, again.lines[0].amount) == (day_start_s(yesterday), 3_000_000)
    corrected = [(7, day_start_s(yesterday), 1_800, 800, IMPORTED, 9)]
    store.insert("m.reads", rows_block(READS, corrected), "c")
    again = make_day(store, ledger, 1, yesterday)
    assert (again.computed, again.posted, again.differs) == (145_800_000, 144_000_000, ("energy",))
    assert make_day(store, ledger, 1, date(2026, 1, 1)).posted is None


def test_a_statement_out_of_the_store_comes_to_the_balance(store: Store, ledger: Ledger) -> None:
    statement = partial(make_statement, store, ledger, 1)
    found = statement((None, None), NOON_S * 1_000)
    assert {book.value: amount for book, amount in found.closing.items()} == {
        "prepaid": ledger.balance(1).prepaid,
        "postpaid": 0,
        "arrears": 0,
    }
    (day,) = [line for line in found.lines if line.of_day == date(2026, 11, 17)]
    assert (day.amount, day.components) == (-144_000_000, {"energy": 144_000_000})
    until = statement((None, date(2026, 11, 17)), NOON_S * 1_000)
    assert until.closing[day.book] == -288_000_000
    to_come = date(2027, 1, 5)
    later = statement((to_come, None), NOON_S * 1_000)
    assert (later.first, later.last, later.opening) == (to_come, to_come, later.closing)
