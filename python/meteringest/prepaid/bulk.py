"""A day of very many accounts on one tariff at once: the same charges in columns.

Rule 1: equal to charge_day to the last micro-unit, or the row is flagged for charge_day.
Rule 2: 64-bit columns; a product that might not fit flags its row, nothing wraps.
Rule 3: the store sums a day's intervals per band; what is summed here is charged as one step.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from meteringest.prepaid.bulk_state import SCALED, BulkState
from meteringest.prepaid.calendar import Calendar, day_type, days_in_month, is_month_end
from meteringest.prepaid.money import PPM
from meteringest.prepaid.rounding import Mode, Rounding, Stretch
from meteringest.prepaid.slabs import Slab
from meteringest.prepaid.tariff import (
    ENERGY,
    EXPORT,
    FUEL,
    MINIMUM,
    TIME_OF_DAY,
    Every,
    ExportMode,
    FixedCharge,
    Levy,
    Payment,
    Per,
    Sign,
    Tariff,
)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
FITS = 1 << 61
WATTS = 1_000
KWH = 1_000


class Columns(Struct, frozen=True, kw_only=True):
    """One row per account: energy in Wh (or VAh) behind the transformers."""

    bands: Sequence[Ints]
    """Charged energy of the day per band of `bands_today`; one column without bands."""
    settlement: Ints
    """What the midnight register adds to the intervals; 0 where there is none."""
    export: Ints
    load_w: Ints
    demand_w: Ints
    demand_va: Ints
    fuel: Ints
    """The month's fuel adjustment of the account, in micro-units."""


class BulkCharges(Struct, frozen=True, kw_only=True):
    """Micro-units per component and row; rows with `scalar` set are for charge_day."""

    amounts: Mapping[str, Ints]
    closing: BulkState
    scalar: Bools


def refusal(tariff: Tariff) -> str | None:
    """Why a tariff cannot be charged in columns at all; charge_day charges every tariff."""
    if any(tariff.rule(name).at is Stretch.INTERVAL for name in tariff.components):
        return "a component is rounded at every interval"
    return "net metering" if tariff.export.mode is ExportMode.NET else None


def bands_today(tariff: Tariff, day: date, calendar: Calendar | None) -> list[tuple[str, int, int]]:
    """Name, first and last minute of each band of the day, in the order of Columns.bands."""
    today = day_type(tariff.day_types, day, calendar.holidays if calendar is not None else {})
    return [(b.name, b.from_min, b.to_min) for b in tariff.bands if b.on(today)]


