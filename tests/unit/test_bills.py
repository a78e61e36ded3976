"""Bills by example: periods, due dates, corrections, what waits, who is two bills behind."""

from datetime import date, timedelta

import msgspec
import pytest
from tests.unit.tariff_days import HEAD, RUPEE

from meteringest.prepaid.billing.book import (
    Book,
    BookEntry,
    ChargedDay,
    period_end,
    period_start,
)
from meteringest.prepaid.billing.issue import Issued, issue
from meteringest.prepaid.billing.overdue import consecutive_unpaid, overdue, recovered
from meteringest.prepaid.tariff import Tariff
from meteringest.prepaid.tariff_file import parse

JANUARY = date(2026, 1, 1)
FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in (2, 3, 4))
TERMS = parse(
    HEAD + "slabs = [{ rate = 5 }]\n[billing]\ndue_days = 10\n"
    "[late_payment]\npercent_per_month = 1.5\n"
)


def terms(_: date) -> Tariff:
    return TERMS


def days(first: date, until: date, amount: int = 10 * RUPEE, unsafe: str = "") -> list[ChargedDay]:
    """Ten rupees of energy and one of duty given back, every day."""
    return [
        ChargedDay(
            day=first + timedelta(days=n),
            tariff=TERMS.id,
            amount=amount,
            energy_uwh=2_000_000_000,
            components=["energy", "rebate"],
            amounts=[amount + RUPEE, -RUPEE],
            unsafe=unsafe,
        )
        for n in range((until - first).days)
    ]


def with_issued(book: Book, issued: Issued) -> Book:
    return msgspec.structs.replace(
        book,
        entries=[*book.entries, *issued.entries],
        bills=[*book.bills, *issued.bills],
    )


def billed(book: Book, on: date) -> Book:
    return with_issued(book, issue(book, terms, on))


@pytest.fixture
def first_quarter() -> Book:
    """Charged to the end of March, billed on the first of each month, nothing paid."""
    book = Book(account=9, days=days(JANUARY, APRIL))
    for on in (FEBRUARY, MARCH, APRIL):
        book = billed(book, on)
    return book


def test_a_period_begins_on_its_day_of_the_month() -> None:
    assert period_start(date(2026, 3, 9), 10) == date(2026, 2, 10)
    assert period_start(date(2026, 3, 10), 10) == date(2026, 3, 10)
    assert period_end(date(2026, 2, 10), 10) == date(2026, 3, 9)
    assert period_end(date(2026, 2, 3), 10) == date(2026, 2, 9)
    assert period_end(date(2026, 12, 28), 28) == date(2027, 1, 27)


def test_a_bill_names_components_tariffs_and_dates() -> None:
    (bill,) = billed(Book(account=9, days=days(JANUARY, MARCH)), date(2026, 2, 28)).bills
    assert (bill.number, bill.period_to) == ("9-20260101", date(2026, 1, 31))
    assert (bill.components, bill.amounts) == (("energy", "rebate"), (341 * RUPEE, -31 * RUPEE))
    assert (bill.charged, bill.due, bill.tariffs) == (310 * RUPEE, 310 * RUPEE, (TERMS.id,))
    assert bill.energy_uwh == 31 * 2_000_000_000
    assert (bill.issued_on, bill.due_on) == (date(2026, 2, 28), date(2026, 3, 10))


def test_a_day_that_may_still_change_keeps_the_period_waiting() -> None:
    held = [*days(JANUARY, date(2026, 1, 20)), *days(date(2026, 1, 20), MARCH, unsafe="1 held")]
    book = Book(account=9, days=held, postpaid=[(date(2025, 1, 1), date(2149, 6, 6))])
    waiting = issue(book, terms, MARCH)
    assert waiting.bills == []
    assert [each.reason for each in waiting.unbilled] == [
        "2026-01-20: 1 held",
        "2026-02-01: 1 held",
    ]
    later = msgspec.structs.replace(book, days=[*held[:31], *days(FEBRUARY, MARCH)])
    assert issue(later, terms, MARCH).unbilled[1].reason == "the period from 2026-01-01 comes first"
    assert len(issue(book, terms, MARCH, unsafe_too=True).bills) == 2
    missing = msgspec.structs.replace(book, days=days(JANUARY, date(2026, 1, 31)))
    assert issue(missing, terms, FEBRUARY).unbilled[0].reason == "2026-01-31 is not charged yet"


