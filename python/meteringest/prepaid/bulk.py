"""A day of very many accounts on one tariff at once: the same charges in columns.

Rule 1: equal to charge_day to the last micro-unit, line by line, or the row is flagged for it.
Rule 2: the store sums a day's intervals per band; their sums are charged as one step, then the
register's difference, the day's own and the month's own, each with its levies, as a sheet does.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from msgspec import Struct

from meteringest.prepaid.bulk_sheet import KWH, Bools, BulkSheet, Ints
from meteringest.prepaid.bulk_state import FITS, SCALED, BulkState
from meteringest.prepaid.calendar import Calendar, day_type, days_in_month, is_month_end
from meteringest.prepaid.lines import Kind
from meteringest.prepaid.money import PPM
from meteringest.prepaid.rounding import Stretch
from meteringest.prepaid.slabs import Slab
from meteringest.prepaid.tariff import (
    ENERGY,
    EXPORT,
    FUEL,
    MINIMUM,
    SURPLUS,
    TIME_OF_DAY,
    Every,
    ExportMode,
    FixedCharge,
    Minimum,
    Payment,
    Per,
    Sign,
    Tariff,
)
from meteringest.prepaid.time_of_day import Band

WATTS = 1_000


class Columns(Struct, frozen=True, kw_only=True):
    """One row per account: energy in Wh (or VAh) behind the transformers."""

    bands: Sequence[Ints]
    """Charged energy of the day per band of `bands_today`; one column without bands."""
    settlement: Ints
    """What the midnight register adds to the intervals; 0 where there is none."""
    export: Ints
    settlement_export: Ints
    load_w: Ints
    demand_w: Ints
    demand_va: Ints
    fuel: Ints
    """The month's fuel adjustment of the account, in micro-units."""


class BulkCharges(Struct, frozen=True, kw_only=True):
    """Micro-units per line and row; rows with `scalar` set are for charge_day."""

    lines: Mapping[tuple[Kind, str], Ints]
    closing: BulkState
    scalar: Bools


def refusal(tariff: Tariff) -> str | None:
    """Why a tariff cannot be charged in columns at all; charge_day charges every tariff."""
    if any(tariff.rule(name).at is Stretch.INTERVAL for name in tariff.components):
        return "a component is rounded at every interval"
    if tariff.export.mode is ExportMode.NET and tariff.bands:
        return "net metering with time-of-day bands"
    slabs = (tariff.slabs, *(levy.slabs for levy in tariff.levies))
    return None if all(whole_edges(each) for each in slabs) else "a slab edge is no whole Wh"


def whole_edges(slabs: Sequence[Slab]) -> bool:
    """Whether every slab edge is a whole Wh: columns know nothing finer."""
    return all(slab.up_to_uwh is None or slab.up_to_uwh % SCALED == 0 for slab in slabs)


def bands_today(tariff: Tariff, day: date, calendar: Calendar | None) -> list[Band]:
    """The bands of the day, in the order of Columns.bands."""
    today = day_type(tariff.day_types, day, calendar.holidays if calendar is not None else {})
    return [band for band in tariff.bands if band.on(today)]


def charge_accounts(
    tariff: Tariff,
    payment: Payment,
    day: tuple[date, Calendar | None],
    columns: Columns,
    opening: BulkState,
    *,
    over: bool = True,
) -> BulkCharges:
    """Charges a day of accounts of one tariff and one way of paying; `over`: it has ended."""
    sheet = BulkSheet(tariff, payment, day[0], opening)
    if refusal(tariff) is not None:
        sheet.scalar |= True
        return BulkCharges(lines={}, closing=sheet.state, scalar=sheet.scalar)
    sheet.state.demand_w = np.maximum(sheet.state.demand_w, columns.demand_w)
    sheet.state.demand_va = np.maximum(sheet.state.demand_va, columns.demand_va)
    bands = bands_today(tariff, *day)
    _intervals(sheet, bands, columns)
    if np.any(columns.settlement) or np.any(columns.settlement_export):
        _difference(sheet, bands, columns)
    sheet.state.days = sheet.state.days + 1
    own = {fixed.name: _fixed(sheet, fixed, columns) for fixed in tariff.fixed}
    if np.any(columns.fuel):
        own[FUEL] = (columns.fuel, days_in_month(day[0]))
    sheet.step(Kind.DAY, own)
    if over and is_month_end(day[0]):
        _close_month(sheet, columns.load_w)
    sheet.state.scalar = sheet.scalar
    return BulkCharges(lines=sheet.lines, closing=sheet.state, scalar=sheet.scalar)


def _intervals(sheet: BulkSheet, bands: Sequence[Band], columns: Columns) -> None:
    metered = np.sum(np.stack(columns.bands), axis=0)
    moved = _moved(sheet, metered, columns.export)
    exact = _prices(sheet, list(zip(bands, columns.bands, strict=False)), moved)
    sheet.step(Kind.ACCRUAL, exact | _exported(sheet, columns.export), moved)


def _difference(sheet: BulkSheet, bands: Sequence[Band], columns: Columns) -> None:
    """Energy of unknown time: the slabs take it, and the settlement band where one is named."""
    named = [band for band in bands if band.name == sheet.tariff.settlement_band][:1]
    moved = _moved(sheet, columns.settlement, columns.settlement_export)
    exact = _prices(sheet, [(band, columns.settlement) for band in named], moved)
    sheet.step(Kind.SETTLEMENT, exact | _exported(sheet, columns.settlement_export), moved)


