"""Fuel surcharge: notified late, signed, taken of an earlier month, spread over a later one.

The month's amount is known whole before its first day; the days share it evenly and, with the
month as rounding stretch, the last day takes what rounding left.
"""

from datetime import date

from msgspec import Struct

from meteringest.prepaid.money import PPM
from meteringest.prepaid.rounding import Rounding, rounded
from meteringest.prepaid.slabs import SLAB_DENOMINATOR


class FuelNotice(Struct, frozen=True, kw_only=True):
    """One notified adjustment: a percent of the energy charge, or an amount per unit; signed."""

    name: str
    tariffs: tuple[str, ...]
    base_month: date
    charge_month: date
    revision: int = 0
    percent_ppm: int | None = None
    per_kwh: int | None = None
    ver: int = 0


class FuelShare(Struct, frozen=True, kw_only=True):
    """What a notice comes to for one account over the whole month it is charged in."""

    notice: str
    amount: int
    ver: int = 0


def fuel_share(
    notice: FuelNotice, energy_amount: int, energy_uwh: int, rule: Rounding
) -> FuelShare:
    """`energy_amount` and `energy_uwh` are the account's energy charge of the base month."""
    numerator, denominator = (notice.per_kwh or 0) * energy_uwh, SLAB_DENOMINATOR
    if notice.percent_ppm is not None:
        numerator, denominator = notice.percent_ppm * energy_amount, PPM
    amount = rounded(numerator, denominator, rule)
    return FuelShare(notice=notice.name, amount=amount, ver=notice.ver)
