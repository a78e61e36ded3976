"""What orders are held against: accounts, their terms and balances, and what was entered before."""

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import date

import msgspec
from msgspec import Struct

from meteringest.prepaid.ledger.entries import Balance, Book, Entry, transaction_of
from meteringest.prepaid.ledger.terms import Terms
from meteringest.prepaid.tariff import Payment


class AccountStanding(Struct, frozen=True, kw_only=True):
    """An account at the moment of an order."""

    today: date
    balance: Balance = Balance()
    history: Sequence[Terms] = ()
    """All its terms, by first day; none for an account that is known by its meter only."""
    decimals: int = 2

    @property
    def terms(self) -> Terms | None:
        """Of today."""
        return self.terms_on(self.today)

    def terms_on(self, day: date) -> Terms | None:
        """In force on a local day."""
        begun = [each for each in self.history if each.effective_from <= day]
        return begun[-1] if begun else None

    @property
    def book(self) -> Book:
        """Where its money goes."""
        postpaid = self.terms is not None and self.terms.payment is Payment.POSTPAID
        return Book.POSTPAID if postpaid else Book.PREPAID


class Standing(Struct, kw_only=True):
    """All that orders are held against; moves along as they are taken."""

    accounts: MutableMapping[int, AccountStanding]
    """Those that exist."""
    entered: MutableMapping[str, list[Entry]]
    """Entries by transaction, of the references that were asked for."""
    before: Mapping[int, Balance] = {}
    """For conversions: balances with the charges before their first day only."""
    tariffs: frozenset[str] = frozenset()
    """Names of those that are loaded."""
    now_ms: int

    def take(self, entries: Sequence[Entry]) -> None:
        """What is entered stands."""
        for each in entries:
            self.entered.setdefault(transaction_of(each), []).append(each)
            known = self.accounts[each.account]
            balance = known.balance.moved(each.book, each.amount)
            self.accounts[each.account] = msgspec.structs.replace(known, balance=balance)
