"""Arrears come back by instalments, and conversions leave nothing behind; each day once."""

from collections.abc import Mapping
from datetime import date

import msgspec
import pytest
import trio
from tests.store.conftest import Recorder

from meteringest.app.happenings import DuesEntered, DuesWait
from meteringest.app.recovering import LOOK_S, RETRY_S, recover_dues
from meteringest.columns import rows_block
from meteringest.errors import StoreUnavailable
from meteringest.offload import InlineOffload
from meteringest.prepaid.arrears import RecoveryPlan
from meteringest.prepaid.calendar import day_start_s
from meteringest.prepaid.ledger import tables
from meteringest.prepaid.ledger.entries import Book, EntryKind
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.ledger.orders import Adjust, Convert, Reverse, TakePayment, Transfer
from meteringest.prepaid.ledger.ports import Answer
from meteringest.prepaid.ledger.recovering import Recovering
from meteringest.prepaid.ledger.terms import Terms
from meteringest.prepaid.tariff import Payment
from meteringest.store.clickhouse import Store, Table

MICRO = 1_000_000
WHY = {"origin": "office", "author": "asha", "reason": "because"}
CHARGED = {
    "account": "UInt64",
    "day": "Date",
    "payment": "String",
    "amount": "Decimal(18, 6)",
    "ver": "UInt64",
}


class Clock:
    """Noon of a day that a test turns."""

    def __init__(self) -> None:
        self.day = date(2026, 11, 1)

    def now_ms(self) -> int:
        return (day_start_s(self.day) + 43_200) * 1_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(store: Store, clock: Clock) -> Ledger:
    return Ledger(store, clock.now_ms)


def due(store: Store, ledger: Ledger, clock: Clock) -> Recovering:
    return Recovering(store, ledger.rules, ledger.post, clock.now_ms)


def terms(payment: Payment, **more: object) -> Terms:
    first = date(2026, 10, 1)
    return Terms(account=1, effective_from=first, payment=payment, tariff="t", **more)  # type: ignore[arg-type]


def charge(store: Store, day: date, payment: Payment, amount: int, ver: int) -> None:
    block = rows_block(CHARGED, [(1, day, payment, amount * MICRO, ver)])
    store.insert("m.charge_days", block, f"{day}-{ver}")


def test_an_instalment_is_taken_a_day_at_a_time_and_missed_days_come_later(
    store: Store, ledger: Ledger, clock: Clock
) -> None:
    plan = terms(Payment.PREPAID, recovery=RecoveryPlan(instalment=300 * MICRO))
    november = msgspec.structs.replace(plan, effective_from=clock.day)
    tables.insert_terms(store, [november], ("a", "r", 0, 1))
    ledger.enter([Adjust(account=1, amount="-250", book=Book.ARREARS, reference="1", **WHY)])
    recovering = due(store, ledger, clock)
    assert recovering.work() == [1]
    assert recovering.work() == []
    balance = ledger.balance(1)
    assert (balance.prepaid, balance.arrears) == (-10 * MICRO, -240 * MICRO)
    clock.day = date(2026, 11, 5)
    assert due(store, ledger, clock).work() == [1]
    assert ledger.balance(1).arrears == -200 * MICRO
    clock.day = date(2026, 11, 28)
    due(store, ledger, clock).work()
    balance = ledger.balance(1)
    assert (balance.prepaid, balance.arrears) == (-250 * MICRO, 0)
    assert due(store, ledger, clock).work() == []


def test_what_a_late_correction_leaves_in_the_old_book_follows_to_arrears(
    store: Store, ledger: Ledger, clock: Clock
) -> None:
    tables.insert_terms(store, [terms(Payment.POSTPAID)], ("a", "r", 0, 1))
    charge(store, date(2026, 10, 20), Payment.POSTPAID, 100, 1)
    convert = Convert(account=1, to=Payment.PREPAID, from_day=clock.day, reference="c", **WHY)
    ledger.enter([convert])
    assert ledger.balance(1).arrears == -100 * MICRO
    recovering = due(store, ledger, clock)
    assert recovering.work() == []
    # Today is still charged the old way: that will be charged again, and is no debt.
    charge(store, clock.day, Payment.POSTPAID, 7, 1)
    charge(store, date(2026, 10, 20), Payment.POSTPAID, 130, 2)
    assert recovering.work() == [1]
    charge(store, clock.day, Payment.PREPAID, 7, 2)
    balance = ledger.balance(1)
    assert (balance.prepaid, balance.postpaid, balance.arrears) == (-7 * MICRO, 0, -130 * MICRO)
    assert recovering.work() == []
    clock.day = date(2026, 11, 2)
    charge(store, date(2026, 10, 20), Payment.POSTPAID, 90, 3)
    assert recovering.work() == [1]
    assert ledger.balance(1).arrears == -90 * MICRO


