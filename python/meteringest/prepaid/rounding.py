"""Rounding: to what, which way, and over which stretch of time; nothing rounds unless told to.

Inside its stretch an amount is the rounded running total now minus the rounded running total
before. So lines are whole at once, and their sum is the rounded exact sum, whatever their number.
"""

from enum import StrEnum

from msgspec import Struct

from meteringest.prepaid.money import MICRO


class Mode(StrEnum):
    """Which way a figure between two units goes; all are symmetric about zero."""

    HALF_UP = "half-up"
    HALF_EVEN = "half-even"
    UP = "up"
    DOWN = "down"


class Stretch(StrEnum):
    """Over what the exact amounts are added before they are rounded."""

    INTERVAL = "interval"
    DAY = "day"
    MONTH = "month"


class Rounding(Struct, frozen=True, kw_only=True):
    """The rule of one component; `unit` in micro-units."""

    unit: int = 1
    mode: Mode = Mode.HALF_UP
    at: Stretch = Stretch.MONTH


CENT_OF_A_MONTH = Rounding(unit=MICRO // 100)
"""Unless a tariff says otherwise: a month's lines sum up to the month's amount, rounded once."""


def rounded(numerator: int, denominator: int, rule: Rounding) -> int:
    """The multiple of the unit nearest to numerator/denominator micro-units, by the mode."""
    step = denominator * rule.unit
    count, rest = divmod(abs(numerator), step)
    match rule.mode:
        case Mode.UP:
            count += rest > 0
        case Mode.HALF_UP:
            count += 2 * rest >= step
        case Mode.HALF_EVEN:
            count += 2 * rest > step or (2 * rest == step and count % 2 == 1)
        case Mode.DOWN:
            pass
    return -count * rule.unit if numerator < 0 else count * rule.unit


class Running(Struct, frozen=True, array_like=True):
    """The exact total of a component inside its stretch, and what of it has been charged."""

    stretch: tuple[int, str]
    numerator: int
    denominator: int
    charged: int


def advance(
    before: Running | None, stretch: tuple[int, str], more: tuple[int, int], rule: Rounding
) -> tuple[Running, int]:
    """Adds `more` (numerator, denominator) to the running total: the new total and its charge.

    `stretch` names where and under which tariff version; another one starts from nothing.
    """
    numerator, denominator = more
    charged = 0
    if before is not None and (before.stretch, before.denominator) == (stretch, denominator):
        numerator += before.numerator
        charged = before.charged
    now = rounded(numerator, denominator, rule)
    return Running(stretch, numerator, denominator, now), now - charged
