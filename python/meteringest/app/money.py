"""Answers about money: the same for a running service and for a command on its folder."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

from meteringest.app.happenings import OrderRefused
from meteringest.app.office import Office
from meteringest.app.recharging import Recharging
from meteringest.clock import WallClock
from meteringest.control.charging import AskRecompute, AskSweep
from meteringest.control.money import (
    AskAccount,
    AskAccounts,
    AskDay,
    AskEnter,
    AskLoadRules,
    AskMoney,
    AskStatement,
)
from meteringest.csv_rows import Imported, ImportPart
from meteringest.events import Observer
from meteringest.prepaid.ledger.forms import FORMS
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.ledger.orders import Entered, Order
from meteringest.prepaid.ledger.planning import accounts_of
from meteringest.prepaid.showing.account import list_accounts, show
from meteringest.prepaid.showing.statements import make_day, make_statement
from meteringest.store.clickhouse import Store


class Money:
    """Blocks; run it through an Offload."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: WallClock,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """`ledger` is the only one of this process; while it is `stopping` long answers end."""
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._office = Office(store, ledger, clock)
        self._recharging = Recharging(store, clock, stopping)

    def answer(self, asked: AskMoney) -> object:
        """What the asker decodes as the type it knows."""
        answer: object
        match asked:
            case AskEnter(orders=orders):
                answer = self._ledger.enter(orders)
            case AskLoadRules(files=files, author=author):
                answer = self._ledger.load_rules(files, author)
            case AskAccounts(match=match, limit=limit):
                answer = list_accounts(self._store, self._ledger, match, limit)
            case AskAccount(account=account):
                answer = show(self._store, self._ledger, account, self._clock.now_ms())
            case AskStatement(account=account, first=first, last=last):
                answer = self._statement(account, first, last)
            case AskDay(account=account, day=day):
                answer = make_day(self._store, self._ledger, account, day)
            case AskSweep() | AskRecompute():
                answer = self._recharging.answer(asked)
            case _:
                answer = self._office.answer(asked)
        return answer

    def import_rows(self, parts: Sequence[ImportPart], problems_max: int) -> Imported:
        """Accounts or links, all rows or none."""
        return self._ledger.import_rows(parts, problems_max)

    def _statement(self, account: int, first: date | None, last: date | None) -> object:
        span = (first, last)
        return make_statement(self._store, self._ledger, account, span, self._clock.now_ms())


def takes(parts: Sequence[ImportPart]) -> bool:
    """Whether the rows are about money and not about meters."""
    return bool(parts) and parts[0].table in FORMS


def accounts_concerned(orders: Iterable[Order]) -> set[int]:
    """Whose money the orders may have moved; a reversal names none and is left to the sweep."""
    return {account for order in orders for account in accounts_of(order)}


def tell_refused(observer: Observer, orders: Iterable[Order], done: object) -> None:
    """One event for each order that was refused."""
    if not isinstance(done, list):
        return
    for order, each in zip(orders, done, strict=True):
        if isinstance(each, Entered) and each.refused:
            observer.emit(
                OrderRefused(
                    account=each.account,
                    origin=order.origin,
                    reference=order.reference,
                    problem=each.problem,
                )
            )
