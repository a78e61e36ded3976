"""Orders in any order, doubled and cut short, against a dictionary: the same money, each once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from meteringest.prepaid.arrears import RecoveryPlan
from meteringest.prepaid.ledger.entries import (
    Balance,
    Book,
    Entry,
    EntryKind,
    per_account,
    transaction_of,
)
from meteringest.prepaid.ledger.orders import (
    Adjust,
    Convert,
    Order,
    Refund,
    Reverse,
    TakePayment,
    Transfer,
)
from meteringest.prepaid.ledger.planning import (
    Already,
    Plan,
    Refusal,
    plan,
)
from meteringest.prepaid.ledger.standing import AccountStanding, Standing
from meteringest.prepaid.ledger.terms import Terms
from meteringest.prepaid.tariff import Payment

TODAY = date(2026, 11, 20)
KNOWN, STRANGER = (1, 2, 3), 9
MICRO = 1_000_000


@dataclass
class Kept:
    """What a store would hold: entries by their key, terms; everything is read from here."""

    rows: dict[tuple[int, str, int], Entry] = field(default_factory=dict)
    terms: dict[int, list[Terms]] = field(default_factory=dict)

    def standing(self) -> Standing:
        accounts = {
            account: AccountStanding(
                today=TODAY, balance=self.balance(account), history=self.terms[account]
            )
            for account in self.terms
        }
        entered: dict[str, list[Entry]] = {}
        for entry in self.rows.values():
            entered.setdefault(transaction_of(entry), []).append(entry)
        before = {account: known.balance for account, known in accounts.items()}
        return Standing(accounts=accounts, entered=entered, before=before, now_ms=1_000)

    def balance(self, account: int) -> Balance:
        balance = Balance()
        for entry in self.rows.values():
            if entry.account == account:
                balance = balance.moved(entry.book, entry.amount)
        return balance

    def insert(self, entries: Iterable[Entry]) -> None:
        self.rows.update({(each.account, each.id, each.amount): each for each in entries})


def kept() -> Kept:
    plans = {1: RecoveryPlan(share_ppm=400_000), 2: RecoveryPlan(), 3: RecoveryPlan()}
    payments = {1: Payment.PREPAID, 2: Payment.PREPAID, 3: Payment.POSTPAID}
    start = date(2026, 4, 1)
    return Kept(
        terms={
            account: [
                Terms(
                    account=account,
                    effective_from=start,
                    payment=payments[account],
                    tariff="t",
                    recovery=plans[account],
                )
            ]
            for account in KNOWN
        }
    )


accounts = st.sampled_from((*KNOWN, STRANGER))
amounts = st.sampled_from(
    ("1", "100", "99.99", "0.01", "0.001", "0", "-5", "abc", "1e3", "1_0", "\u0665", "NaN")
)
signed = st.sampled_from(("-70.10", "250", "0", "3.333"))
named = {"origin": st.sampled_from("ab"), "reference": st.sampled_from(("1", "'\\"))}
why = {"author": st.just("office"), "reason": st.just("because")}
orders: st.SearchStrategy[Order] = st.one_of(
    st.builds(TakePayment, account=accounts, amount=amounts, **named),
    st.builds(
        Adjust,
        account=accounts,
        amount=signed,
        book=st.sampled_from((None, Book.ARREARS)),
        **named,
        **why,
    ),
    st.builds(Transfer, account=accounts, to=accounts, amount=amounts, **named, **why),
    st.builds(Refund, account=accounts, amount=amounts, **named, **why),
    st.builds(
        Reverse,
        of=st.sampled_from((EntryKind.PAYMENT, EntryKind.TRANSFER, EntryKind.CONVERSION)),
        **named,
        **why,
    ),
)
# How often each is sent, and whether the process dies before the entries are in the store.
sent = st.lists(st.tuples(orders, st.integers(1, 3), st.booleans()), max_size=30)


class Naive:
    """Money per account and what was asked under which reference; knows no books."""

    def __init__(self) -> None:
        self.money = dict.fromkeys(KNOWN, 0)
        self.asked: dict[tuple[str, str, str], dict[int, int]] = {}

    def expect(self, order: Order, own: dict[int, int]) -> str:
        """taken, already or refused; `own` is what each account's own book holds."""
        wants = self.wants(order)
        if wants is None:
            return "refused"
        key = (tag(order), order.origin, order.reference)
        if key in self.asked:
            same = isinstance(order, Reverse) or self.asked[key] == wants
            return "already" if same else "refused"
        if isinstance(order, Transfer | Refund) and own[order.account] + wants[order.account] < 0:
            return "refused"
        self.asked[key] = wants
        for account, amount in wants.items():
            self.money[account] += amount
        return "taken"

    def wants(self, order: Order) -> dict[int, int] | None:
        if isinstance(order, Reverse):
            done = self.asked.get((order.of.value, order.origin, order.reference))
            return None if done is None else {each: -amount for each, amount in done.items()}
        assert not isinstance(order, Convert)
        cents = CENTS.get(order.amount)
        if cents is None or order.account not in KNOWN:
            return None
        if isinstance(order, Adjust):
            return {order.account: cents} if cents else None
        return self.positive(order, cents) if cents > 0 else None

    def positive(self, order: TakePayment | Transfer | Refund, cents: int) -> dict[int, int] | None:
        if isinstance(order, Transfer):
            one = order.account == order.to or order.to not in KNOWN
            return None if one else {order.account: -cents, order.to: cents}
        return {order.account: -cents if isinstance(order, Refund) else cents}


