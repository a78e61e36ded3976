"""What stands open of each bill: what was paid pays the oldest first.

Rule 1: pure. A bill's own part is its period's charges and debits; payments and credits of any day
fill these parts in the order of the bills. A reversal takes a payment back.
"""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from meteringest.prepaid.arrears import Unpaid, late_charge
from meteringest.prepaid.billing.book import LATE, ONE_DAY, REVERSAL, Bill, Book, BookEntry
from meteringest.prepaid.rounding import Rounding
from meteringest.prepaid.tariff import LatePayment

PAID = frozenset({"payment", REVERSAL})
"""Kinds by which money comes in, or is taken back."""


class Part(Struct, frozen=True, kw_only=True):
    """A bill, all that was billed up to it, and what of that is its own."""

    bill: Bill
    up_to: int
    own: int
    late: int = 0
    """Of its own part: late-payment charges, on which nothing is charged again."""

    def open_at(self, paid: int) -> int:
        """What of its own part is not paid yet."""
        return min(max(self.up_to - paid, 0), max(self.own, 0))


def is_payment(entry: BookEntry) -> bool:
    """Whether the entry fills bills, rather than being billed itself."""
    return entry.kind == REVERSAL or (entry.amount > 0 and entry.kind != LATE)


def paid_until(entries: Sequence[BookEntry], on: date) -> int:
    """Everything that filled bills up to and with that day."""
    return sum(each.amount for each in entries if each.day <= on and is_payment(each))


def parts(book: Book, bills: Sequence[Bill], entries: Sequence[BookEntry]) -> list[Part]:
    """The own part of each of `bills`, which are in the order of their periods."""
    found: list[Part] = []
    before = 0
    for bill in bills:
        billed = [each for each in entries if each.day <= bill.period_to and not is_payment(each)]
        charged = sum(each.amount for each in book.days if each.day <= bill.period_to)
        up_to = charged - sum(each.amount for each in billed)
        late = -sum(
            each.amount for each in billed if each.kind == LATE and each.day >= bill.period_from
        )
        found.append(Part(bill=bill, up_to=up_to, own=up_to - before, late=late))
        before = up_to
    return found


def past_due(book: Book, on: date) -> list[Part]:
    """The bills whose last day to pay is before `on`, by period."""
    return [part for part in parts(book, book.newest(), book.entries) if on > part.bill.due_on]


def consecutive_unpaid(book: Book, on: date) -> int:
    """How many of the last bills, counted back from the newest one past its day, are unpaid."""
    paid = paid_until(book.entries, on)
    count = 0
    for part in reversed(past_due(book, on)):
        if paid >= part.up_to:
            break
        count += 1
    return count


def first_unpaid(book: Book, on: date) -> date | None:
    """The last day to pay of the oldest bill that stands open past it."""
    paid = paid_until(book.entries, on)
    return next((part.bill.due_on for part in past_due(book, on) if paid < part.up_to), None)


def overdue(book: Book, on: date) -> int:
    """What stands open of bills past their last day to pay."""
    return _short(past_due(book, on), paid_until(book.entries, on))


def _short(past: Sequence[Part], paid: int) -> int:
    return max(past[-1].up_to - paid, 0) if past else 0


class Recovered(Struct, frozen=True, kw_only=True):
    """How much of what was overdue was paid on one day; below zero when more was taken back."""

    day: date
    amount: int


def recovered(book: Book, first: date, last: date) -> list[Recovered]:
    """Of each day from `first` to `last` on which payments changed what was overdue."""
    found = []
    days = {each.day for each in book.entries if first <= each.day <= last and each.kind in PAID}
    for day in sorted(days):
        past = past_due(book, day)
        before = paid_until(book.entries, day - ONE_DAY)
        came = sum(each.amount for each in book.entries if each.day == day and each.kind in PAID)
        if amount := _short(past, before) - _short(past, before + came):
            found.append(Recovered(day=day, amount=amount))
    return found


def late_total(
    part: Part, entries: Sequence[BookEntry], terms: LatePayment, on: date, rule: Rounding
) -> int:
    """What lateness of the bill costs from its due date up to and with `on`."""
    due = part.bill.due_on
    days = {due, *(each.day for each in entries if due < each.day <= on and is_payment(each))}
    spells = [
        Unpaid(
            from_day=day,
            amount=max(part.open_at(paid_until(entries, day)) - part.late, 0),
        )
        for day in sorted(days)
    ]
    return late_charge(terms, due, spells, on, rule)
