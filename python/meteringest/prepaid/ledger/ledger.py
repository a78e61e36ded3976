"""The ledger at work: orders into entries, one writer, every answer given once it is durable.

Rule 1: looking up, judging, drawing a number and inserting happen alone: no two orders of this
process are held against the same state.
Rule 2: one block holds whole transactions; a kill leaves each of them entered or not.
Rule 3: calls block; run them through an Offload.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from meteringest.csv_rows import Imported, ImportPart, decoded
from meteringest.prepaid.calendar import IST_OFFSET_MIN, local_day
from meteringest.prepaid.ledger import tables
from meteringest.prepaid.ledger.entries import Balance, Entry, Transaction
from meteringest.prepaid.ledger.forms import LINKS
from meteringest.prepaid.ledger.importing import (
    ORIGIN,
    account_numbers,
    judged_accounts,
    judged_links,
)
from meteringest.prepaid.ledger.loading import Loaded, RuleFile, Stamp, load
from meteringest.prepaid.ledger.orders import (
    ALREADY,
    REFUSED,
    TAKEN,
    Convert,
    Entered,
    Order,
)
from meteringest.prepaid.ledger.planning import (
    Already,
    Plan,
    Refusal,
    accounts_of,
    kind_of,
    plan,
)
from meteringest.prepaid.ledger.ports import Engine
from meteringest.prepaid.ledger.rules import RuleBook, Rules
from meteringest.prepaid.ledger.sequence import Sequence as Numbers
from meteringest.prepaid.ledger.standing import AccountStanding, Standing
from meteringest.prepaid.ledger.terms import Terms, load_links, load_terms
from meteringest.prepaid.ledger.words import stripped

ORDERS_AT_ONCE = 1_000
MS = 1_000


class Ledger:
    """Of one store."""

    def __init__(self, engine: Engine, now_ms: Callable[[], int]) -> None:
        """`engine` has the tables already."""
        self._engine = engine
        self._now_ms = now_ms
        self._numbers = Numbers(now_ms, partial(tables.newest_number, engine))
        self._rules = RuleBook(engine)

    def rules(self) -> Rules:
        """As they stand."""
        return self._rules.now()

    def load_rules(self, files: Sequence[RuleFile], author: str) -> tuple[Loaded, ...]:
        """All files or none; raises RulesError with every problem."""
        with self._numbers.alone():
            stamp = Stamp(author, self._now_ms(), self._numbers.draw())
            loading = load(self._rules.now(), files, stamp)
            tables.insert_rules(self._engine, loading.rows)
            return loading.files

    def import_rows(self, parts: Sequence[ImportPart], problems_max: int) -> Imported:
        """All rows of a file of accounts or of links, or none; raises RegistryError."""
        with self._numbers.alone():
            takes = self._import_links if parts[0].table == LINKS else self._import_accounts
            return takes(parts, (parts[0].file, problems_max))

    def _import_accounts(self, parts: Sequence[ImportPart], limit: tuple[str, int]) -> Imported:
        accounts, opened = account_numbers(parts)
        named = [(ORIGIN, str(account)) for account in opened]
        standing = load_terms(self._engine, accounts), tables.load_entries(self._engine, named)
        tariffs = frozenset(each.name for each in self._rules.now().tariffs)
        rows = judged_accounts(parts, standing, tariffs, limit)
        at_ms, ver = self._now_ms(), self._numbers.draw()
        entries = [each for opening in rows.openings for each in opening.entries(at_ms, ver)]
        tables.insert_entries(self._engine, entries)
        tables.insert_terms(self._engine, rows.terms, (parts[0].author, ORIGIN, at_ms, ver))
        return Imported(
            rows=len(rows.terms) + rows.unchanged,
            added=rows.added,
            changed=len(rows.terms) - rows.added,
            unchanged=rows.unchanged,
        )

    def _import_links(self, parts: Sequence[ImportPart], limit: tuple[str, int]) -> Imported:
        serials = {str(given["serial"]) for _, given in decoded(parts)}
        meters = tables.meter_numbers(self._engine, sorted(serials))
        standing = tables.load_links(self._engine, sorted(set(meters.values())))
        stamp = (parts[0].author, self._now_ms(), self._numbers.draw())
        rows = judged_links(parts, meters, standing, stamp, limit)
        tables.insert_links(self._engine, rows)
        known = {(each.account, each.meter, each.from_time) for each in standing}
        changed = sum((each.account, each.meter, each.from_time) in known for each in rows)
        return Imported(rows=len(rows), added=len(rows) - changed, changed=changed, unchanged=0)

    def balance(self, account: int) -> Balance:
        """Nothing has come in and nothing was charged: all is 0."""
        return self.balances([account]).get(account, Balance())

    def balances(self, accounts: Sequence[int]) -> dict[int, Balance]:
        """Of those that have any entry or charge."""
        return tables.load_balances(self._engine, accounts)

    def enter(self, orders: Sequence[Order]) -> list[Entered]:
        """What became of each, in their order; what is taken is durable."""
        done: list[Entered] = []
        for batch in _batches([stripped(each) for each in orders]):
            with self._numbers.alone():
                done += self._enter(batch)
        return done

    def post(self, transactions: Sequence[Transaction]) -> int:
        """Enters what the service itself found due; how many of them were not entered before."""
        with self._numbers.alone():
            named = [(each.origin, each.reference) for each in transactions]
            entered = tables.load_entries(self._engine, named)
            new = [each for each in transactions if each.id not in entered]
            ver = self._numbers.draw()
            rows = [row for each in new for row in each.entries(self._now_ms(), ver)]
            tables.insert_entries(self._engine, rows)
            return len(new)

    def _enter(self, orders: Sequence[Order]) -> list[Entered]:
        standing = self._standing(orders)
        ver = self._numbers.draw()
        entries: list[Entry] = []
        outcomes = []
        for order in orders:
            outcome = plan(order, standing)
            outcomes.append((order, outcome))
            if isinstance(outcome, Plan):
                rows = outcome.transaction.entries(standing.now_ms, ver)
                standing.take(rows)
                entries += rows
        tables.insert_entries(self._engine, entries)
        for order, outcome in outcomes:
            if isinstance(order, Convert) and not isinstance(outcome, Refusal) and outcome.terms:
                stamp = (order.author, order.reason, standing.now_ms, ver)
                tables.insert_terms(self._engine, [outcome.terms], stamp)
        refusals = [(order, found) for order, found in outcomes if isinstance(found, Refusal)]
        self._report(refusals, standing.now_ms, ver)
        return [_entered(order, outcome) for order, outcome in outcomes]

    def _standing(self, orders: Sequence[Order]) -> Standing:
        entered = tables.load_entries(
            self._engine, [(order.origin, order.reference) for order in orders]
        )
        named = {account for order in orders for account in accounts_of(order)}
        accounts = sorted(named | {each.account for rows in entered.values() for each in rows})
        terms = load_terms(self._engine, accounts)
        metered = load_links(self._engine, sorted(set(accounts) - terms.accounts))
        balances = self.balances(accounts)
        rules, now_ms = self._rules.now(), self._now_ms()
        known = {
            account: account_standing(
                terms.of(account), rules, balances.get(account, Balance()), now_ms
            )
            for account in accounts
            if account in terms.accounts or account in metered or account in balances
        }
        before = {
            order.account: self._balance_before(order, known[order.account])
            for order in orders
            if isinstance(order, Convert) and order.account in known
        }
        return Standing(
            accounts=known,
            entered=entered,
            before=before,
            tariffs=frozenset(each.name for each in rules.tariffs),
            now_ms=now_ms,
        )

    def _balance_before(self, order: Convert, known: AccountStanding) -> Balance:
        """Of a conversion still to come nothing moves yet: it will on its day."""
        if order.from_day > known.today:
            return Balance()
        return tables.balance_before(self._engine, order.account, order.from_day)

    def _report(self, refusals: Sequence[tuple[Order, Refusal]], at_ms: int, ver: int) -> None:
        """Kept for good, and put before an operator: money is waiting somewhere."""
        refused = [
            tables.RefusedRow(
                at=at_ms,
                account=first_account(order),
                kind=kind_of(order),
                amount=getattr(order, "amount", ""),
                origin=order.origin,
                reference=order.reference,
                problem=refusal.problem,
                found=refusal.found,
            )
            for order, refusal in refusals
        ]
        told = [
            tables.OperatorRow(
                account=each.account,
                id=_refusal_id(each),
                subject=f"{each.kind} refused",
                says=f"{each.problem}: {each.found}",
                evidence=msgspec.json.encode(each).decode(),
                at=at_ms,
                ver=ver,
            )
            for each in refused
        ]
        tables.insert_refused(self._engine, refused, told)


def account_standing(
    history: Sequence[Terms], rules: Rules, balance: Balance, now_ms: int
) -> AccountStanding:
    """With the decimals and the local day of the tariff it is charged by."""
    known = AccountStanding(
        today=local_day(now_ms // MS, IST_OFFSET_MIN), balance=balance, history=history
    )
    tariff = rules.tariff(known.terms.tariff, known.today) if known.terms is not None else None
    if tariff is None:
        return known
    today = local_day(now_ms // MS, tariff.offset_min)
    return msgspec.structs.replace(known, today=today, decimals=tariff.decimals)


def first_account(order: Order) -> int:
    """The account an order is about; 0 of a reversal, which names none."""
    return next(iter(accounts_of(order)), 0)


def _batches(orders: Sequence[Order]) -> Iterator[Sequence[Order]]:
    """A conversion is judged by itself: what comes after it is held against its terms."""
    batch: list[Order] = []
    for order in orders:
        if batch and (len(batch) == ORDERS_AT_ONCE or Convert in {type(order), type(batch[-1])}):
            yield batch
            batch = []
        batch.append(order)
    if batch:
        yield batch


def _entered(order: Order, outcome: Plan | Already | Refusal) -> Entered:
    account = first_account(order)
    match outcome:
        case Plan():
            number = outcome.transaction.id
            return Entered(account=account, outcome=TAKEN, transaction=number)
        case Already():
            return Entered(account=account, outcome=ALREADY, transaction=outcome.transaction)
        case Refusal():
            return Entered(
                account=account, outcome=REFUSED, problem=outcome.problem, found=outcome.found
            )


def _refusal_id(refused: tables.RefusedRow) -> str:
    """The same refusal again, however often it is tried, is one row to look at."""
    about = (refused.kind, refused.origin, refused.reference, refused.amount, refused.problem)
    return "refused-" + hashlib.sha256(msgspec.json.encode(about)).hexdigest()[:24]