class _Charging:
    """One day in the making; `scalar` gathers the rows that do not fit."""

    def __init__(self, tariff: Tariff, day: date, columns: Columns, opening: BulkState) -> None:
        self.tariff = tariff
        self.day = day
        self.columns = columns
        self.state = opening.copied()
        self.scalar: Bools = opening.scalar.copy()
        self.amounts: dict[str, Ints] = {}

    def times(self, column: Ints, factor: int) -> Ints:
        """The product, or 0 and a flag where it might not fit."""
        bad = np.abs(column) > FITS // max(abs(factor), 1)
        self.scalar |= bad
        return np.where(bad, 0, column) * factor

    def charge(self, name: str, numerator: Ints, denominator: int) -> None:
        """Adds to the running total and rounds it, as rounding.advance does."""
        rule = self.tariff.rule(name)
        state = self.state
        charged: Ints = np.zeros_like(numerator)
        if rule.at is Stretch.MONTH:
            numerator = numerator + state.of(state.numerators, name)
            charged = state.of(state.charged, name)
        now = self._rounded(numerator, denominator, rule)
        if rule.at is Stretch.MONTH:
            state.numerators[name], state.charged[name] = numerator, now
        amount = now - charged
        self.amounts[name] = self.amounts.get(name, 0) + amount
        state.month[name] = state.of(state.month, name) + amount

    def _rounded(self, numerator: Ints, denominator: int, rule: Rounding) -> Ints:
        step = denominator * rule.unit
        if step > FITS:
            self.scalar |= True
            return np.zeros_like(numerator)
        self.scalar |= np.abs(numerator) > FITS
        count, rest = np.divmod(np.abs(numerator), step)
        match rule.mode:
            case Mode.UP:
                count += rest > 0
            case Mode.HALF_UP:
                count += 2 * rest >= step
            case Mode.HALF_EVEN:
                count += (2 * rest > step) | ((2 * rest == step) & (count % 2 == 1))
            case Mode.DOWN:
                pass
        return np.sign(numerator) * count * rule.unit

    def value(self, slabs: Sequence[Slab], position: Ints) -> Ints:
        """slabs.value on a column of Wh; the denominator is KWH."""
        total = np.zeros_like(position)
        floor = 0
        for slab in slabs:
            ceiling = FITS if slab.up_to_uwh is None else -(-slab.up_to_uwh // SCALED)
            total += self.times(np.clip(position, floor, max(ceiling, floor)) - floor, slab.rate)
            floor = ceiling
        return total


def whole_edges(slabs: Sequence[Slab]) -> bool:
    """Whether every slab edge is a whole Wh: columns know nothing finer."""
    return all(slab.up_to_uwh is None or slab.up_to_uwh % SCALED == 0 for slab in slabs)


def charge_accounts(
    tariff: Tariff,
    payment: Payment,
    day: tuple[date, Calendar | None],
    columns: Columns,
    opening: BulkState,
) -> BulkCharges:
    """Charges a day that is over, of accounts of one tariff and one way of paying."""
    charging = _Charging(tariff, day[0], columns, opening)
    if refusal(tariff) is not None or not _all_edges_whole(tariff):
        charging.scalar |= True
        return BulkCharges(amounts={}, closing=charging.state, scalar=charging.scalar)
    before = charging.state.net_wh
    _energy(charging, day[1])
    for fixed in tariff.fixed:
        _fixed(charging, fixed)
    if np.any(columns.fuel):
        charging.charge(FUEL, columns.fuel, days_in_month(day[0]))
    charging.state.days += 1
    if is_month_end(day[0]):
        _minimum(charging)
    for levy in tariff.levies:
        if levy.only in (None, payment):
            _levy(charging, levy, before)
    charging.state.scalar = charging.scalar
    return BulkCharges(amounts=charging.amounts, closing=charging.state, scalar=charging.scalar)


def _all_edges_whole(tariff: Tariff) -> bool:
    return all(whole_edges(slabs) for slabs in (tariff.slabs, *(x.slabs for x in tariff.levies)))


def _energy(charging: _Charging, calendar: Calendar | None) -> None:
    tariff, columns, state = charging.tariff, charging.columns, charging.state
    holidays = calendar.holidays if calendar is not None else {}
    today = day_type(tariff.day_types, charging.day, holidays)
    bands = [band for band in tariff.bands if band.on(today)]
    before = state.net_wh
    metered = before + sum(columns.bands)
    after = metered + columns.settlement
    low = np.minimum(np.minimum(before, metered), after)
    high = np.maximum(np.maximum(before, metered), after)
    state.net_wh = after
    energy = charging.value(tariff.slabs, after) - charging.value(tariff.slabs, before)
    adders = np.zeros_like(energy)
    span = charging.value(tariff.slabs, high) - charging.value(tariff.slabs, low)
    named = [i for i, band in enumerate(bands) if band.name == tariff.settlement_band]
    for index, band in enumerate(bands):
        wh = columns.bands[index] + (columns.settlement if named[:1] == [index] else 0)
        if band.rate is not None:
            energy += charging.times(wh, band.rate)
        elif band.percent_ppm is not None:
            adders += _percent(charging, wh, band.percent_ppm, (low, high, span))
        elif band.add is not None:
            adders += charging.times(charging.times(wh, band.add), PPM)
    charging.charge(ENERGY, energy, KWH)
    if any(band.rate is None for band in bands):
        charging.charge(TIME_OF_DAY, adders, KWH * PPM)
    if tariff.export.mode is ExportMode.CREDIT:
        charging.charge(EXPORT, charging.times(columns.export, -tariff.export.rate), KWH)
    state.demand_w = np.maximum(state.demand_w, columns.demand_w)
    state.demand_va = np.maximum(state.demand_va, columns.demand_va)


def _percent(
    charging: _Charging, wh: Ints, percent_ppm: int, moved: tuple[Ints, Ints, Ints]
) -> Ints:
    """A percent of the slab price: known from sums only while the day stays inside one slab."""
    low, high, span = moved
    total = np.zeros_like(wh)
    inside = np.zeros(wh.shape, dtype=bool)
    floor = 0
    for slab in charging.tariff.slabs:
        ceiling = FITS if slab.up_to_uwh is None else slab.up_to_uwh // SCALED
        here = (low >= floor) & (high <= ceiling) & ~inside
        price = charging.times(charging.times(wh, slab.rate), percent_ppm)
        total = np.where(here, price, total)
        inside |= here
        floor = ceiling
    charging.scalar |= ~inside & (span != 0)
    return total


def _fixed(charging: _Charging, fixed: FixedCharge) -> None:
    columns, state = charging.columns, charging.state
    billed = np.ones_like(columns.load_w)
    if fixed.per is not Per.CONNECTION:
        load_ppm = np.maximum(columns.load_w, fixed.load_min_w)
        load_ppm = charging.times(load_ppm, PPM)
        if fixed.demand_floor_ppm is not None:
            demand = state.demand_w if fixed.per is Per.KW else state.demand_va
            load_ppm = charging.times(load_ppm // PPM, fixed.demand_floor_ppm)
            load_ppm = np.maximum(load_ppm, charging.times(demand, PPM))
        billed = -(-load_ppm // (fixed.load_step_w * PPM)) * fixed.load_step_w
    load_days = billed
    if fixed.demand_floor_ppm is not None:
        days = state.of(state.fixed_days, fixed.name)
        load_days = billed * (days + 1) - state.of(state.fixed_billed, fixed.name) * days
    state.fixed_days[fixed.name] = state.of(state.fixed_days, fixed.name) + 1
    state.fixed_billed[fixed.name] = billed
    sign = 1 if fixed.sign is Sign.CHARGE else -1
    denominator = 1 if fixed.per is Per.CONNECTION else WATTS
    amount = charging.times(load_days, sign * fixed.amount)
    match fixed.every:
        case Every.DAY:
            charging.charge(fixed.name, amount, denominator)
        case Every.MONTH:
            charging.charge(fixed.name, amount, denominator * days_in_month(charging.day))
        case Every.MONTH_12_365:
            charging.charge(fixed.name, charging.times(amount, 12), denominator * 365)


def _minimum(charging: _Charging) -> None:
    minimum = charging.tariff.minimum
    if minimum is None:
        return
    per_kw = minimum.per is not Per.CONNECTION
    load = charging.columns.load_w if per_kw else np.ones_like(charging.columns.load_w)
    denominator = (WATTS if per_kw else 1) * days_in_month(charging.day)
    state = charging.state
    reached = sum((state.of(state.month, name) for name in minimum.of), np.zeros_like(load))
    wanted = charging.times(load * state.days, minimum.amount)
    short = wanted - charging.times(reached, denominator)
    charging.charge(MINIMUM, np.maximum(short, 0), denominator)


def _levy(charging: _Charging, levy: Levy, before: Ints) -> None:
    sign = 1 if levy.sign is Sign.CHARGE else -1
    if levy.percent_ppm is not None:
        zero = np.zeros_like(before)
        base = sum((charging.amounts.get(name, zero) for name in levy.of), zero)
        charging.charge(levy.name, charging.times(base, sign * levy.percent_ppm), PPM)
        return
    now, was = (charging.value(levy.slabs, at) for at in (charging.state.net_wh, before))
    charging.charge(levy.name, sign * (now - was), KWH)
