"""What is left of a balance: units through slabs, bands and fixed charges; hours by a forecast.

The future is charged by the same code as the past: a forecast becomes reads, a day at a time,
and the balance ends inside the interval whose charge it no longer covers.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from meteringest.prepaid.calendar import DAY_S, day_start_s
from meteringest.prepaid.charges import AccountDay, DayCharges, charge_day
from meteringest.prepaid.lines import Kind, Line, total
from meteringest.prepaid.money import PPM, UWH_PER_WH
from meteringest.prepaid.reads import MeterLink, Read
from meteringest.prepaid.state import MonthToDate

Forecast = Callable[[int], int]
"""Energy (Wh or VAh) expected in the interval that starts at that instant."""
HOUR_S = 3_600
HORIZON_DAYS = 62
FORECAST_METER = 0
_LINK = MeterLink(meter=FORECAST_METER, from_s=-(1 << 40), to_s=1 << 40, multiplier_ppm=PPM)


class Left(Struct, frozen=True, kw_only=True):
    """Until the balance is used up.

    `beyond`: it lasts longer than can be said: the forecast's horizon or the last priced day
    came first.
    """

    units_uwh: int
    seconds: int
    beyond: bool = False

    @property
    def hours(self) -> int:
        """Whole hours."""
        return self.seconds // HOUR_S


class Ahead(Struct, frozen=True, kw_only=True):
    """From where the forecast goes on: terms of the account, and the state at `from_s`."""

    terms: AccountDay
    """Today's terms: tariff, calendar, load; its day must be the opening's, its reads today's."""
    opening: MonthToDate
    from_s: int
    interval_s: int = 1_800


def what_is_left(ahead: Ahead, balance: int, forecast: Forecast) -> Left:
    """`balance` holds every charge of today's reads and of today's fixed charges already."""
    units, opening = 0, ahead.opening
    charged_today = total(charge_day(ahead.terms, opening).lines)
    remaining = balance
    for ahead_days in range(HORIZON_DAYS):
        day = _expected(ahead, opening, forecast, from_s=ahead.from_s if ahead_days == 0 else None)
        done = charge_day(day, opening)
        left = remaining - total(done.lines) + charged_today
        if not done.lines and done.held:
            break
        if left <= 0:
            return _inside(ahead, done, units, remaining + charged_today)
        units += sum(line.energy_uwh for line in _future(ahead, done))
        remaining, charged_today, opening = left, 0, done.closing
    end_s = _start_s(ahead, opening)
    return Left(units_uwh=units, seconds=end_s - ahead.from_s, beyond=True)


def _start_s(ahead: Ahead, opening: MonthToDate) -> int:
    tariff = ahead.terms.tariff
    return day_start_s(opening.next_day, tariff.offset_min if tariff is not None else 0)


def _expected(
    ahead: Ahead, opening: MonthToDate, forecast: Forecast, *, from_s: int | None
) -> AccountDay:
    """A day of the forecast; today's is what was read so far and the forecast for the rest."""
    start_s = _start_s(ahead, opening)
    next_s = start_s + DAY_S
    first_s = start_s if from_s is None else from_s + (start_s - from_s) % ahead.interval_s
    reads = [
        Read(
            meter=FORECAST_METER,
            start_s=at_s,
            interval_s=ahead.interval_s,
            imp_wh=forecast(at_s),
            imp_vah=forecast(at_s),
            exp_wh=0,
        )
        for at_s in range(first_s, next_s - ahead.interval_s + 1, ahead.interval_s)
    ]
    today = from_s is not None
    return msgspec.structs.replace(
        ahead.terms,
        day=opening.next_day,
        reads=[*(ahead.terms.reads if today else ()), *reads],
        links=[*(ahead.terms.links if today else ()), _LINK],
        registers=(),
        over=True,
    )


def _future(ahead: Ahead, done: DayCharges) -> list[Line]:
    return [
        line for line in done.lines if line.kind is Kind.ACCRUAL and line.start_s >= ahead.from_s
    ]


def _inside(ahead: Ahead, done: DayCharges, units: int, remaining: int) -> Left:
    """Spends the day's own charges first, then its intervals in order, the last one in part."""
    steps: dict[int, list[Line]] = {}
    for line in _future(ahead, done):
        steps.setdefault(line.start_s, []).append(line)
    future = {line.key for lines in steps.values() for line in lines}
    remaining -= sum(line.amount for line in done.lines if line.key not in future)
    reached_s = max(ahead.from_s, _start_s(ahead, done.closing) - DAY_S)
    for start_s, lines in sorted(steps.items()):
        if remaining <= 0:
            break
        reached_s = max(reached_s, start_s)
        cost, energy = total(lines), sum(line.energy_uwh for line in lines)
        if cost > remaining:
            units += energy * remaining // cost // UWH_PER_WH * UWH_PER_WH
            reached_s += ahead.interval_s * remaining // cost
            break
        remaining -= cost
        units += energy
        reached_s = start_s + ahead.interval_s
    return Left(units_uwh=units, seconds=reached_s - ahead.from_s)