def test_lateness_is_charged_once_from_the_day_after_the_due_date(first_quarter: Book) -> None:
    late = [each for each in first_quarter.entries if each.kind == "late_payment"]
    # January's 310.00, due 11 February: 17 days to the 28th, 48 to the end of March; February's
    # 280.00 bills that charge too, due 11 March: 20 days of 280.00 alone.
    first = round(310 * 0.015 * 12 / 365 * 17, 2)
    both = round(310 * 0.015 * 12 / 365 * 48, 2)
    second = round(280 * 0.015 * 12 / 365 * 20, 2)
    assert [(each.day, each.amount) for each in late] == [
        (date(2026, 2, 28), -round(first * RUPEE)),
        (date(2026, 3, 31), -round((both - first) * RUPEE)),
        (date(2026, 3, 31), -round(second * RUPEE)),
    ]


def test_a_corrected_bill_is_a_new_version_and_those_after_it_follow(first_quarter: Book) -> None:
    cheaper = [*days(JANUARY, FEBRUARY, 9 * RUPEE), *days(FEBRUARY, APRIL)]
    after = billed(msgspec.structs.replace(first_quarter, days=cheaper), date(2026, 4, 2))
    old = {each.period_from: each for each in first_quarter.newest()}
    new = {each.period_from: each for each in after.newest()}
    assert [each.version for each in new.values()] == [2, 2, 2]
    assert new[JANUARY].due - old[JANUARY].due == -31 * RUPEE
    assert new[JANUARY].due_on == old[JANUARY].due_on
    assert new[JANUARY].issued_on == date(2026, 4, 2)
    assert new[FEBRUARY].brought == new[JANUARY].due


def test_a_bill_raised_later_is_not_late_for_what_it_did_not_ask(first_quarter: Book) -> None:
    dearer = [*days(JANUARY, FEBRUARY, 90 * RUPEE), *days(FEBRUARY, APRIL)]
    after = issue(msgspec.structs.replace(first_quarter, days=dearer), terms, APRIL)
    assert after.entries == []
    assert [each.version for each in after.bills] == [2, 2, 2]


def test_two_bills_behind_and_paid_the_oldest_first(first_quarter: Book) -> None:
    assert consecutive_unpaid(first_quarter, date(2026, 2, 11)) == 0
    assert consecutive_unpaid(first_quarter, date(2026, 2, 12)) == 1
    assert consecutive_unpaid(first_quarter, date(2026, 3, 12)) == 2
    assert consecutive_unpaid(first_quarter, date(2026, 4, 12)) == 3
    late = 17 * 310 * RUPEE * 15 * 12 // (1_000 * 365 * 10_000) * 10_000 + 10_000
    short = paid(first_quarter, date(2026, 3, 20), 590 * RUPEE + late - 1)
    assert consecutive_unpaid(short, date(2026, 3, 21)) == 1
    assert overdue(short, date(2026, 3, 21)) == 1
    first_open = paid(first_quarter, date(2026, 3, 20), 310 * RUPEE - 1)
    assert consecutive_unpaid(first_open, date(2026, 3, 21)) == 2
    whole = paid(first_quarter, date(2026, 3, 20), 590 * RUPEE + late)
    assert consecutive_unpaid(whole, date(2026, 3, 21)) == 0


def test_a_payment_that_bounces_makes_the_bill_unpaid_again(first_quarter: Book) -> None:
    book = paid(first_quarter, date(2026, 2, 5), 310 * RUPEE)
    bounced = paid(book, date(2026, 2, 20), -310 * RUPEE, kind="reversal")
    assert consecutive_unpaid(bounced, date(2026, 2, 19)) == 0
    assert consecutive_unpaid(bounced, date(2026, 2, 20)) == 1


def test_recovery_is_what_was_overdue_and_was_paid(first_quarter: Book) -> None:
    book = paid(first_quarter, date(2026, 2, 5), 10 * RUPEE)
    book = paid(book, date(2026, 2, 20), 200 * RUPEE)
    book = paid(book, date(2026, 2, 21), 500 * RUPEE)
    found = recovered(book, FEBRUARY, APRIL)
    assert [(each.day.day, each.amount) for each in found] == [
        (20, 200 * RUPEE),
        (21, 100 * RUPEE),
    ]


def paid(book: Book, day: date, amount: int, kind: str = "payment") -> Book:
    entry = BookEntry(day=day, kind=kind, amount=amount)
    return msgspec.structs.replace(book, entries=[*book.entries, entry])
