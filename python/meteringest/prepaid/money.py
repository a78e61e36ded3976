"""Money and rates as whole numbers: micro-units of the currency, parts per million of a whole.

Rule 1: no float ever; a figure that does not fit its decimals is refused, never rounded.
Rule 2: this file knows no tariff.
"""

import re
from decimal import Context, Decimal

MICRO = 1_000_000
"""Micro-units in one unit of currency; a rate is micro-units per kWh, kW or kVA."""
MICRO_DECIMALS = 6
PPM = 1_000_000
"""Parts per million in a whole; a percent has four decimals at the most."""
PERCENT_DECIMALS = 4
UWH_PER_WH = 1_000_000
"""Energy is micro-watt-hours (or micro-VA-hours): a read times a multiplier is always whole."""
AMOUNT_MAX = 10**12 * MICRO
MAGNITUDE_MAX = 20
"""Powers of ten above and below which a figure is refused before anything is reckoned with it."""
SHOWN_CHARACTERS_MAX = 40
_FIGURE = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# So many digits hold every product of figures within these bounds exactly.
_EXACT = Context(prec=4 * MAGNITUDE_MAX)


class InexactError(ValueError):
    """A figure with more decimals than its kind has, or out of all proportion."""

    def __init__(self, written: Decimal | str, problem: str) -> None:
        """What was written, and what is wrong with it."""
        super().__init__(written, problem)
        self.written = written
        self.problem = problem

    def __str__(self) -> str:
        """One line for the person who typed it."""
        return f"{str(self.written)[:SHOWN_CHARACTERS_MAX]} {self.problem}"


def figure(written: str) -> Decimal:
    """A figure as people write it; exponents, separators and digits of other scripts are none."""
    if not _FIGURE.fullmatch(written):
        raise InexactError(written, "is no figure; wanted one like 1250.50")
    return Decimal(written)


def micro(written: Decimal, decimals: int = MICRO_DECIMALS) -> int:
    """Micro-units of an amount or rate written with at most `decimals` decimals."""
    return _whole(written, decimals, MICRO)


def percent_ppm(written: Decimal) -> int:
    """Parts per million of a percent: 2.5 is 25,000."""
    return _whole(written, PERCENT_DECIMALS, PPM // 100)


def _whole(written: Decimal, decimals: int, scale: int) -> int:
    if not written.is_finite():
        raise InexactError(written, "is not a number")
    if not written:
        return 0
    if written.adjusted() > MAGNITUDE_MAX:
        raise InexactError(written, "is too large to be meant")
    digits = written.as_tuple()
    if len(digits.digits) > 2 * MAGNITUDE_MAX or int(digits.exponent) < -2 * MAGNITUDE_MAX:
        raise InexactError(written, f"has more than {decimals} decimals")
    if abs(_EXACT.multiply(written, scale)) > AMOUNT_MAX:
        raise InexactError(written, "is too large to be meant")
    scaled = _EXACT.scaleb(written, decimals)
    if scaled != scaled.to_integral_value(context=_EXACT):
        raise InexactError(written, f"has more than {decimals} decimals")
    return int(_EXACT.multiply(written, scale))


def shown(amount: int, decimals: int = 2) -> str:
    """The amount exactly: at least `decimals` decimals, more only where there are more."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), MICRO)
    digits = f"{rest:06d}".rstrip("0").ljust(decimals, "0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def shown_kwh(energy_uwh: int) -> str:
    """Energy in kWh (or kVAh), exactly."""
    sign = "-" if energy_uwh < 0 else ""
    whole, rest = divmod(abs(energy_uwh), 1_000 * UWH_PER_WH)
    digits = f"{rest:09d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
