"""The facts about accounts at an instant, read from the store; nothing is written here.

Rule 1: facts are of the instant asked about: entries count from when they were paid, charges from
the end of what they charge, switches from when they were decided. So the past can be asked too.
Rule 2: what is not known is left unknown; decision.py cuts nobody on it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

import msgspec
from msgspec import Struct

from meteringest.prepaid.calendar import IST_OFFSET_MIN, local_day
from meteringest.prepaid.deciding.below import Below, below_since
from meteringest.prepaid.deciding.outbox import NO_RECHARGE, Facts, remembered
from meteringest.prepaid.decision import AccountState
from meteringest.prepaid.ledger.ports import Engine, day, money, whole
from meteringest.prepaid.ledger.terms import Terms, load_terms
from meteringest.prepaid.policy import Policy
from meteringest.prepaid.tariff import Payment

PolicyOf = Callable[[str, date], Policy | None]


BehindOf = Callable[[Sequence[int], date], Mapping[int, "Behind"]]
"""Postpaid accounts, as of that day."""
HoursLeft = Callable[[Mapping[int, int], int], Mapping[int, int]]
"""Prepaid accounts with their balances, at that second."""


class Behind(Struct, frozen=True, kw_only=True):
    """How far a postpaid account is behind with its bills."""

    unpaid_bills: int = 0
    overdue: int = 0


class Sources(Struct, frozen=True, kw_only=True):
    """What facts are made from besides the tables read here."""

    policy_of: PolicyOf
    may_cut: Callable[[Policy], bool]
    """Whether it is worth finding out since when somebody is below the threshold."""
    behind: BehindOf
    hours_left: HoursLeft


class _Money(Struct, frozen=True, kw_only=True):
    balance: int = 0
    up_to_s: int = 0
    recharge: str = NO_RECHARGE
    recharged: int = 0


class Found(Struct, frozen=True, kw_only=True):
    """The facts of one account, and the policy they are to be held against."""

    facts: Facts
    policy: Policy | None


def read_facts(engine: Engine, sources: Sources, accounts: Sequence[int], at_s: int) -> list[Found]:
    """Of those of `accounts` that are not closed, in their order."""
    look = _Look(engine, sources.policy_of, accounts, at_s)
    found = {account: look.found(account) for account in accounts if not look.closed(account)}
    behind = sources.behind(_wanting_bills(found.values()), look.today)
    hours = sources.hours_left(_wanting_hours(found.values()), at_s)
    since = below_since(engine, _wanting_since(found.values(), sources.may_cut), at_s)
    for account, each in found.items():
        late = behind.get(account, Behind())
        state = msgspec.structs.replace(
            each.facts.state,
            unpaid_bills=late.unpaid_bills,
            arrears=late.overdue,
            hours_left=hours.get(account),
            below_since_s=since.get(account),
        )
        facts = msgspec.structs.replace(each.facts, state=state)
        found[account] = msgspec.structs.replace(each, facts=facts)
    return list(found.values())


def _wanting_bills(found: Iterable[Found]) -> list[int]:
    return [
        each.facts.state.account
        for each in found
        if each.facts.state.payment is Payment.POSTPAID
        and each.policy is not None
        and (each.policy.unpaid_bills is not None or each.policy.arrears_over is not None)
    ]


def _wanting_hours(found: Iterable[Found]) -> dict[int, int]:
    """Balances of accounts whose policy tells hours left."""
    return {
        each.facts.state.account: each.facts.state.balance
        for each in found
        if each.facts.state.payment is Payment.PREPAID
        and each.policy is not None
        and each.policy.notices.hours_left
    }


def _wanting_since(found: Iterable[Found], may_cut: Callable[[Policy], bool]) -> dict[int, Below]:
    """Accounts that could be cut and whose emergency credit ends with time."""
    return {
        state.account: Below(balance=state.balance, threshold=threshold, hours_max=hours_max)
        for each in found
        if (state := each.facts.state).payment is Payment.PREPAID
        and state.connected
        and each.policy is not None
        and may_cut(each.policy)
        and (hours_max := max((row.hours or 0 for row in each.policy.emergency), default=0))
        and state.balance < (threshold := each.policy.threshold(state.account_class)[0])
    }


class _Look:
    """One look at the tables."""

    def __init__(
        self, engine: Engine, policy_of: PolicyOf, accounts: Sequence[int], at_s: int
    ) -> None:
        self.today = local_day(at_s, IST_OFFSET_MIN)
        self._policy_of = policy_of
        self._terms = load_terms(engine, accounts)
        self._sums = _balances(engine, accounts, at_s, self.today)
        self._held = _held(engine, accounts, self.today)
        self._ids = _outbox(engine, accounts, at_s)

    def closed(self, account: int) -> bool:
        """Whether the account is no more."""
        own = self._terms.on(account, self.today)
        return own is not None and own.closed

    def found(self, account: int) -> Found:
        """All that this look tells about the account."""
        own = self._terms.on(account, self.today)
        policy = self._policy_of(own.area, self.today) if own is not None else None
        sums = self._sums.get(account, _Money())
        seen = remembered(self._ids.get(account, ()), sums.recharge)
        state = AccountState(
            account=account,
            area="",
            balance=sums.balance,
            balance_at_s=sums.up_to_s,
            last_recharge=sums.recharged,
            held_reads=self._held_reads(account, policy),
            connected=seen.connected,
            told=seen.told,
        )
        facts = Facts(
            state=state if own is None else self._under(own, state),
            recharge=sums.recharge,
            switches=seen.switches,
        )
        return Found(facts=facts, policy=policy)

    def _under(self, own: Terms, state: AccountState) -> AccountState:
        return msgspec.structs.replace(
            state,
            area=own.area,
            account_class=own.account_class,
            payment=own.payment,
            load_w=own.load_w,
            net_metered=own.net_metered,
            converted_on=_converted(self._terms.of(own.account), self.today),
        )

    def _held_reads(self, account: int, policy: Policy | None) -> int:
        days = policy.held_days if policy is not None else HELD_DAYS_MAX
        first = self.today - timedelta(days=days)
        return sum(each > first for each in self._held.get(account, ()))


def _converted(rows: Sequence[Terms], today: date) -> date | None:
    """The last day on which the account went from postpaid to prepaid."""
    begun = [each for each in rows if each.effective_from <= today]
    return next(
        (
            after.effective_from
            for before, after in reversed(list(pairwise(begun)))
            if (before.payment, after.payment) == (Payment.POSTPAID, Payment.PREPAID)
        ),
        None,
    )


def _balances(engine: Engine, accounts: Sequence[int], at_s: int, today: date) -> dict[int, _Money]:
    some = _list(accounts)
    sql = _BALANCES.format(accounts=some, at=int(at_s), today=today)
    sums = {
        whole(row[0]): _Money(balance=money(row[1]), up_to_s=whole(row[2]))
        for row in engine.ask(sql).rows
    }
    for row in engine.ask(_RECHARGES.format(accounts=some, at=int(at_s))).rows:
        account = whole(row[0])
        sums[account] = msgspec.structs.replace(
            sums.get(account, _Money()), recharge=str(row[1]), recharged=money(row[2])
        )
    return sums


def _held(engine: Engine, accounts: Sequence[int], today: date) -> dict[int, list[date]]:
    sql = _HELD.format(
        accounts=_list(accounts), first=today - timedelta(days=HELD_DAYS_MAX), today=today
    )
    held: dict[int, list[date]] = {}
    for row in engine.ask(sql).rows:
        held.setdefault(whole(row[0]), []).append(day(row[1]))
    return held


def _outbox(engine: Engine, accounts: Sequence[int], at_s: int) -> dict[int, list[str]]:
    ids: dict[int, list[str]] = {}
    for row in engine.ask(_OUTBOX.format(accounts=_list(accounts), at=int(at_s))).rows:
        ids.setdefault(whole(row[0]), []).append(str(row[1]))
    return ids


def _list(accounts: Sequence[int]) -> str:
    return ", ".join(str(int(each)) for each in accounts)


HELD_DAYS_MAX = 400
_BALANCES = """
SELECT account, sum(amount), toUInt32(max(up_to))
FROM
(
    SELECT account, amount, toDateTime(0, 'UTC') AS up_to
    FROM m.entries FINAL
    WHERE account IN ({accounts}) AND book = 'prepaid' AND paid_at < toDateTime({at} + 1, 'UTC')
    UNION ALL
    SELECT account, if(payment = 'prepaid', -amount, toDecimal64(0, 6)) AS amount, up_to
    FROM m.charge_days FINAL
    WHERE account IN ({accounts}) AND day <= '{today}' AND up_to <= toDateTime({at}, 'UTC')
    UNION ALL
    SELECT
        account,
        argMax(if(payment = 'prepaid', -amount, toDecimal64(0, 6)), (h.up_to, ver)),
        max(h.up_to)
    FROM m.charge_history AS h
    WHERE account IN ({accounts}) AND day <= '{today}' AND up_to <= toDateTime({at}, 'UTC')
        AND (account, day) IN
        (
            SELECT account, day FROM m.charge_days FINAL
            WHERE account IN ({accounts}) AND day <= '{today}' AND up_to > toDateTime({at}, 'UTC')
        )
    GROUP BY account, day
)
GROUP BY account"""
_RECHARGES = """
SELECT account, argMax(id, (paid_at, ver)), argMax(amount, (paid_at, ver))
FROM m.entries FINAL
WHERE account IN ({accounts}) AND book = 'prepaid' AND amount > 0
    AND kind IN ('payment', 'opening', 'conversion') AND paid_at < toDateTime({at} + 1, 'UTC')
GROUP BY account"""
_HELD = """
SELECT account, day
FROM m.charge_days FINAL
WHERE account IN ({accounts}) AND day > '{first}' AND day <= '{today}'
    AND notEmpty(held) AND NOT has(kinds, 'settlement')"""
_OUTBOX = """
SELECT DISTINCT account, id
FROM m.outbox
WHERE account IN ({accounts}) AND at < toDateTime({at} + 1, 'UTC')"""
