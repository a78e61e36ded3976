"""Telescopic slabs: the price of the first so many units of a month, as one function of energy.

The charge of any stretch is value(position after) - value(position before), so a slab edge may
fall anywhere, also inside one interval, and going back (net metering) refunds what was charged.
"""

from collections.abc import Sequence

from msgspec import Struct

SLAB_DENOMINATOR = 1_000_000_000
"""Micro-units per kWh times micro-watt-hours, over this, are micro-units."""


class Slab(Struct, frozen=True, kw_only=True):
    """Units up to `up_to_uwh` of the month (the last slab: without end) at `rate` per kWh."""

    rate: int
    up_to_uwh: int | None = None


def value(slabs: Sequence[Slab], position_uwh: int) -> int:
    """The exact price of the month's first `position_uwh`, over SLAB_DENOMINATOR."""
    total = 0
    floor = 0
    for slab in slabs:
        if position_uwh <= floor:
            break
        ceiling = position_uwh if slab.up_to_uwh is None else min(position_uwh, slab.up_to_uwh)
        total += slab.rate * (ceiling - floor)
        floor = ceiling
    return total


def rate_at(slabs: Sequence[Slab], position_uwh: int) -> int:
    """What the next unit costs at this position of the month."""
    for slab in slabs:
        if slab.up_to_uwh is None or position_uwh < slab.up_to_uwh:
            return slab.rate
    return slabs[-1].rate if slabs else 0