def _moved(sheet: BulkSheet, metered: Ints, export: Ints) -> Ints:
    return metered - export if sheet.tariff.export.mode is ExportMode.NET else metered


def _prices(
    sheet: BulkSheet, parts: Sequence[tuple[Band, Ints]], moved: Ints
) -> dict[str, tuple[Ints, int]]:
    before = sheet.state.net_wh
    slabs = sheet.tariff.slabs
    energy = sheet.value(slabs, before + moved) - sheet.value(slabs, before)
    adders = np.zeros_like(energy)
    for band, wh in parts:
        if band.rate is not None:
            energy = energy + sheet.times(wh, band.rate)
        elif band.percent_ppm is not None:
            adders = adders + _percent(sheet, wh, band.percent_ppm, moved)
        elif band.add is not None:
            adders = adders + sheet.times(sheet.times(wh, band.add), PPM)
    exact = {ENERGY: (energy, KWH)}
    if any(band.rate is None for band, _ in parts):
        exact[TIME_OF_DAY] = (adders, KWH * PPM)
    return exact


def _percent(sheet: BulkSheet, wh: Ints, percent_ppm: int, moved: Ints) -> Ints:
    """A percent of the slab price: known from sums only while the step stays inside one slab."""
    before = sheet.state.net_wh
    low, high = np.minimum(before, before + moved), np.maximum(before, before + moved)
    total = np.zeros_like(wh)
    inside = np.zeros(wh.shape, dtype=bool)
    floor = 0
    for slab in sheet.tariff.slabs:
        ceiling = FITS if slab.up_to_uwh is None else slab.up_to_uwh // SCALED
        here = (low >= floor) & (high <= ceiling) & ~inside
        price = sheet.times(sheet.times(wh, slab.rate), percent_ppm)
        total = np.where(here, price, total)
        inside |= here
        floor = ceiling
    sheet.scalar |= ~inside & (wh != 0)
    return total


def _exported(sheet: BulkSheet, export: Ints) -> dict[str, tuple[Ints, int]]:
    if sheet.tariff.export.mode is not ExportMode.CREDIT:
        return {}
    return {EXPORT: (sheet.times(export, -sheet.tariff.export.rate), KWH)}


def _fixed(sheet: BulkSheet, fixed: FixedCharge, columns: Columns) -> tuple[Ints, int]:
    """As fixed.fixed_exact; moves the run of days along."""
    state = sheet.state
    billed = _billed_load_w(sheet, fixed, columns.load_w)
    days = state.of(state.fixed_days, fixed.name)
    load_days = billed
    if fixed.demand_floor_ppm is not None:
        load_days = billed * (days + 1) - state.of(state.fixed_billed, fixed.name) * days
    state.fixed_days[fixed.name] = days + 1
    state.fixed_billed[fixed.name] = billed
    sign = 1 if fixed.sign is Sign.CHARGE else -1
    denominator = 1 if fixed.per is Per.CONNECTION else WATTS
    amount = sheet.times(load_days, sign * fixed.amount)
    match fixed.every:
        case Every.DAY:
            return amount, denominator
        case Every.MONTH:
            return amount, denominator * days_in_month(sheet.day)
        case Every.MONTH_12_365:
            return sheet.times(amount, 12), denominator * 365


def _billed_load_w(sheet: BulkSheet, fixed: FixedCharge, load_w: Ints) -> Ints:
    if fixed.per is Per.CONNECTION:
        return np.ones_like(load_w)
    load_ppm = sheet.times(np.maximum(load_w, fixed.load_min_w), PPM)
    if fixed.demand_floor_ppm is not None:
        demand = sheet.state.demand_w if fixed.per is Per.KW else sheet.state.demand_va
        load_ppm = sheet.times(load_ppm // PPM, fixed.demand_floor_ppm)
        load_ppm = np.maximum(load_ppm, sheet.times(demand, PPM))
    step_ppm = fixed.load_step_w * PPM
    billed: Ints = -(-load_ppm // step_ppm) * fixed.load_step_w
    return billed


def _close_month(sheet: BulkSheet, load_w: Ints) -> None:
    tariff, state = sheet.tariff, sheet.state
    exact: dict[str, tuple[Ints, int]] = {}
    if tariff.minimum is not None:
        exact[MINIMUM] = _shortfall(sheet, tariff.minimum, load_w)
    moved = None
    if tariff.export.surplus_month == sheet.day.month:
        moved = np.maximum(-state.net_wh, 0)
        exact[SURPLUS] = (sheet.times(moved, -tariff.export.rate), KWH)
    sheet.step(Kind.MONTH, exact, moved)


def _shortfall(sheet: BulkSheet, minimum: Minimum, load_w: Ints) -> tuple[Ints, int]:
    state = sheet.state
    per_load = minimum.per is not Per.CONNECTION
    load = load_w if per_load else np.ones_like(load_w)
    denominator = (WATTS if per_load else 1) * days_in_month(sheet.day)
    reached = sum((state.of(state.month, name) for name in minimum.of), np.zeros_like(load))
    short = sheet.times(load * state.days, minimum.amount) - sheet.times(reached, denominator)
    return np.maximum(short, 0), denominator