def test_a_conversion_for_a_later_day_moves_the_books_on_that_day(
    store: Store, ledger: Ledger, clock: Clock
) -> None:
    tables.insert_terms(store, [terms(Payment.PREPAID)], ("a", "r", 0, 1))
    ledger.enter([TakePayment(account=1, amount="90", origin="upi", reference="1")])
    later = date(2026, 12, 1)
    ledger.enter([Convert(account=1, to=Payment.POSTPAID, from_day=later, reference="c", **WHY)])
    assert due(store, ledger, clock).work() == []
    assert ledger.balance(1).prepaid == 90 * MICRO
    charge(store, date(2026, 11, 30), Payment.PREPAID, 20, 1)
    clock.day = later
    assert due(store, ledger, clock).work() == [1]
    balance = ledger.balance(1)
    assert (balance.prepaid, balance.postpaid, balance.arrears) == (0, 70 * MICRO, 0)


class Flaky(Recovering):
    """The store is away the first time."""

    def __init__(self) -> None:
        self.asked = 0

    def work(self) -> list[int]:
        self.asked += 1
        if self.asked == 1:
            raise StoreUnavailable("there", "away")
        return [4, 5] if self.asked == 2 else []


def test_a_reference_that_two_nodes_took_is_told_once_and_not_reversed(
    store: Store, ledger: Ledger, clock: Clock
) -> None:
    """Two ledgers that did not see each other; a transfer and a retry are as they should be."""
    tables.insert_terms(store, [terms(Payment.PREPAID)], ("a", "r", 0, 1))
    other = msgspec.structs.replace(terms(Payment.PREPAID), account=2)
    tables.insert_terms(store, [other], ("a", "r", 0, 1))
    elsewhere = Ledger(Blind(store), clock.now_ms)
    pay = TakePayment(account=1, amount="500", origin="upi", reference="r1")
    ledger.enter([pay, Transfer(account=1, to=2, amount="40", reference="t1", **WHY)])
    ledger.enter([Reverse(of=EntryKind.TRANSFER, reference="t1", **WHY)])
    recovering = due(store, ledger, clock)
    recovering.work()
    assert doubled(store) == []
    elsewhere.enter([pay])
    recovering.work()
    assert doubled(store) == []
    elsewhere.enter([msgspec.structs.replace(pay, amount="600")])
    elsewhere.enter([TakePayment(account=2, amount="5", origin="upi", reference="r2")])
    ledger.enter([TakePayment(account=1, amount="1", origin="upi", reference="r9")])
    elsewhere.enter([TakePayment(account=1, amount="5", origin="upi", reference="r2")])
    recovering.work()
    recovering.work()
    assert doubled(store) == [
        (1, "payment entered twice", "upi r1: account 1 500.00 prepaid; account 1 600.00 prepaid"),
        (1, "payment entered twice", "upi r2: account 1 5.00 prepaid; account 2 5.00 prepaid"),
    ]
    reverse = Reverse(of=EntryKind.PAYMENT, reference="r1", **{**WHY, "origin": "upi"})
    (refused,) = ledger.enter([reverse])
    assert (refused.outcome, refused.problem) == ("refused", "not_reversible")


class Blind:
    """A store on which what others enter is not seen yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.insert = store.insert

    def ask(self, sql: str, parameters: Mapping[str, object] | None = None, /) -> Answer:
        found = self._store.ask(sql, parameters)
        return Table(found.columns, found.types, []) if "reference IN" in sql else found


def doubled(store: Store) -> list[tuple[object, ...]]:
    sql = "SELECT account, subject, says FROM m.outbox WHERE id LIKE 'doubled-%' ORDER BY says"
    return list(store.ask(sql).rows)


async def test_the_service_looks_again_after_a_while_and_when_the_store_was_away(
    recorder: Recorder, autojump_clock: trio.testing.MockClock
) -> None:
    del autojump_clock
    touched: list[int] = []
    with trio.move_on_after(RETRY_S + LOOK_S * 1.5):
        await recover_dues(Flaky(), touched.extend, InlineOffload(), recorder)
    assert touched == [4, 5]
    assert recorder.events == [
        DuesWait(reason="store there: away", wait_s=RETRY_S),
        DuesEntered(accounts=2),
    ]
