"""A fuel notice file becomes a FuelNotice; months are written 2026-07."""

import re
from datetime import date
from pathlib import Path

from meteringest.prepaid.calendar import FIRST_DAY, LAST_DAY
from meteringest.prepaid.fuel import FuelNotice
from meteringest.prepaid.rules_file import (
    RATE_MAX,
    Figure,
    Problems,
    convert,
    duplicates,
    read_text,
)
from meteringest.prepaid.tariff_schema import Shape

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_MONTHS = range(12 * FIRST_DAY.year, 12 * LAST_DAY.year + LAST_DAY.month - 1)
"""Months of which the store can hold every day, counted from the year 0."""


class FuelWritten(Shape, frozen=True):
    """The whole file; `percent` and `per_kwh` are signed."""

    name: str
    tariffs: tuple[str, ...]
    base_month: str
    charge_month: str
    revision: int = 0
    source: str = ""
    percent: Figure | None = None
    per_kwh: Figure | None = None


def load_fuel(file: Path) -> FuelNotice:
    """Reads, converts and checks one file."""
    return parse_fuel(read_text(file), str(file))


def parse_fuel(text: str, file: str = "fuel", *, standing: bool = False) -> FuelNotice:
    """The same from text."""
    written = convert(text, FuelWritten, file, standing=standing)
    problems = Problems(standing=standing)
    if (written.percent is None) == (written.per_kwh is None):
        problems.add((), "wanted exactly one of `percent` and `per_kwh`")
    problems.names([(("name",), written.name), *((("tariffs",), name) for name in written.tariffs)])
    if not written.tariffs:
        problems.add(("tariffs",), "is empty")
    for index in duplicates(written.tariffs):
        problems.add(("tariffs",), f"'{written.tariffs[index]}' stands twice")
    base = _month(written.base_month, "base_month", problems)
    charged = _month(written.charge_month, "charge_month", problems)
    if charged <= base:
        problems.add(("charge_month",), "wanted after `base_month`: the base must be known whole")
    problems.revision(written.revision)
    percent, per_kwh = written.percent, written.per_kwh
    notice = FuelNotice(
        name=written.name,
        tariffs=written.tariffs,
        base_month=base,
        charge_month=charged,
        revision=written.revision,
        percent_ppm=None if percent is None else problems.ppm(percent, ("percent",)),
        per_kwh=None
        if per_kwh is None
        else problems.signed_micro(per_kwh, ("per_kwh",), most=RATE_MAX),
    )
    problems.refuse(file, text)
    return notice


def _month(written: str, name: str, problems: Problems) -> date:
    found = _MONTH.fullmatch(written)
    if found is None:
        problems.add((name,), f"'{written}' is no month; wanted YYYY-MM")
    elif 12 * int(found[1]) + int(found[2]) - 1 not in _MONTHS:
        problems.add((name,), f"{written}; wanted {_shown(_MONTHS[0])} to {_shown(_MONTHS[-1])}")
    else:
        return date(int(found[1]), int(found[2]), 1)
    return date.min if name == "base_month" else date.max


def _shown(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"
