"""Fixed charges and the month's minimum: what is owed for being connected, day by day.

A charge billed on the month's demand is re-spread when the demand rises: the day then also
carries what the days before it fell short of.
"""

from collections.abc import Mapping

from meteringest.prepaid.money import PPM
from meteringest.prepaid.sheet import Sheet
from meteringest.prepaid.state import FixedRun
from meteringest.prepaid.tariff import Every, FixedCharge, Minimum, Per, Sign

WATTS = 1_000
YEAR_MONTHS, YEAR_DAYS = 12, 365


def fixed_exact(sheet: Sheet, load_w: int) -> dict[str, tuple[int, int]]:
    """The day's share of every fixed charge; moves the sheet's runs along."""
    return {each.name: _share(sheet, each, load_w) for each in sheet.tariff.fixed}


def _share(sheet: Sheet, fixed: FixedCharge, load_w: int) -> tuple[int, int]:
    billed = billed_load_w(fixed, load_w, sheet.demand_w, sheet.demand_va)
    segment = (sheet.tariff.id, load_w)
    run = sheet.fixed.get(fixed.name)
    if run is None or run.segment != segment:
        run = FixedRun(segment, 0, 0)
    sheet.fixed[fixed.name] = FixedRun(segment, run.days + 1, billed)
    load_days = billed
    if fixed.demand_floor_ppm is not None:
        load_days = billed * (run.days + 1) - run.billed * run.days
    sign = 1 if fixed.sign is Sign.CHARGE else -1
    numerator = sign * fixed.amount * load_days
    denominator = 1 if fixed.per is Per.CONNECTION else WATTS
    match fixed.every:
        case Every.DAY:
            return numerator, denominator
        case Every.MONTH:
            return numerator, denominator * sheet.month_days
        case Every.MONTH_12_365:
            return numerator * YEAR_MONTHS, denominator * YEAR_DAYS


def billed_load_w(fixed: FixedCharge, load_w: int, demand_w: int, demand_va: int) -> int:
    """The load that is charged for, in W or VA, raised to the next step; 1 for a connection."""
    if fixed.per is Per.CONNECTION:
        return 1
    load_ppm = max(load_w, fixed.load_min_w) * PPM
    if fixed.demand_floor_ppm is not None:
        demand = demand_w if fixed.per is Per.KW else demand_va
        load_ppm = load_ppm // PPM * fixed.demand_floor_ppm
        load_ppm = max(load_ppm, demand * PPM)
    step_ppm = fixed.load_step_w * PPM
    return -(-load_ppm // step_ppm) * fixed.load_step_w


def shortfall(
    minimum: Minimum, load_w: int, sheet: Sheet, charged: Mapping[str, int]
) -> tuple[int, int]:
    """By how much the month so far is below its minimum, for the days it was charged."""
    load, watts = (1, 1) if minimum.per is Per.CONNECTION else (load_w, WATTS)
    denominator = watts * sheet.month_days
    reached = sum(charged.get(name, 0) for name in minimum.of)
    short = minimum.amount * load * sheet.days - reached * denominator
    return max(short, 0), denominator