CENTS = {
    each: round(float(each) * 100) * MICRO // 100
    for each in ("1", "100", "99.99", "0.01", "0", "-5", "-70.10", "250")
}


def tag(order: Order) -> str:
    own = str(order.__struct_config__.tag)
    return own + order.of if isinstance(order, Reverse) else own


def word(outcome: Plan | Already | Refusal) -> str:
    return {Plan: "taken", Already: "already", Refusal: "refused"}[type(outcome)]


@settings(max_examples=150)
@given(sent)
def test_whatever_is_sent_the_money_is_the_dictionarys(
    sent: list[tuple[Order, int, bool]],
) -> None:
    store, naive = kept(), Naive()
    for order, times, dies in sent:
        if dies:
            plan(order, store.standing())
        for _ in range(times):
            standing = store.standing()
            own = {each: own_book(standing.accounts[each]) for each in KNOWN}
            outcome = plan(order, standing)
            assert word(outcome) == naive.expect(order, own)
            if isinstance(outcome, Plan):
                store.insert(outcome.transaction.entries(at_ms=1, ver=1))
    sums = per_account(store.rows.values())
    assert {account: sums.get(account, 0) for account in KNOWN} == naive.money


def own_book(known: AccountStanding) -> int:
    return known.balance.prepaid if known.book is Book.PREPAID else known.balance.postpaid


@settings(max_examples=100)
@given(sent)
def test_a_batch_comes_to_what_one_by_one_comes_to(sent: list[tuple[Order, int, bool]]) -> None:
    one_by_one, at_once = kept(), kept()
    words = []
    for order, times, _ in sent:
        for _ in range(times):
            outcome = plan(order, one_by_one.standing())
            words.append(outcome)
            if isinstance(outcome, Plan):
                one_by_one.insert(outcome.transaction.entries(at_ms=1, ver=1))
    standing = at_once.standing()
    batch = []
    for order, times, _ in sent:
        for _ in range(times):
            outcome = plan(order, standing)
            batch.append(outcome)
            if isinstance(outcome, Plan):
                entries = outcome.transaction.entries(at_ms=1, ver=1)
                standing.take(entries)
                at_once.insert(entries)
    assert batch == words
    assert at_once.rows == one_by_one.rows


@given(
    st.integers(0, 1_000_000),
    st.integers(0, 10**12),
    st.decimals(min_value="0.01", max_value=10**6, places=2),
)
def test_a_payment_is_split_without_loss_and_arrears_are_never_overpaid(
    share_ppm: int, owed: int, amount: object
) -> None:
    terms = Terms(
        account=1,
        effective_from=TODAY,
        payment=Payment.PREPAID,
        tariff="t",
        recovery=RecoveryPlan(share_ppm=share_ppm),
    )
    known = AccountStanding(today=TODAY, balance=Balance(arrears=-owed), history=[terms])
    standing = Standing(accounts={1: known}, entered={}, now_ms=1)
    order = TakePayment(account=1, amount=str(amount), origin="g", reference="r")
    outcome = plan(order, standing)
    assert isinstance(outcome, Plan)
    parts = {part.book: part.amount for part in outcome.transaction.parts}
    assert sum(parts.values()) * 100 == int(str(amount).replace(".", "")) * MICRO
    assert 0 <= parts.get(Book.ARREARS, 0) <= owed


@given(
    st.builds(
        Balance, prepaid=st.integers(), postpaid=st.integers(), arrears=st.integers(max_value=0)
    ),
    st.sampled_from(Payment),
)
def test_a_conversion_moves_everything_and_makes_nothing(before: Balance, to: Payment) -> None:
    old = Payment.POSTPAID if to is Payment.PREPAID else Payment.PREPAID
    terms = Terms(account=1, effective_from=date(2026, 4, 1), payment=old, tariff="t")
    known = AccountStanding(today=TODAY, balance=before, history=[terms])
    standing = Standing(accounts={1: known}, entered={}, before={1: before}, now_ms=1)
    order = Convert(
        account=1,
        to=to,
        from_day=TODAY,
        credit="50",
        origin="o",
        reference="r",
        author="a",
        reason="b",
    )
    outcome = plan(order, standing)
    assert isinstance(outcome, Plan)
    assert outcome.terms is not None
    assert (outcome.terms.payment, outcome.terms.effective_from) == (to, TODAY)
    entries = outcome.transaction.entries(at_ms=1, ver=1)
    assert per_account(entries) == {1: 50 * MICRO}
    standing.take(entries)
    after = standing.accounts[1].balance
    if to is Payment.PREPAID:
        assert after.postpaid == 0
        left = before.arrears + before.postpaid
        assert (after.arrears, after.prepaid) == (
            min(0, left),
            before.prepaid + max(0, left) + 50 * MICRO,
        )
    else:
        assert (after.prepaid, after.arrears) == (0, 0)
    # Killed before its terms were in: asked again, it has them entered, and no money.
    again = plan(order, standing)
    assert isinstance(again, Already)
    assert again.terms == outcome.terms
    known = AccountStanding(today=TODAY, balance=after, history=[terms, outcome.terms])
    standing.accounts[1] = known
    assert plan(order, standing) == Already(outcome.transaction.id)
