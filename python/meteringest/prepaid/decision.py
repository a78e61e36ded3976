"""Who is cut, who is kept, who is warned: a pure function, and the clause for every answer.

Rule 1: nobody is cut unless every question below was answered against them, with known facts.
Rule 2: a decision names the clause it rests on, the policy's id, and the figures it saw.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum

from msgspec import Struct

from meteringest.prepaid.calendar import Calendar, day_start_s, local_day, local_minute, moment
from meteringest.prepaid.money import PPM, shown
from meteringest.prepaid.policy import NoCut, Policy
from meteringest.prepaid.tariff import Payment
from meteringest.prepaid.time_of_day import clock

HOUR_S = 3_600
SEARCH_DAYS = 60


class Action(StrEnum):
    """What is to be done with the supply."""

    CUT = "cut"
    KEEP = "keep"
    RECONNECT = "reconnect"


class AccountState(Struct, frozen=True, kw_only=True):
    """The facts about one account at the instant of the decision."""

    account: int
    area: str
    account_class: str = ""
    payment: Payment = Payment.PREPAID
    connected: bool = True
    balance: int
    balance_at_s: int
    """Up to when charges are in the balance."""
    held_reads: int = 0
    """Days on which reads are held and no register has settled them."""
    last_recharge: int = 0
    below_since_s: int | None = None
    """When the balance fell below the threshold, if it is below."""
    converted_on: date | None = None
    load_w: int = 0
    net_metered: bool = False
    hours_left: int | None = None
    unpaid_bills: int = 0
    arrears: int = 0
    told: frozenset[str] = frozenset()
    """Notices already given since the last recharge."""


class Clause(Struct, frozen=True, kw_only=True):
    """Where it is written, and what it says here."""

    place: str
    says: str


class Notice(Struct, frozen=True, kw_only=True):
    """One low-balance notice; `id` is told once between two recharges."""

    id: str
    clause: Clause
    covers: tuple[str, ...] = ()
    """Milder notices of the same kind that this one makes needless."""


class Decision(Struct, frozen=True, kw_only=True):
    """The answer, and all that is needed to defend it."""

    account: int
    at_s: int
    action: Action
    clause: Clause
    policy: str
    evidence: dict[str, str]
    notices: tuple[Notice, ...] = ()
    until_s: int | None = None
    """When a protected time ends, so that the question need not be asked before."""


def decide(
    state: AccountState, policy: Policy | None, at_s: int, calendar: Calendar | None = None
) -> Decision:
    """What to do with the account's supply at this instant, and what to tell it."""
    until_s = None
    if policy is None:
        action, clause = Action.KEEP, _clause("none", f"no policy is in force in {state.area}")
    else:
        action, clause = _supply(state, policy, at_s, calendar)
        if clause.place.startswith("no_cut["):
            until_s = protected_until_s(policy, at_s, calendar)
    return Decision(
        account=state.account,
        at_s=at_s,
        action=action,
        clause=clause,
        policy=policy.id if policy is not None else "",
        evidence=_evidence(state, policy, at_s),
        notices=tuple(_notices(state, policy)) if policy is not None else (),
        until_s=until_s,
    )


def _supply(
    state: AccountState, policy: Policy, at_s: int, calendar: Calendar | None
) -> tuple[Action, Clause]:
    reason, sound = _reason_to_cut(state, policy)
    if not state.connected:
        return _supply_back(state, policy, wanted=sound is None)
    if sound is not None:
        return Action.KEEP, sound
    shields = (
        _evidence_short(state, policy, at_s),
        _exempt(state, policy),
        _grace(state, policy, at_s, calendar),
        _emergency(state, policy, at_s),
        _protected_time(policy, at_s, calendar),
    )
    kept_by = next((shield for shield in shields if shield is not None), None)
    return (Action.KEEP, kept_by) if kept_by is not None else (Action.CUT, reason)


def _clause(place: str, says: str) -> Clause:
    return Clause(place=place, says=says)


def _reason_to_cut(state: AccountState, policy: Policy) -> tuple[Clause, Clause | None]:
    """The clause to cut by, and the clause to keep by when there is no reason to cut."""
    if state.payment is Payment.POSTPAID:
        return _postpaid_reason(state, policy)
    below, place = policy.threshold(state.account_class)
    if state.balance < below:
        return _clause(place, f"balance {shown(state.balance)} is below {shown(below)}"), None
    keep = _clause(place, f"balance {shown(state.balance)} is not below {shown(below)}")
    return keep, keep


