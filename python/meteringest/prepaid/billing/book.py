"""The postpaid book of one account: what it was charged, what it paid, what it was billed.

Rule 1: pure; amounts in micro-units, days are local days.
Rule 2: an entry counts on the day it says it counts from, however late it was entered.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from msgspec import Struct

LATE = "late_payment"
REVERSAL = "reversal"
ONE_DAY = timedelta(days=1)


class ChargedDay(Struct, frozen=True, kw_only=True):
    """One day's charges, as they now stand."""

    day: date
    tariff: str
    amount: int
    energy_uwh: int = 0
    components: Sequence[str] = ()
    amounts: Sequence[int] = ()
    unsafe: str = ""
    """Why the day may still change soon; empty when it is safe to bill."""


class BookEntry(Struct, frozen=True, kw_only=True):
    """Money other than charges; in favour of the consumer if positive."""

    day: date
    kind: str
    amount: int
    reference: str = ""


class Bill(Struct, frozen=True, kw_only=True):
    """One version of the bill of one period."""

    account: int
    period_from: date
    period_to: date
    tariffs: tuple[str, ...]
    components: tuple[str, ...]
    amounts: tuple[int, ...]
    energy_uwh: int
    charged: int
    brought: int
    received: int
    due: int
    issued_on: date
    due_on: date
    version: int = 1

    @property
    def number(self) -> str:
        """The same for every version."""
        return f"{self.account}-{self.period_from:%Y%m%d}"


class Book(Struct, frozen=True, kw_only=True):
    """Everything the postpaid book of an account says."""

    account: int
    days: Sequence[ChargedDay] = ()
    entries: Sequence[BookEntry] = ()
    bills: Sequence[Bill] = ()
    """Every version of every bill."""
    postpaid: Sequence[tuple[date, date]] = ()
    """From which to which day it is to be charged in this book."""
    behind: str = ""
    """Why none of the charges is safe to bill yet; empty when each day speaks for itself."""

    def newest(self) -> list[Bill]:
        """The bills that count, by period."""
        latest: dict[date, Bill] = {}
        for bill in sorted(self.bills, key=lambda each: each.version):
            latest[bill.period_from] = bill
        return [latest[first] for first in sorted(latest)]

    def owed_before(self, day: date) -> int:
        """What the book owes at the beginning of that day; below zero when it has credit."""
        charged = sum(each.amount for each in self.days if each.day < day)
        return charged - sum(each.amount for each in self.entries if each.day < day)


def period_end(first: date, day_of_month: int) -> date:
    """The last day of the period that `first` is in: the day before the next `day_of_month`."""
    if first.day < day_of_month:
        return first.replace(day=day_of_month) - ONE_DAY
    next_month = (first.replace(day=1) + timedelta(days=31)).replace(day=day_of_month)
    return next_month - ONE_DAY


def period_start(day: date, day_of_month: int) -> date:
    """The first day of the period that `day` is in."""
    if day.day >= day_of_month:
        return day.replace(day=day_of_month)
    return (day.replace(day=1) - ONE_DAY).replace(day=day_of_month)
