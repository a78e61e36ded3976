"""The money of a world: orders of every kind, each to the ledger and to the judge of money.

Gateways repeat themselves, sometimes with another amount; a new ledger serves every part, as after
a kill; what is due is entered as the service enters it.
"""

from collections import defaultdict
from datetime import date
from random import Random

from tests.store.worker_purses import Purse, purses_of
from tests.store.worker_world import Account, Terms

from meteringest.prepaid.ledger.entries import Book
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.ledger.orders import (
    ALREADY,
    REFUSED,
    TAKEN,
    Adjust,
    Convert,
    Order,
    Refund,
    TakePayment,
    Transfer,
)
from meteringest.prepaid.ledger.recovering import Recovering
from meteringest.prepaid.tariff import Payment
from meteringest.store.clickhouse import Store

MICRO = 1_000_000
WHY = {"origin": "office", "author": "asha", "reason": "because"}


class Till:
    """Takes orders for all accounts of a world."""

    def __init__(self, store: Store, accounts: list[Account], seed: str) -> None:
        self.store = store
        self.purses = purses_of(accounts)
        self.counts: dict[str, int] = defaultdict(int)
        """How often what became of which order."""
        self._draw = Random(seed)  # noqa: S311
        self._paid: list[TakePayment] = []
        self._orders: list[tuple[Order, str]] = []

    def open(self, now_ms: int) -> None:
        """Some begin with debts from before."""
        for each in self.purses.values():
            if self._draw.random() < 0.4:
                amount = self._amount(400)
                self._order(Adjust(**self._why(each), amount=f"-{amount}", book=Book.ARREARS))
                each.books["arrears"] -= _micro(amount)
        self._enter(now_ms)

    def day(self, now_ms: int, today: date, converted: list[tuple[Account, Terms]]) -> None:
        """What is due, then a day's orders, conversions in between."""
        self.due(now_ms, today)
        conversions = {account.number: terms for account, terms in converted}
        for purse in self.purses.values():
            if purse.account.number in conversions:
                self._convert(purse, conversions[purse.account.number], today)
            elif self._draw.random() < 0.6:
                self._some_order(purse, today)
        self._enter(now_ms)

    def learn(self, account: Account, terms: Terms) -> None:
        """Terms that came by a file."""
        self.purses[account.number].known.append(terms)

    def due(self, now_ms: int, today: date) -> None:
        """What is due that day."""
        self._see_charges()
        ledger = Ledger(self.store, lambda: now_ms)
        Recovering(self.store, ledger.rules, ledger.post, lambda: now_ms).work()
        for purse in self.purses.values():
            purse.settle(today)

    def _see_charges(self) -> None:
        rows = self.store.ask(
            "SELECT account, day, payment, toInt64(amount * 1000000) FROM m.charge_days FINAL"
        ).rows
        found: dict[object, dict[date, tuple[str, int]]] = defaultdict(dict)
        for account, day, payment, amount in rows:
            found[account][day] = (str(payment), int(str(amount)))  # type: ignore[index]
        for number, purse in self.purses.items():
            purse.charged = found[number]

    def _some_order(self, purse: Purse, today: date) -> None:
        draw, amount = self._draw, self._amount(1_500)
        match draw.randrange(10):
            case 0:
                other = draw.choice(list(self.purses.values()))
                self._transfer(purse, other, amount, today)
            case 1:
                taken = self._taken(_micro(amount), purse, today)
                self._order(Refund(**self._why(purse), amount=amount), taken)
                if taken == TAKEN:
                    purse.books[purse.book(today)] -= _micro(amount)
            case 2:
                sign = draw.choice(("", "-"))
                self._order(Adjust(**self._why(purse), amount=sign + amount))
                purse.books[purse.book(today)] += _micro(sign + amount)
            case 3 if self._paid:
                again = draw.choice(self._paid)
                other_amount = draw.random() < 0.4
                if other_amount:
                    again = TakePayment(
                        account=again.account,
                        amount=f"{again.amount}1".replace(".", "") + ".00",
                        origin=again.origin,
                        reference=again.reference,
                    )
                self._order(again, REFUSED if other_amount else ALREADY)
            case _:
                why = self._why(purse)
                order = TakePayment(
                    account=purse.account.number,
                    amount=amount,
                    origin="upi",
                    reference=str(why["reference"]),
                )
                self._order(order)
                self._paid.append(order)
                purse.pay(_micro(amount), today)

    def _transfer(self, purse: Purse, other: Purse, amount: str, today: date) -> None:
        taken = REFUSED if other is purse else self._taken(_micro(amount), purse, today)
        self._order(Transfer(**self._why(purse), amount=amount, to=other.account.number), taken)
        if taken == TAKEN:
            purse.books[purse.book(today)] -= _micro(amount)
            other.books[other.book(today)] += _micro(amount)

    def _convert(self, purse: Purse, terms: Terms, today: date) -> None:
        credit = self._amount(100)
        order = Convert(
            **self._why(purse),
            to=Payment(terms.payment),
            from_day=terms.day,
            credit=credit,
        )
        self._order(order)
        purse.convert(terms, today, _micro(credit))

    def _order(self, order: Order, becomes: str = TAKEN) -> None:
        self._orders.append((order, becomes))
        self.counts[f"{type(order).__name__} {becomes}"] += 1

    def _enter(self, now_ms: int) -> None:
        entered = Ledger(self.store, lambda: now_ms).enter([order for order, _ in self._orders])
        for (order, becomes), done in zip(self._orders, entered, strict=True):
            assert done.outcome == becomes, (order, done)
        self._orders.clear()

    def _why(self, purse: Purse) -> dict[str, object]:
        number = purse.account.number
        self.counts["numbers"] += 1
        return {**WHY, "account": number, "reference": f"{number}-{self.counts['numbers']}"}

    def _amount(self, most: int) -> str:
        return f"{self._draw.randrange(1, most)}.{self._draw.randrange(100):02}"

    @staticmethod
    def _taken(amount: int, purse: Purse, today: date) -> str:
        return TAKEN if purse.covers(amount, today) else REFUSED


def _micro(written: str) -> int:
    whole, _, cents = written.partition(".")
    return (abs(int(whole)) * 100 + int(cents)) * MICRO // 100 * (-1 if "-" in written else 1)