def _postpaid_reason(state: AccountState, policy: Policy) -> tuple[Clause, Clause | None]:
    if policy.unpaid_bills is not None and state.unpaid_bills >= policy.unpaid_bills:
        return _clause("postpaid.unpaid_bills", f"{state.unpaid_bills} consecutive unpaid"), None
    if policy.arrears_over is not None and state.arrears > policy.arrears_over:
        over = f"arrears {shown(state.arrears)} are over {shown(policy.arrears_over)}"
        return _clause("postpaid.arrears_over", over), None
    keep = _clause("postpaid", "neither bills nor arrears reach what a cut needs")
    return keep, keep


def _supply_back(state: AccountState, policy: Policy, *, wanted: bool) -> tuple[Action, Clause]:
    exempt = _exempt(state, policy)
    if exempt is not None:
        return Action.RECONNECT, exempt
    if wanted:
        return Action.KEEP, _clause("reconnect", "disconnected, and there is still reason to be")
    if state.payment is Payment.PREPAID and state.balance < policy.reconnect_at:
        short = f"balance {shown(state.balance)} is below {shown(policy.reconnect_at)}"
        return Action.KEEP, _clause("reconnect.at_or_above", f"disconnected; {short}")
    return Action.RECONNECT, _clause("reconnect.at_or_above", "the reason for the cut is gone")


def _evidence_short(state: AccountState, policy: Policy, at_s: int) -> Clause | None:
    age_s = at_s - state.balance_at_s
    if policy.balance_age_max_s is not None and age_s > policy.balance_age_max_s:
        return _clause("evidence.balance_age_hours", f"the balance is {age_s // HOUR_S} h old")
    if state.held_reads and not policy.cut_with_held_reads:
        days = "1 day" if state.held_reads == 1 else f"{state.held_reads} days"
        says = f"reads of {days} are held uncharged"
        return _clause("evidence.cut_with_held_reads", says)
    return None


def _exempt(state: AccountState, policy: Policy) -> Clause | None:
    for index, each in enumerate(policy.exempt):
        if (
            (not each.classes or state.account_class in each.classes)
            and (each.load_max_w is None or state.load_w <= each.load_max_w)
            and (not each.net_metered or state.net_metered)
        ):
            return _clause(f"exempt[{index}]", each.name)
    return None


def _grace(
    state: AccountState, policy: Policy, at_s: int, calendar: Calendar | None
) -> Clause | None:
    grace = policy.grace
    if grace is None or state.converted_on is None or state.payment is Payment.POSTPAID:
        return None
    if grace.below is not None and state.balance < grace.below:
        return None
    today = local_day(at_s, policy.offset_min)
    passed = (today - state.converted_on).days
    if grace.working_days:
        days = (state.converted_on + timedelta(days=n) for n in range(passed))
        passed = sum(_is_working(policy, day, calendar) for day in days)
    if passed >= grace.days:
        return None
    return _clause("grace", f"{passed} of {grace.days} days since conversion to prepaid")


def _is_working(policy: Policy, day: date, calendar: Calendar | None) -> bool:
    whole_days = (each for each in policy.no_cut if each.from_min is None)
    return not any(each.on(day, calendar) for each in whole_days)


def _emergency(state: AccountState, policy: Policy, at_s: int) -> Clause | None:
    if state.payment is Payment.POSTPAID:
        return None
    below, _ = policy.threshold(state.account_class)
    for index, each in enumerate(policy.emergency):
        if each.classes and state.account_class not in each.classes:
            continue
        since_s = at_s if state.below_since_s is None else state.below_since_s
        in_amount = each.amount is None or state.balance >= below - each.amount
        in_time = each.hours is None or at_s < since_s + each.hours * HOUR_S
        if in_amount and in_time:
            return _clause(f"emergency_credit[{index}]", _emergency_says(each.amount, each.hours))
        return None
    return None


def _emergency_says(amount: int | None, hours: int | None) -> str:
    limits = [f"up to {shown(amount)}"] if amount is not None else []
    limits += [f"for {hours} h"] if hours is not None else []
    return "within emergency credit " + ", ".join(limits)


