"""The ledger on the real store: taken once, refused with a reason, atomic under a kill."""

import json
from datetime import date
from pathlib import Path

import pytest
from tests.store.children import start

from meteringest.columns import rows_block
from meteringest.errors import StoreUnavailable
from meteringest.prepaid.arrears import RecoveryPlan
from meteringest.prepaid.ledger import tables
from meteringest.prepaid.ledger.entries import Balance, Book, EntryKind
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.ledger.orders import (
    Adjust,
    Convert,
    Refund,
    Reverse,
    TakePayment,
    Transfer,
)
from meteringest.prepaid.ledger.terms import Terms, load_terms
from meteringest.prepaid.tariff import Payment
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

MICRO = 1_000_000
NOW_MS = 1_795_000_000_000  # 2026-11-18 16:36 IST
TODAY = date(2026, 11, 18)
WHY = {"origin": "office", "author": "asha", "reason": "bill of 3 Nov was read wrongly"}
CHARGE_DAYS = {
    "account": "UInt64",
    "day": "Date",
    "payment": "String",
    "amount": "Decimal(18, 6)",
    "up_to": "DateTime('UTC')",
    "ver": "UInt64",
}


@pytest.fixture
def ledger(store: Store) -> Ledger:
    rows = [
        terms(1, Payment.PREPAID, recovery=RecoveryPlan(share_ppm=250_000)),
        terms(2, Payment.POSTPAID),
    ]
    tables.insert_terms(store, rows, ("a", "r", 0, 1))
    store.run("INSERT INTO m.meters (meter, serial, account, ver) VALUES (1, 'S1', 3, 1)")
    return Ledger(store, lambda: NOW_MS)


def terms(account: int, payment: Payment, **more: object) -> Terms:
    start = date(2026, 4, 1)
    return Terms(account=account, effective_from=start, payment=payment, tariff="t", **more)  # type: ignore[arg-type]


def charge(store: Store, account: int, day: date, payment: Payment, amount: int, ver: int) -> None:
    row = (account, day, payment, amount * MICRO, 1_700_000_000 + ver, ver)
    store.insert("m.charge_days", rows_block(CHARGE_DAYS, [row]), f"{account}-{day}-{ver}")


def pay(account: int, amount: str, reference: str) -> TakePayment:
    return TakePayment(account=account, amount=amount, origin="upi", reference=reference)


def test_a_payment_is_taken_once_and_split_as_the_terms_say(ledger: Ledger, store: Store) -> None:
    owed = Adjust(account=1, amount="-100", reference="1", book=Book.ARREARS, **WHY)
    done = ledger.enter([owed, pay(1, "200", "r1"), pay(1, "200", "r1"), pay(2, "7.5", "r1b")])
    assert [each.outcome for each in done] == ["taken", "taken", "already taken", "taken"]
    assert ledger.enter([pay(1, "200.00", "r1")])[0].outcome == "already taken"
    balance = ledger.balance(1)
    assert (balance.prepaid, balance.arrears) == (150 * MICRO, -50 * MICRO)
    assert (balance.last_recharge, balance.last_recharge_ms) == (150 * MICRO, NOW_MS)
    assert ledger.balance(2).postpaid == 7_500_000
    assert ledger.balance(3) == Balance()
    assert store.ask("SELECT count() FROM m.entries").rows == [(4,)]


def test_what_is_refused_is_kept_and_told(ledger: Ledger, store: Store) -> None:
    ledger.enter([pay(1, "200", "r1")])
    orders = {
        "unknown_account": pay(9, "10", "a"),
        "inexact": pay(1, "10.001", "b"),
        "negative": pay(1, "-10", "c"),
        "other_amount": pay(1, "99", "r1"),
        "other_account": pay(3, "200", "r1"),
        "not_covered": Refund(account=1, amount="500", reference="d", **WHY),
        "same_account": Transfer(account=1, to=1, amount="5", reference="e", **WHY),
        "unknown_reference": Reverse(of=EntryKind.PAYMENT, reference="f", **WHY),
    }
    done = ledger.enter(list(orders.values()))
    assert [(each.outcome, each.problem) for each in done] == [("refused", each) for each in orders]
    ledger.enter(list(orders.values()))
    assert store.ask("SELECT count() FROM m.entries").rows == [(1,)]
    refused = store.ask("SELECT account, reference, problem, found FROM m.refused_entries FINAL")
    assert set(refused.rows) == {
        (each.account, order.reference, each.problem, each.found)
        for each, order in zip(done, orders.values(), strict=True)
    }
    told = store.ask("SELECT kind, says, evidence FROM m.outbox FINAL").rows
    assert {row[:2] for row in told} == {
        ("operator", f"{each.problem}: {each.found}") for each in done
    }
    assert len(told) == len(orders)
    assert {json.loads(str(row[2]))["origin"] for row in told} == {"upi", "office"}


def test_money_for_an_account_known_by_its_meter_only_is_kept_for_it(ledger: Ledger) -> None:
    assert ledger.enter([pay(3, "20", "r")])[0].outcome == "taken"
    assert ledger.balance(3).prepaid == 20 * MICRO


def test_a_transfer_moves_and_a_reversal_takes_back(ledger: Ledger, store: Store) -> None:
    transfer = Transfer(account=1, to=2, amount="40", reference="t", **WHY)
    ledger.enter([pay(1, "100", "r1"), transfer])
    assert (ledger.balance(1).prepaid, ledger.balance(2).postpaid) == (60 * MICRO, 40 * MICRO)
    back = Reverse(of=EntryKind.TRANSFER, reference="t", **WHY)
    assert [each.outcome for each in ledger.enter([back, back])] == ["taken", "already taken"]
    assert (ledger.balance(1).prepaid, ledger.balance(2).postpaid) == (100 * MICRO, 0)
    rows = store.ask("SELECT account, other, author FROM m.entries_v WHERE kind = 'reversal'").rows
    assert sorted(rows) == [(1, 2, "asha"), (2, 1, "asha")]


