"""Charges: a pure function of a day's reads, its tariff version and the month to date.

Rule 1: no clock, no store, no order of arrival: the same inputs give the same lines.
Rule 2: what cannot be charged is held with a reason; nothing is guessed, nothing is dropped.
Rule 3: intervals are charged as they come; a midnight register then settles the difference.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from msgspec import Struct

from meteringest.errors import InvariantError
from meteringest.prepaid.calendar import (
    DAY_S,
    Calendar,
    day_start_s,
    day_type,
    is_month_end,
    local_minute,
)
from meteringest.prepaid.fixed import fixed_exact, shortfall
from meteringest.prepaid.fuel import FuelShare
from meteringest.prepaid.lines import Kind, Line
from meteringest.prepaid.metered import Metered, metered, settled
from meteringest.prepaid.money import PPM
from meteringest.prepaid.reads import Held, MeterLink, Read, Register
from meteringest.prepaid.sheet import Sheet, Step
from meteringest.prepaid.slabs import SLAB_DENOMINATOR, value
from meteringest.prepaid.state import MonthToDate, following, skipped
from meteringest.prepaid.tariff import (
    ENERGY,
    EXPORT,
    FUEL,
    MINIMUM,
    SURPLUS,
    TIME_OF_DAY,
    ExportMode,
    Payment,
    Tariff,
)
from meteringest.prepaid.time_of_day import Band, band_at

DAY_AFTER_DAY = "an account's month is charged day after day"
BAND_DENOMINATOR = SLAB_DENOMINATOR * PPM


class AccountDay(Struct, frozen=True, kw_only=True):
    """Everything a day of an account is charged from."""

    account: int
    day: date
    tariff: Tariff | None
    calendar: Calendar | None = None
    payment: Payment = Payment.PREPAID
    load_w: int = 0
    """Sanctioned load in W; for a tariff per kVA in VA."""
    reads: Sequence[Read] = ()
    links: Sequence[MeterLink] = ()
    registers: Sequence[Register] = ()
    fuel: Sequence[FuelShare] = ()
    over: bool = True
    """Whether the local day has ended; a month's minimum waits for it."""
    ver: int = 0
    """The newest version of tariff, calendar, terms and links."""


class DayCharges(Struct, frozen=True, kw_only=True):
    """The lines, what was held back, and the state the next day opens with."""

    lines: list[Line]
    held: list[Held]
    closing: MonthToDate


def charge_day(day: AccountDay, opening: MonthToDate) -> DayCharges:
    """Charges one day after all days before it in its month."""
    if (day.account, day.day) != (opening.account, opening.next_day):
        seen = f"{day.account} {day.day} after {opening.account} up to {opening.next_day}"
        raise InvariantError(DAY_AFTER_DAY, seen)
    ver = newest_ver(day)
    tariff = day.tariff
    reason = unpriced(day)
    if tariff is None or reason is not None:
        held = [Held(reason=reason or "no_tariff", found=str(day.day))]
        return DayCharges(lines=[], held=held, closing=following(skipped(opening, ver)))
    sheet = Sheet(tariff, day.payment, opening, ver)
    held = _energy(sheet, day)
    fuel = {FUEL: _fuel(sheet, day)} if day.fuel else {}
    sheet.step(Step(kind=Kind.DAY), fixed_exact(sheet, day.load_w) | fuel)
    if day.over and is_month_end(day.day):
        _close_month(sheet, day)
    return DayCharges(lines=sheet.lines, held=held, closing=following(sheet.closing()))


def charge_days(days: Iterable[AccountDay], opening: MonthToDate) -> Iterator[DayCharges]:
    """Charges days one after another, over month ends too."""
    for day in days:
        charged = charge_day(day, opening)
        opening = charged.closing
        yield charged


def newest_ver(day: AccountDay) -> int:
    """The newest version among the inputs; the charges of the day carry it."""
    parts: tuple[Sequence[Read | MeterLink | Register | FuelShare], ...] = (
        day.reads,
        day.links,
        day.registers,
        day.fuel,
    )
    return max([day.ver, *(each.ver for part in parts for each in part)])


def unpriced(day: AccountDay) -> str | None:
    """Why nothing of the day can be charged, when nothing can."""
    tariff = day.tariff
    if tariff is None:
        return "no_tariff"
    if not tariff.in_force(day.day):
        return "tariff_not_in_force"
    if tariff.calendar is None:
        return None
    if day.calendar is None or day.calendar.name != tariff.calendar:
        return "no_calendar"
    return None if day.calendar.covers(day.day) else "calendar_does_not_cover"


