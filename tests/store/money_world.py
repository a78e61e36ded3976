"""A store with rules, accounts, charges and money put into it as the service's parts would."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial

import numpy as np
from tests.unit.tariff_days import EXAMPLES, RUPEE

from meteringest.columns import rows_block
from meteringest.prepaid.billing.work import Biller, IssueDone, Wanted
from meteringest.prepaid.deciding.hours import hours_left
from meteringest.prepaid.deciding.work import Decider
from meteringest.prepaid.ledger import tables
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.ledger.loading import RuleFile
from meteringest.prepaid.ledger.orders import TakePayment
from meteringest.prepaid.ledger.terms import Terms
from meteringest.prepaid.tariff import Payment
from meteringest.prepaid.worker import cursors
from meteringest.prepaid.worker.shards import SHARDS
from meteringest.prepaid.worker.snapshot import take
from meteringest.prepaid.worker.superseding import keep_superseded
from meteringest.store.clickhouse import Store

IST_S = 19_800
COMPUTED_AT_MS = 4_000_000_000_000
"""Far ahead: the engine's own clock forgets open versions of a day after a week."""
RULES = ("flat", "calendar-2026", "policy-uttar-pradesh", "policy-bihar", "policy-meghalaya")
CHARGES = {
    "account": "UInt64",
    "day": "Date",
    "payment": "String",
    "tariff": "String",
    "amount": "Decimal(18, 6)",
    "kinds": "Array(String)",
    "components": "Array(String)",
    "amounts": "Array(Decimal(18, 6))",
    "energies": "Array(Int64)",
    "held": "Array(String)",
    "over": "UInt8",
    "up_to": "DateTime('UTC')",
    "at": "DateTime64(3, 'UTC')",
    "ver": "UInt64",
}


def ist(day: date, clock: str = "00:00") -> int:
    """An instant by the Indian clock."""
    local = datetime(day.year, day.month, day.day, int(clock[:2]), int(clock[3:]), tzinfo=UTC)
    return int(local.timestamp()) - IST_S


class World:
    """One store and everything that decides and bills on it; the clock is set by hand."""

    def __init__(self, store: Store, now_s: int) -> None:
        self.store = store
        self.now_s = now_s
        self.ledger = Ledger(store, lambda: self.now_s * 1_000)
        self.ledger.load_rules(
            [RuleFile(name, (EXAMPLES / f"{name}.toml").read_text()) for name in RULES], "test"
        )
        self.biller = Biller(store, self.ledger.rules, self.ledger.post, lambda: self.now_s * 1_000)
        self.decider = Decider(
            store, self.ledger.rules, self.biller.behind, partial(hours_left, store)
        )
        self._ver = 0

    def account(
        self,
        account: int,
        since: date,
        payment: Payment = Payment.PREPAID,
        *,
        area: str = "UP",
        account_class: str = "home",
    ) -> None:
        """Terms from that day on, and a meter of its own, named like the account."""
        terms = Terms(
            account=account,
            effective_from=since,
            payment=payment,
            tariff="example-flat",
            account_class=account_class,
            area=area,
            load_w=2_000,
        )
        self._ver += 1
        tables.insert_terms(self.store, [terms], ("test", "test", 0, self._ver))
        row = f"({account}, 'S{account}', 86400, {account}, 1, {self._ver})"
        columns = "(meter, serial, interval_s, account, active, ver)"
        self.store.run(f"INSERT INTO m.meters {columns} VALUES {row}")  # noqa: S608

    def charge(self, account: int, day: date, rupees: float, **more: object) -> None:
        """A version of a day's charges, as a worker writes it."""
        self.charge_days([(account, day, rupees)], **more)  # type: ignore[arg-type]

    def charge_days(
        self,
        days: Sequence[tuple[int, date, float]],
        *,
        payment: Payment = Payment.PREPAID,
        up_to_s: int | None = None,
        held: tuple[str, ...] = (),
    ) -> None:
        """Accounts, days and rupees; settled unless something is held, over unless `up_to_s`."""
        self._ver += 1
        block = rows_block(
            CHARGES,
            [
                (
                    account,
                    day,
                    payment.value,
                    "t1",
                    round(rupees * RUPEE),
                    ["accrual", "day" if held else "settlement"],
                    ["energy", "fixed"],
                    [round(rupees * RUPEE) - RUPEE, RUPEE],
                    [0, 0],
                    list(held),
                    int(up_to_s is None),
                    ist(day + timedelta(days=1)) if up_to_s is None else up_to_s,
                    COMPUTED_AT_MS,
                    self._ver,
                )
                for account, day, rupees in days
            ],
        )
        if up_to_s is None:
            accounts = np.array([account for account, _, _ in days], dtype=np.uint64)
            numbers = np.array([day for _, day, _ in days], dtype="datetime64[D]").astype(np.int64)
            keep_superseded(self.store, accounts, numbers, self._ver, f"{self._ver}")
        else:
            self.store.insert("m.charge_history", block, f"history-{self._ver}")
        self.store.insert("m.charge_days", block, f"days-{self._ver}")
        self.pass_done()

    def pass_done(self) -> None:
        """The cursors a worker leaves behind: its charges know all that was entered."""
        marks = cursors.reached(take(self.store))
        cursors.save(self.store, range(SHARDS), COMPUTED_AT_MS, marks)

    def pay(self, account: int, rupees: str, at_s: int, reference: str = "") -> None:
        order = TakePayment(
            account=account,
            amount=rupees,
            origin="upi",
            reference=reference or f"{account}-{at_s}",
            paid_at_ms=at_s * 1_000,
        )
        now_s, self.now_s = self.now_s, max(self.now_s, at_s)
        (entered,) = self.ledger.enter([order])
        self.now_s = now_s
        assert not entered.refused, entered

    def issue(self, on: date, *, account: int = 0, unsafe_too: bool = False) -> IssueDone:
        return self.biller.issue(
            Wanted(on=on, account=account, unsafe_too=unsafe_too, author="test")
        )

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in self.store.ask(sql).rows]
