"""Billing at work: books read, bills and late-payment charges written, arrears and recovery told.

Rule 1: entries before bills: a kill between them leaves bills that the next issue makes.
Rule 2: calls block; run them through an Offload.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import date

import msgspec
from msgspec import Struct

from meteringest.errors import AccountUnknown, UsageError
from meteringest.prepaid.billing.book import LATE, Bill, Book, BookEntry
from meteringest.prepaid.billing.issue import Issued, issue
from meteringest.prepaid.billing.knowing import charged
from meteringest.prepaid.billing.overdue import (
    consecutive_unpaid,
    first_unpaid,
    overdue,
    recovered,
)
from meteringest.prepaid.billing.tables import (
    insert_bills,
    known,
    postpaid_accounts,
    read_books,
    switches,
    with_bills_due,
)
from meteringest.prepaid.calendar import IST_OFFSET_MIN, day_start_s, local_day
from meteringest.prepaid.deciding.facts import Behind
from meteringest.prepaid.ledger.entries import (
    Book as BookName,
)
from meteringest.prepaid.ledger.entries import (
    EntryKind,
    Part,
    Transaction,
    transaction_id,
)
from meteringest.prepaid.ledger.ports import Engine
from meteringest.prepaid.ledger.rules import Rules
from meteringest.prepaid.ledger.terms import TermsBook, load_terms
from meteringest.prepaid.tariff import Tariff

ORIGIN = "billing"
ACCOUNTS_AT_ONCE = 500
MS = 1_000
BEHIND = "terms, meters or rules were entered that the charges do not know yet"


class Wanted(Struct, frozen=True, kw_only=True):
    """Which bills to issue."""

    on: date
    account: int = 0
    """0 is every one."""
    unsafe_too: bool = False
    author: str


class Waiting(Struct, frozen=True, kw_only=True):
    """A period that is not billed, and why."""

    account: int
    period_from: date
    period_to: date
    reason: str


class IssueDone(Struct, frozen=True, kw_only=True):
    """What issuing did."""

    bills: int
    corrected: int
    late_charges: int
    due: int
    """Sum of the first versions, in micro-units."""
    waiting: Sequence[Waiting]


class Arrears(Struct, frozen=True, kw_only=True):
    """An account behind with its bills."""

    account: int
    unpaid_bills: int
    overdue: int
    owed: int
    oldest_due_on: date
    account_class: str
    area: str


class RecoveredDay(Struct, frozen=True, kw_only=True):
    """Who was switched on a day, and what of overdue bills came in."""

    day: date
    disconnected: int = 0
    reconnected: int = 0
    accounts: int = 0
    """Accounts that paid anything overdue; not those of which more was taken back that day."""
    amount: int = 0
    """Below zero when more was taken back than came in."""


class Biller:
    """Of one store."""

    def __init__(
        self,
        engine: Engine,
        rules: Callable[[], Rules],
        post: Callable[[Sequence[Transaction]], int],
        now_ms: Callable[[], int],
    ) -> None:
        """`post` enters transactions, each once."""
        self._engine = engine
        self._rules = rules
        self._post = post
        self._now_ms = now_ms

    def issue(self, wanted: Wanted) -> IssueDone:
        """Every bill that is due to be made or corrected; a second time nothing."""
        self._check(wanted)
        fresh: list[Bill] = []
        corrected, charges = 0, 0
        waiting: list[Waiting] = []
        known_to = charged(self._engine)
        for terms, books in self._books(wanted.account):
            behind = known_to.behind(self._engine, [book.account for book in books])
            found = {
                book.account: self._issued(_held_back(book, behind), terms, wanted)
                for book in books
            }
            charges += self._post(list(_transactions(found)))
            bills = [bill for each in found.values() for bill in each.bills]
            insert_bills(self._engine, bills, wanted.author, self._now_ms())
            fresh += [bill for bill in bills if bill.version == 1]
            corrected += sum(bill.version > 1 for bill in bills)
            waiting += _waiting(found)
        return IssueDone(
            bills=len(fresh),
            corrected=corrected,
            late_charges=charges,
            due=sum(bill.due for bill in fresh),
            waiting=waiting,
        )

    def behind(self, accounts: Sequence[int], on: date) -> dict[int, Behind]:
        """Of those that have a bill past its last day to pay."""
        late = with_bills_due(self._engine, accounts, on)
        books = read_books(self._engine, load_terms(self._engine, late), late)
        return {
            book.account: Behind(
                unpaid_bills=consecutive_unpaid(book, on), overdue=overdue(book, on)
            )
            for book in books
        }

    def arrears(self, on: date, at_least: int) -> list[Arrears]:
        """Accounts with at least so many consecutive unpaid bills, the most behind first."""
        found = [
            _arrears(book, terms, on, unpaid)
            for terms, books in self._books(0)
            for book in books
            if (unpaid := consecutive_unpaid(book, on)) >= at_least
        ]
        return sorted(found, key=lambda each: (-each.unpaid_bills, -each.overdue, each.account))

    def recovery(self, first: date, last: date) -> list[RecoveredDay]:
        """Of each day on which anything overdue was paid, or anybody was switched."""
        sums: dict[date, tuple[int, int]] = {}
        for _, books in self._books(0):
            for book in books:
                for each in recovered(book, first, last):
                    accounts, amount = sums.get(each.day, (0, 0))
                    # Whose payment was taken back is not one who paid; the sum has it all the same.
                    sums[each.day] = accounts + (each.amount > 0), amount + each.amount
        switched = switches(self._engine, first, last)
        return [
            RecoveredDay(
                day=each,
                disconnected=switched.get(each, (0, 0))[0],
                reconnected=switched.get(each, (0, 0))[1],
                accounts=sums.get(each, (0, 0))[0],
                amount=sums.get(each, (0, 0))[1],
            )
            for each in sorted({*sums, *switched})
        ]

    def _books(self, account: int) -> Iterator[tuple[TermsBook, list[Book]]]:
        """One account, or all of them a page at a time."""
        after = 0
        while accounts := (
            [account] if account else postpaid_accounts(self._engine, after, ACCOUNTS_AT_ONCE)
        ):
            terms = load_terms(self._engine, accounts)
            yield terms, read_books(self._engine, terms, accounts)
            if account:
                return
            after = accounts[-1]

    def _check(self, wanted: Wanted) -> None:
        """Nobody is billed ahead of time: the days of such a period have not all come."""
        today = local_day(self._now_ms() // MS, IST_OFFSET_MIN)
        if wanted.on > today:
            said, reason = f"--on {wanted.on}", f"is after today; wanted {today} or a day before"
            raise UsageError(said, reason)
        if wanted.account and not known(self._engine, wanted.account):
            raise AccountUnknown(wanted.account)

    def _issued(self, book: Book, terms: TermsBook, wanted: Wanted) -> Issued:
        rules = self._rules()

        def tariff_on(on: date) -> Tariff | None:
            own = terms.on(book.account, on)
            return rules.tariff(own.tariff, on) if own is not None else None

        return issue(book, tariff_on, wanted.on, unsafe_too=wanted.unsafe_too)


def _held_back(book: Book, behind: Container[int]) -> Book:
    return msgspec.structs.replace(book, behind=BEHIND) if book.account in behind else book


def _transactions(found: Mapping[int, Issued]) -> Iterator[Transaction]:
    for account, issued in found.items():
        for entry in issued.entries:
            yield _transaction(account, entry)


def _transaction(account: int, entry: BookEntry) -> Transaction:
    part = Part(account=account, kind=EntryKind(LATE), book=BookName.POSTPAID, amount=entry.amount)
    return Transaction(
        id=transaction_id(LATE, ORIGIN, entry.reference),
        origin=ORIGIN,
        reference=entry.reference,
        author=ORIGIN,
        reason=f"late payment, bill {entry.reference}",
        paid_at=day_start_s(entry.day, IST_OFFSET_MIN) * MS,
        parts=(part,),
    )


def _waiting(found: Mapping[int, Issued]) -> list[Waiting]:
    return [
        Waiting(
            account=account,
            period_from=each.period_from,
            period_to=each.period_to,
            reason=each.reason,
        )
        for account, issued in found.items()
        for each in issued.unbilled
    ]


def _arrears(book: Book, terms: TermsBook, on: date, unpaid: int) -> Arrears:
    own = terms.on(book.account, on)
    oldest = first_unpaid(book, on)
    return Arrears(
        account=book.account,
        unpaid_bills=unpaid,
        overdue=overdue(book, on),
        owed=book.owed_before(date.fromordinal(on.toordinal() + 1)),
        oldest_due_on=oldest if oldest is not None else on,
        account_class=own.account_class if own is not None else "",
        area=own.area if own is not None else "",
    )