def _energy(sheet: Sheet, day: AccountDay) -> list[Held]:
    tariff = sheet.tariff
    start_s = day_start_s(day.day, tariff.offset_min)
    holidays = day.calendar.holidays if day.calendar is not None else {}
    today = day_type(tariff.day_types, day.day, holidays)
    bands = [band for band in tariff.bands if band.on(today)]
    held: list[Held] = []
    found = []
    for each in metered(tariff, day.reads, day.links, (start_s, start_s + DAY_S)):
        if isinstance(each, Held):
            held.append(each)
        elif _in_two_bands(each, bands, tariff.offset_min):
            held.append(each.held("in_two_bands"))
        else:
            found.append(each)
            minute = local_minute(each.start_s, tariff.offset_min)
            _interval(sheet, each, band_at(bands, today, minute) if bands else None)
    named = [band for band in bands if band.name == tariff.settlement_band]
    for difference in settled(tariff, day.registers, day.links, found):
        if isinstance(difference, Held):
            held.append(difference)
        else:
            _difference(sheet, difference, named[0] if named else None)
    return held


def _in_two_bands(each: Metered, bands: Sequence[Band], offset_min: int) -> bool:
    start = local_minute(each.start_s, offset_min)
    end = start + -(-each.interval_s // 60)
    return any(start < edge < end for band in bands for edge in (band.from_min, band.to_min))


def _interval(sheet: Sheet, each: Metered, band: Band | None) -> None:
    sheet.demand_w = max(sheet.demand_w, each.demand_w)
    sheet.demand_va = max(sheet.demand_va, each.demand_va)
    step = Step(
        kind=Kind.ACCRUAL,
        start_s=each.start_s,
        meter=each.meter,
        energy_uwh=_moved(sheet, each),
        estimated=each.estimated,
    )
    sheet.step(step, _prices(sheet, each, band), step.energy_uwh)


def _difference(sheet: Sheet, each: Metered, band: Band | None) -> None:
    """Energy of unknown time: the slabs take it, and the settlement band where one is named."""
    step = Step(kind=Kind.SETTLEMENT, meter=each.meter, energy_uwh=_moved(sheet, each))
    sheet.step(step, _prices(sheet, each, band), step.energy_uwh)


def _moved(sheet: Sheet, each: Metered) -> int:
    net = sheet.tariff.export.mode is ExportMode.NET
    return each.billed_uwh - (each.export_uwh if net else 0)


def _prices(sheet: Sheet, each: Metered, band: Band | None) -> dict[str, tuple[int, int]]:
    tariff = sheet.tariff
    moved = _moved(sheet, each)
    slabs = value(tariff.slabs, sheet.net_uwh + moved) - value(tariff.slabs, sheet.net_uwh)
    prices = {ENERGY: (slabs, SLAB_DENOMINATOR)}
    if band is not None:
        if band.rate is not None:
            prices[ENERGY] = (band.rate * moved, SLAB_DENOMINATOR)
        elif band.percent_ppm is not None:
            prices[TIME_OF_DAY] = (slabs * band.percent_ppm, BAND_DENOMINATOR)
        elif band.add is not None:
            prices[TIME_OF_DAY] = (band.add * moved * PPM, BAND_DENOMINATOR)
    if tariff.export.mode is ExportMode.CREDIT:
        prices[EXPORT] = (-tariff.export.rate * each.export_uwh, SLAB_DENOMINATOR)
    return prices


def _fuel(sheet: Sheet, day: AccountDay) -> tuple[int, int]:
    return sum(share.amount for share in day.fuel), sheet.month_days


def _close_month(sheet: Sheet, day: AccountDay) -> None:
    tariff = sheet.tariff
    exact: dict[str, tuple[int, int]] = {}
    if tariff.minimum is not None:
        exact[MINIMUM] = shortfall(tariff.minimum, day.load_w, sheet, sheet.charged)
    moved = 0
    if tariff.export.surplus_month == day.day.month and sheet.net_uwh < 0:
        exact[SURPLUS] = (tariff.export.rate * sheet.net_uwh, SLAB_DENOMINATOR)
        moved = -sheet.net_uwh
    sheet.step(Step(kind=Kind.MONTH), exact, moved)
