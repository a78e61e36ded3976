"""What is due today over all accounts: instalments of arrears, and what conversions left behind.

Rule 1: it looks at what stands and not at when it last looked: after an outage the missed days
come, and finding the same twice enters it once.
Rule 2: only accounts with an instalment, and accounts that were converted, are looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from meteringest.prepaid.calendar import IST_OFFSET_MIN, local_day
from meteringest.prepaid.ledger import tables
from meteringest.prepaid.ledger.doubled import tell_doubled
from meteringest.prepaid.ledger.due import INSTALMENT, instalment, settlement
from meteringest.prepaid.ledger.entries import Balance, Transaction
from meteringest.prepaid.ledger.ports import Engine, whole
from meteringest.prepaid.ledger.rules import Rules
from meteringest.prepaid.ledger.terms import Terms, TermsBook, load_terms
from meteringest.prepaid.rounding import Rounding
from meteringest.prepaid.tariff import Payment

DAYS_CAUGHT_UP = 31
ACCOUNTS_AT_ONCE = 5_000
CENT = Rounding(unit=10_000)


class Recovering:
    """Blocks; run it through an Offload."""

    def __init__(
        self,
        engine: Engine,
        rules: Callable[[], Rules],
        post: Callable[[Sequence[Transaction]], int],
        now_ms: Callable[[], int],
    ) -> None:
        """`post` is the ledger's."""
        self._engine = engine
        self._rules = rules
        self._post = post
        self._now_ms = now_ms

    def work(self) -> list[int]:
        """Enters what is due now, tells of what two nodes took; returns the accounts concerned."""
        touched: list[int] = []
        today = local_day(self._now_ms() // 1_000, IST_OFFSET_MIN)
        for sql, find in ((_INSTALMENTS, self._instalments), (_CONVERTED, self._settlements)):
            accounts = [whole(row[0]) for row in self._engine.ask(sql).rows]
            for at in range(0, len(accounts), ACCOUNTS_AT_ONCE):
                found = find(accounts[at : at + ACCOUNTS_AT_ONCE], today)
                if found and self._post(found):
                    touched += [each.parts[0].account for each in found]
        tell_doubled(self._engine, self._now_ms())
        return sorted(set(touched))

    def _instalments(self, accounts: Sequence[int], today: date) -> list[Transaction]:
        book, balances = load_terms(self._engine, accounts), self._balances(accounts)
        first = today - timedelta(days=DAYS_CAUGHT_UP - 1)
        done = self._entered(accounts, first)
        found: list[Transaction] = []
        for account in accounts:
            owed = balances.get(account, Balance()).owed_before
            for ahead in range(DAYS_CAUGHT_UP if owed else 0):
                day = first + timedelta(days=ahead)
                due = self._instalment(book.on(account, day), owed, day)
                if due is not None and due.reference not in done:
                    found.append(due)
                    owed -= max(part.amount for part in due.parts)
        return found

    def _instalment(self, terms: Terms | None, owed: int, day: date) -> Transaction | None:
        if terms is None or terms.closed or terms.payment is not Payment.PREPAID:
            return None
        tariff = self._rules().tariff(terms.tariff, day)
        unit = Rounding(unit=10 ** (6 - tariff.decimals)) if tariff is not None else CENT
        return instalment(terms.account, terms.recovery, owed, day, unit)

    def _entered(self, accounts: Sequence[int], first: date) -> set[str]:
        listed = ", ".join(map(str, accounts))
        sql = _ENTERED.format(accounts=listed, origin=INSTALMENT, first=first)
        return {str(row[0]) for row in self._engine.ask(sql).rows}

    def _settlements(self, accounts: Sequence[int], today: date) -> list[Transaction]:
        book, balances = load_terms(self._engine, accounts), self._balances(accounts)
        found = []
        for account in accounts:
            since = _paying_since(book, account, today)
            balance = balances.get(account, Balance())
            if since is None or not _left_over(balance, since.payment):
                continue
            # Days since the conversion may still stand in the old book: they are charged again.
            left = tables.balance_before(self._engine, account, since.effective_from)
            due = settlement(account, left, since.payment, today)
            if due is not None:
                found.append(due)
        return found

    def _balances(self, accounts: Sequence[int]) -> Mapping[int, Balance]:
        return tables.load_balances(self._engine, accounts)


def _paying_since(book: TermsBook, account: int, today: date) -> Terms | None:
    """The terms with which the account began to pay as it does today."""
    begun = [each for each in book.of(account) if each.effective_from <= today]
    since = begun[-1] if begun else None
    for each in reversed(begun):
        if since is None or each.payment is not since.payment:
            break
        since = each
    return since


def _left_over(balance: Balance, payment: Payment) -> bool:
    if payment is Payment.PREPAID:
        return balance.postpaid != 0
    return balance.prepaid != 0 or balance.arrears != 0


_INSTALMENTS = (
    "SELECT DISTINCT account FROM m.account_terms WHERE recover_month > 0 ORDER BY account"
)
_CONVERTED = (
    "SELECT account FROM m.account_terms_v GROUP BY account HAVING uniqExact(payment) > 1 "
    "ORDER BY account"
)
_ENTERED = (
    "SELECT reference FROM m.entries WHERE account IN ({accounts}) AND kind = 'recovery' "
    "AND origin = '{origin}' AND substring(reference, -10) >= '{first}'"
)
