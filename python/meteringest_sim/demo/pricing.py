"""What a month of the demo's tariff comes to, in fractions; shares no code with the service.

Rule 1: it reads the tariff's own text and knows only what that tariff has: slabs, a fixed charge
per kW, a minimum, levies of a percent or per unit. Every component is rounded once, for the month.
Rule 2: nothing here knows how the service gets there: no intervals, no days, no running totals.
"""

import calendar
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from math import ceil, floor

from msgspec import Struct

PAISE = 100
MICRO = 1_000_000
GIVEN = ("rebate", "subsidy")


class Month(Struct, frozen=True, kw_only=True):
    """What one account did in one month."""

    first: date
    days: int
    net_wh: int
    """Imported less exported."""
    ended: bool


class Pricing:
    """One tariff, from its text."""

    def __init__(self, text: str) -> None:
        """Numbers exactly as they are written."""
        self._tariff = tomllib.loads(text, parse_float=Fraction)

    def owed(self, months: Sequence[Month], *, load_w: int, prepaid: bool) -> int:
        """All months of an account, in micro-units; export that is left over is carried on."""
        total, carried = 0, 0
        for month in months:
            position = carried + month.net_wh
            total += self._month(month, Fraction(position, 1_000), load_w, prepaid=prepaid)
            carried = min(position, 0)
        return total

    def _month(self, month: Month, kwh: Fraction, load_w: int, *, prepaid: bool) -> int:
        tariff = self._tariff
        length = calendar.monthrange(month.first.year, month.first.month)[1]
        share = Fraction(month.days, length)
        parts: dict[str, int] = {"energy": _rounded(_slabs(tariff["slabs"], kwh))}
        for fixed in tariff["fixed"]:
            kilowatts = ceil(Fraction(load_w, 1_000) / fixed["load_step"]) * fixed["load_step"]
            parts[fixed["name"]] = _rounded(fixed["amount"] * kilowatts * share)
        if month.ended:
            least = tariff["minimum"]
            reached = Fraction(sum(parts[name] for name in least["of"]), MICRO)
            parts["minimum"] = _rounded(max(least["amount"] * share - reached, Fraction(0)))
        for levy in tariff["levies"]:
            if prepaid or levy.get("only") != "prepaid":
                parts[levy["name"]] = _rounded(_levy(levy, parts, kwh))
        return sum(parts.values())


def _levy(levy: Mapping[str, object], parts: Mapping[str, int], kwh: Fraction) -> Fraction:
    sign = -1 if levy["kind"] in GIVEN else 1
    slabs, of, percent = levy.get("slabs"), levy.get("of"), levy.get("percent")
    if isinstance(slabs, list):
        return sign * _slabs(slabs, kwh)
    assert isinstance(of, list)  # noqa: S101 (a levy has one of the two)
    assert isinstance(percent, int | Fraction)  # noqa: S101 (as above)
    return sign * Fraction(percent) / 100 * sum(parts.get(name, 0) for name in of) / MICRO


def _slabs(slabs: Sequence[Mapping[str, Fraction]], kwh: Fraction) -> Fraction:
    """The price of the month's first so many units."""
    total, begin = Fraction(0), Fraction(0)
    for slab in slabs:
        end = min(kwh, slab.get("up_to_kwh", kwh))
        total += max(end - begin, Fraction(0)) * slab["rate"]
        begin = max(begin, end)
    return total


def _rounded(amount: Fraction) -> int:
    """Micro-units of the nearest paisa, half away from nothing."""
    paise = abs(amount) * PAISE
    whole = floor(paise + Fraction(1, 2)) * (MICRO // PAISE)
    return -whole if amount < 0 else whole