def _protected_time(policy: Policy, at_s: int, calendar: Calendar | None) -> Clause | None:
    day = local_day(at_s, policy.offset_min)
    minute = local_minute(at_s, policy.offset_min)
    for index, each in enumerate(policy.no_cut):
        if each.holds(day, minute, calendar):
            return _clause(f"no_cut[{index}]", _time_says(each, day, minute))
    if policy.calendar is not None and not _knows(policy, day, calendar):
        return _clause("calendar", f"whether {day} is a holiday is not known")
    return None


def is_protected(policy: Policy, at_s: int, calendar: Calendar | None) -> bool:
    """Whether nobody may be cut at that instant, whatever else is known."""
    return _protected_time(policy, at_s, calendar) is not None


def _knows(policy: Policy, day: date, calendar: Calendar | None) -> bool:
    return calendar is not None and calendar.name == policy.calendar and calendar.covers(day)


def _time_says(each: NoCut, day: date, minute: int) -> str:
    return f"{each.name}: {day:%A} {day} {clock(minute)}"


def protected_until_s(policy: Policy, at_s: int, calendar: Calendar | None) -> int | None:
    """The first instant from `at_s` on at which no protected time holds; none in two months."""
    first = local_day(at_s, policy.offset_min)
    edges = {0, *(m for each in policy.no_cut for m in (each.from_min, each.to_min) if m)}
    for ahead in range(SEARCH_DAYS):
        day = first + timedelta(days=ahead)
        for minute in sorted(edge for edge in edges if edge < 24 * 60):
            instant = day_start_s(day, policy.offset_min) + minute * 60
            if instant > at_s and _protected_time(policy, instant, calendar) is None:
                return instant
    return None


def _notices(state: AccountState, policy: Policy) -> Iterator[Notice]:
    """Of each kind the sharpest level that was reached and not yet told."""
    if state.payment is Payment.POSTPAID:
        return
    levels = policy.notices
    reached = [
        ppm
        for ppm in levels.percent_ppm
        if state.balance * PPM <= ppm * max(state.last_recharge, 0)
    ]
    yield from _sharpest(
        state, "percent", reached, f"of the last recharge of {shown(state.last_recharge)}"
    )
    reached = [amount for amount in levels.amounts if state.balance <= amount]
    yield from _sharpest(state, "amount", reached, "of balance")
    if state.hours_left is not None:
        reached = [hours for hours in levels.hours_left if state.hours_left <= hours]
        yield from _sharpest(state, "hours", reached, "left at the expected use")


def _sharpest(state: AccountState, kind: str, reached: list[int], of: str) -> Iterator[Notice]:
    if not reached:
        return
    ids = [f"{kind}:{level}" for level in sorted(reached)]
    level = min(reached)
    if any(told <= level for told in _told(state, kind)):
        return
    words = {"percent": f"{level / 10_000:g} %", "amount": shown(level), "hours": f"{level} h"}
    clause = _clause(f"notices.{kind}", f"balance {shown(state.balance)}: {words[kind]} {of}")
    yield Notice(id=ids[0], clause=clause, covers=tuple(ids[1:]))


def _told(state: AccountState, kind: str) -> Iterator[int]:
    """Levels of that kind that were told: the sharper one makes the milder ones needless."""
    for each in state.told:
        of, _, level = each.partition(":")
        if of == kind:
            yield int(level)


def quiet(state: AccountState, policy: Policy) -> bool:
    """Whether it is plain that nothing is to be done: connected, sound, above every notice."""
    if not state.connected or _reason_to_cut(state, policy)[1] is None:
        return False
    return next(_notices(state, policy), None) is None


def _evidence(state: AccountState, policy: Policy | None, at_s: int) -> dict[str, str]:
    seen = {
        "balance": shown(state.balance),
        "balance_age_s": str(at_s - state.balance_at_s),
        "held_reads": str(state.held_reads),
        "class": state.account_class,
        "load_w": str(state.load_w),
        "connected": str(state.connected).lower(),
        "payment": state.payment.value,
    }
    if state.payment is Payment.POSTPAID:
        seen |= {"unpaid_bills": str(state.unpaid_bills), "arrears": shown(state.arrears)}
    else:
        seen["last_recharge"] = shown(state.last_recharge)
    if state.below_since_s is not None:
        seen["below_since"] = moment(state.below_since_s)
    if state.hours_left is not None:
        seen["hours_left"] = str(state.hours_left)
    if policy is not None:
        local = local_day(at_s, policy.offset_min)
        seen["local_time"] = f"{local} {clock(local_minute(at_s, policy.offset_min))}"
    return seen
