"""Bills against a naive model: a queue of debts walked day by day, in fractions.

Whatever was charged, corrected, paid, taken back and issued when: bills and entries add up to the
postpaid book, issuing again changes nothing, and what lateness costs is what the model says.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tariff_days import HEAD, RUPEE

from meteringest.prepaid.billing.book import LATE, Bill, Book, BookEntry, ChargedDay
from meteringest.prepaid.billing.issue import Issued, issue
from meteringest.prepaid.tariff import Tariff
from meteringest.prepaid.tariff_file import parse

FIRST = date(2026, 1, 1)
DAYS = 150
RATE = Fraction(15, 1000) * 12 / 365
GRACE_DAYS = 3


def tariff(day_of_month: int) -> Tariff:
    return parse(
        HEAD + f"slabs = [{{ rate = 5 }}]\n[billing]\nday = {day_of_month}\ndue_days = 15\n"
        f"[late_payment]\npercent_per_month = 1.5\ngrace_days = {GRACE_DAYS}\n"
    )


paisa = st.integers(-20_000, 60_000).map(lambda each: each * RUPEE // 100)
days = st.integers(0, DAYS - 1).map(lambda each: FIRST + timedelta(days=each))
payments = st.builds(
    BookEntry,
    day=days,
    kind=st.sampled_from(["payment", "payment", "payment", "adjustment", "reversal", "opening"]),
    amount=paisa,
)


class Story(msgspec.Struct, frozen=True):
    """Charges as they first stood, what changed and was paid before each day of issue."""

    charges: dict[date, int]
    steps: list[tuple[int, dict[date, int], list[BookEntry]]]
    day_of_month: int


stories = st.builds(
    Story,
    charges=st.fixed_dictionaries({}).flatmap(
        lambda _: st.lists(st.integers(-500, 4_000), min_size=DAYS, max_size=DAYS).map(
            lambda each: {
                FIRST + timedelta(days=n): amount * RUPEE // 100 for n, amount in enumerate(each)
            }
        )
    ),
    steps=st.lists(
        st.tuples(
            st.integers(20, 60),
            st.dictionaries(days, st.integers(-500, 4_000).map(lambda n: n * RUPEE // 100)),
            st.lists(payments, max_size=5),
        ),
        min_size=1,
        max_size=5,
    ),
    day_of_month=st.sampled_from([1, 10, 28]),
)


def charged(amounts: dict[date, int], until: date) -> list[ChargedDay]:
    return [
        ChargedDay(day=day, tariff="t", amount=amount, components=["energy"], amounts=[amount])
        for day, amount in sorted(amounts.items())
        if day < until
    ]


def taken(book: Book, issued: Issued) -> Book:
    """The book with what was issued written into it."""
    return msgspec.structs.replace(
        book,
        entries=[*book.entries, *issued.entries],
        bills=[*book.bills, *issued.bills],
    )


def played(story: Story) -> Book:
    """The book after all steps, each issued twice."""
    amounts, on = dict(story.charges), FIRST
    version = tariff(story.day_of_month)
    book = Book(account=7)
    for wait, changes, came in story.steps:
        on += timedelta(days=wait)
        amounts |= changes
        entries = [*book.entries, *(each for each in came if each.day < on)]
        book = msgspec.structs.replace(book, days=charged(amounts, on), entries=entries)
        book = taken(book, issue(book, lambda _: version, on))
        again = issue(book, lambda _: version, on)
        assert (again.entries, again.bills) == ([], [])
    return book


def naive_late(book: Book, bills: Sequence[Bill]) -> dict[tuple[str, date], int]:
    """Late charges of each bill at the end of each period, by a queue of debts a day at a time."""
    due: dict[tuple[str, date], int] = {}
    total: dict[str, int] = {}
    for count, closing in enumerate(bills):
        for bill in bills[:count]:
            if bill.due_on < closing.period_to:
                exact = _interest(book, bills, bill, closing.period_to, due)
                now = int(exact / (RUPEE // 100) + Fraction(1, 2)) * (RUPEE // 100)
                due[bill.number, closing.period_to] = now - total.get(bill.number, 0)
                total[bill.number] = now
    return due


def _interest(
    book: Book,
    bills: Sequence[Bill],
    of: Bill,
    until: date,
    late: dict[tuple[str, date], int],
) -> Fraction:
    """Every day anew: debts in order, payments of all days so far poured over them."""
    exact, day, graced = Fraction(0), of.due_on, False
    while day < until:
        day += timedelta(days=1)
        open_, mine = _poured(book, bills, of, day, late)
        principal = max(open_ - mine, 0)
        if day == of.due_on + timedelta(days=GRACE_DAYS):
            graced = principal > 0
        exact += principal * RATE
    beyond = until > of.due_on + timedelta(days=GRACE_DAYS)
    return exact if graced and beyond else Fraction(0)


def _poured(
    book: Book,
    bills: Sequence[Bill],
    of: Bill,
    day: date,
    late: dict[tuple[str, date], int],
) -> tuple[int, int]:
    """What of the bill stands open, and what of it is lateness or was not asked at first."""
    money = sum(
        each.amount
        for each in book.entries
        if each.day <= day and (each.kind == "reversal" or (each.kind != LATE and each.amount > 0))
    )
    for bill in bills:
        own = sum(d.amount for d in book.days if _in(bill, bills, d.day))
        own -= sum(
            e.amount
            for e in book.entries
            if e.kind not in {LATE, "reversal"} and e.amount < 0 and _in(bill, bills, e.day)
        )
        lateness = sum(amount for (_, on), amount in late.items() if _in(bill, bills, on))
        own += lateness
        if bill.number == of.number:
            asked = min(each.charged for each in book.bills if each.number == of.number)
            open_ = min(max(own - money, 0), max(own, 0))
            return open_, lateness + max(bill.charged - asked, 0)
        money -= own
    raise AssertionError(of)


def _in(bill: Bill, bills: Sequence[Bill], day: date) -> bool:
    first = bill is bills[0]
    return day <= bill.period_to and (first or day >= bill.period_from)


@settings(max_examples=60)
@given(stories)
def test_bills_and_entries_add_up_to_the_book_and_lateness_to_the_model(story: Story) -> None:
    book = played(story)
    bills = book.newest()
    if not bills:
        return
    end = bills[-1].period_to
    entered = sum(each.amount for each in book.entries if each.day <= end)
    assert sum(each.charged for each in bills) - entered == bills[-1].due
    assert bills[-1].due == book.owed_before(end + timedelta(days=1))
    for before, after in pairwise(bills):
        assert after.period_from == before.period_to + timedelta(days=1)
        assert after.brought == before.due
    for bill in book.bills:
        assert bill.due == bill.charged + bill.brought - bill.received
        assert bill.charged == sum(bill.amounts)
    posted: dict[tuple[str, date], int] = {}
    for each in book.entries:
        if each.kind == LATE:
            key = (each.reference.partition(" ")[0], each.day)
            posted[key] = posted.get(key, 0) - each.amount
    wanted = naive_late(book, bills)
    assert {key: sum_ for key, sum_ in posted.items() if sum_} == {
        key: sum_ for key, sum_ in wanted.items() if sum_
    }
