"""The judge of money: every account's books by adding up, sharing no code with the ledger.

It is told what was charged and what is ordered, in the order of the orders, and says what becomes
of each. Charges are told as they stood in the store then: what they must be, worker_truth.py says.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction

from msgspec import Struct
from tests.property.slow_model import money, nearest
from tests.store.worker_world import Account, Terms

CENT = money("0.01")
DAYS_CAUGHT_UP = 31
BOOKS = ("prepaid", "postpaid", "arrears")
Charged = Mapping[date, tuple[str, int]]
"""Of every day the book it is owed in, and how much."""


class Purse(Struct):
    """What one account has, and what is known of its terms."""

    account: Account
    known: list[Terms]
    books: dict[str, int]
    done: set[tuple[str, date]] = set()
    """Days of which an instalment was taken, days on which what was left was moved."""
    charged: Charged = {}

    def book(self, today: date) -> str:
        terms = self.terms(today)
        return terms.payment if terms else "prepaid"

    def terms(self, day: date) -> Terms | None:
        begun = [each for each in self.known if each.day <= day]
        return begun[-1] if begun else None

    def has(self, before: date = date.max) -> dict[str, int]:
        """Every book, with the charges of the days before that one."""
        left = dict(self.books)
        for day, (book, amount) in self.charged.items():
            left[book] -= amount if day < before else 0
        return left

    def pay(self, amount: int, today: date) -> None:
        to_arrears = 0
        if self.terms(today) and self.book(today) == "prepaid":
            share = nearest(Fraction(amount * self.account.share_percent, 100), CENT, "half-up")
            to_arrears = min(share, amount, max(0, -self.books["arrears"]))
        self.books["arrears"] += to_arrears
        self.books[self.book(today)] += amount - to_arrears

    def covers(self, amount: int, today: date) -> bool:
        return self.has()[self.book(today)] >= amount

    def convert(self, to: Terms, today: date, credit: int) -> None:
        """Nothing moves for a day that has not come: that is left for `settle`."""
        if to.day <= today:
            self._move_over(self.has(to.day), to.payment)
        self.books[to.payment] += credit
        self.known.append(to)

    def settle(self, today: date) -> None:
        """What is due that day: instalments of arrears first, then what a conversion left."""
        self._recover(today)
        since = self._paying_since(today)
        if since is None or ("left", today) in self.done:
            return
        old = ("postpaid",) if since.payment == "prepaid" else ("prepaid", "arrears")
        left = self.has(since.day)
        if any(self.has()[book] for book in old) and any(left[book] for book in old):
            self._move_over(left, since.payment)
            self.done.add(("left", today))

    def _move_over(self, left: Mapping[str, int], to: str) -> None:
        if to == "postpaid":
            for book in ("prepaid", "arrears"):
                self.books[book] -= left[book]
                self.books["postpaid"] += left[book]
            return
        to_arrears = min(left["postpaid"], max(0, -left["arrears"]))
        self.books["postpaid"] -= left["postpaid"]
        self.books["arrears"] += to_arrears
        self.books["prepaid"] += left["postpaid"] - to_arrears

    def _recover(self, today: date) -> None:
        for ahead in range(DAYS_CAUGHT_UP):
            day = today - timedelta(days=DAYS_CAUGHT_UP - 1 - ahead)
            terms = self.terms(day)
            if terms is None or terms.payment != "prepaid" or ("instalment", day) in self.done:
                continue
            due = min(self._instalment(day), max(0, -self.books["arrears"]))
            if due:
                self.books["prepaid"] -= due
                self.books["arrears"] += due
                self.done.add(("instalment", day))

    def _instalment(self, day: date) -> int:
        following = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
        length = (following - day.replace(day=1)).days
        until, before = (
            nearest(money(self.account.instalment) * days / length, CENT, "half-up")
            for days in (day.day, day.day - 1)
        )
        return until - before

    def _paying_since(self, today: date) -> Terms | None:
        since = self.terms(today)
        if since is None or len({each.payment for each in self.known}) == 1:
            return None
        for each in reversed([each for each in self.known if each.day <= today]):
            if each.payment != since.payment:
                break
            since = each
        return since


def purses_of(accounts: Iterable[Account]) -> dict[int, Purse]:
    """Empty, with their first terms."""
    return {
        each.number: Purse(each, [each.terms[0]], dict.fromkeys(BOOKS, 0), set())
        for each in accounts
    }
