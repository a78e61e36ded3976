"""Old debt and late bills: how much of a recharge goes to arrears, what lateness costs."""

from collections.abc import Sequence
from datetime import date, timedelta

from msgspec import Struct

from meteringest.prepaid.calendar import days_in_month
from meteringest.prepaid.money import PPM
from meteringest.prepaid.rounding import Rounding, rounded
from meteringest.prepaid.tariff import LatePayment

YEAR_MONTHS, YEAR_DAYS = 12, 365


class RecoveryPlan(Struct, frozen=True, kw_only=True):
    """How an account pays its arrears off: a share of each recharge, an instalment a month."""

    share_ppm: int = 0
    instalment: int = 0
    """Micro-units a month; each day takes its part of it."""


class Split(Struct, frozen=True, kw_only=True):
    """A payment in two: nothing is lost between them."""

    to_arrears: int
    to_balance: int


def split_recharge(plan: RecoveryPlan, outstanding: int, recharge: int, rule: Rounding) -> Split:
    """The planned share of a recharge, never more than is owed nor than was paid."""
    share = rounded(recharge * plan.share_ppm, PPM, rule)
    to_arrears = max(0, min(share, outstanding, recharge))
    return Split(to_arrears=to_arrears, to_balance=recharge - to_arrears)


def instalment_on(plan: RecoveryPlan, outstanding: int, day: date, rule: Rounding) -> int:
    """What is recovered on that day; the days of a whole month recover the instalment exactly."""
    length = days_in_month(day)
    until_now = rounded(plan.instalment * day.day, length, rule)
    before = rounded(plan.instalment * (day.day - 1), length, rule)
    return max(0, min(until_now - before, outstanding))


class Unpaid(Struct, frozen=True, kw_only=True):
    """So much of a bill stood open from a day on, until the next such row."""

    from_day: date
    amount: int


def late_charge(
    terms: LatePayment, due: date, open_amounts: Sequence[Unpaid], on: date, rule: Rounding
) -> int:
    """Simple interest from the day after the due date up to and with `on`.

    Nothing is due when nothing stood open any more at the end of the grace days.
    """
    grace_end = due + timedelta(days=terms.grace_days)
    if on <= grace_end or _open_on(open_amounts, grace_end) <= 0:
        return 0
    first = due + timedelta(days=1)
    spells = sorted(open_amounts, key=lambda each: each.from_day)
    ends = [each.from_day for each in spells[1:]] + [on + timedelta(days=1)]
    owed_days = sum(
        max(each.amount, 0)
        * max(0, (min(end, on + timedelta(days=1)) - max(each.from_day, first)).days)
        for each, end in zip(spells, ends, strict=True)
    )
    numerator = owed_days * terms.percent_ppm_per_month * YEAR_MONTHS
    return rounded(numerator, PPM * YEAR_DAYS, rule)


def _open_on(open_amounts: Sequence[Unpaid], day: date) -> int:
    known = [each for each in open_amounts if each.from_day <= day]
    return max(known, key=lambda each: each.from_day).amount if known else 0