def test_charges_count_once_in_their_newest_version(ledger: Ledger, store: Store) -> None:
    ledger.enter([pay(1, "100", "r1")])
    for ver, amount in ((1, 10), (3, 12), (2, 50)):
        charge(store, 1, TODAY, Payment.PREPAID, amount, ver)
    charge(store, 1, date(2026, 10, 1), Payment.POSTPAID, 5, 1)
    balance = ledger.balance(1)
    assert (balance.prepaid, balance.postpaid) == (88 * MICRO, -5 * MICRO)
    assert balance.charged_to_s == 1_700_000_003


def test_a_conversion_moves_debt_to_arrears_and_back(ledger: Ledger, store: Store) -> None:
    charge(store, 2, date(2026, 11, 10), Payment.POSTPAID, 300, 1)
    charge(store, 2, TODAY, Payment.POSTPAID, 9, 1)  # charged before the conversion was known
    ledger.enter([pay(2, "100", "r1")])
    order = Convert(
        account=2,
        to=Payment.PREPAID,
        from_day=TODAY,
        credit="50",
        recover_ppm=500_000,
        reference="c1",
        **WHY,
    )
    assert [each.outcome for each in ledger.enter([order, order])] == ["taken", "already taken"]
    now = load_terms(store, [2]).on(2, TODAY)
    assert now is not None
    assert (now.payment, now.recovery.share_ppm) == (Payment.PREPAID, 500_000)
    charge(store, 2, TODAY, Payment.PREPAID, 9, 2)
    balance = ledger.balance(2)
    assert (balance.prepaid, balance.postpaid, balance.arrears) == (41 * MICRO, 0, -200 * MICRO)
    ledger.enter([pay(2, "100", "r2")])
    assert (ledger.balance(2).prepaid, ledger.balance(2).arrears) == (91 * MICRO, -150 * MICRO)
    late = Convert(account=2, to=Payment.POSTPAID, from_day=TODAY, reference="c2", **WHY)
    assert ledger.enter([late])[0].problem == "later_terms"


class Dying:
    """A store that does what it is asked and then loses the answer, or dies before."""

    def __init__(self, store: Store, table: str, *, before: bool) -> None:
        self.ask = store.ask
        self._store, self._table, self._before = store, table, before

    def insert(self, table: str, block: bytes, token: str) -> int:
        if table == self._table and self._before:
            raise StoreUnavailable("here", "gone")
        rows = self._store.insert(table, block, token)
        if table == self._table:
            raise StoreUnavailable("here", "the answer was lost")
        return rows


@pytest.mark.parametrize("table", ["m.entries", "m.account_terms"])
@pytest.mark.parametrize("before", [True, False])
def test_an_order_that_was_cut_short_is_sent_again_and_done_once(
    ledger: Ledger, store: Store, table: str, *, before: bool
) -> None:
    ledger.enter([pay(2, "100", "r1")])
    order = Convert(account=2, to=Payment.PREPAID, from_day=TODAY, credit="5", reference="c", **WHY)
    dying = Ledger(Dying(store, table, before=before), lambda: NOW_MS)
    with pytest.raises(StoreUnavailable):
        dying.enter([order])
    assert ledger.enter([order])[0].outcome != "refused"
    balance = ledger.balance(2)
    assert (balance.prepaid, balance.postpaid) == (105 * MICRO, 0)
    now = load_terms(store, [2]).on(2, TODAY)
    assert now is not None
    assert now.payment is Payment.PREPAID


TRANSFERS = """
import sys
from pathlib import Path
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.ledger.orders import Transfer
from meteringest.store.clickhouse import open_store
from meteringest.store.settings import StoreSettings
ledger = Ledger(open_store(StoreSettings(), Path(sys.argv[1])), lambda: 1_795_000_000_000)
for number in range(int(sys.argv[2]), 10_000):
    order = Transfer(account=1, to=2, amount="0.01", origin="o", reference=str(number),
                     author="a", reason="r")
    print(number, ledger.enter([order])[0].outcome, flush=True)
"""


def test_kill_9_between_the_entries_of_a_transfer_leaves_both_or_none(
    tmp_path: Path, settings: StoreSettings
) -> None:
    store = open_store(settings, tmp_path)
    migrate(store, settings)
    rows = [terms(1, Payment.PREPAID), terms(2, Payment.PREPAID)]
    tables.insert_terms(store, rows, ("a", "r", 0, 1))
    Ledger(store, lambda: NOW_MS).enter([pay(1, "1000", "r")])
    store.close()
    answered = 0
    for _ in range(3):
        with start(TRANSFERS, tmp_path, answered) as child:
            assert child.stdout is not None
            for line in child.stdout:
                number, outcome = line.split(" ", 1)
                assert outcome.strip() in {"taken", "already taken"}
                answered = int(number) + 1
                if answered % 7 == 0:
                    break
            child.kill()
    store = open_store(settings, tmp_path)
    rows = store.ask(
        "SELECT reference, count(), sum(amount) FROM m.entries_v WHERE kind = 'transfer' "
        "GROUP BY reference"
    ).rows
    store.close()
    assert len(rows) >= answered
    assert {(count, amount) for _, count, amount in rows} == {(2, 0)}
