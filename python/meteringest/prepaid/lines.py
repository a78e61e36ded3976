"""Charge lines: what was charged, under a key that never changes and a version that only grows.

Rule 1: the newest version of a key counts; what was posted is corrected by signed differences.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum

import msgspec
from msgspec import Struct

Key = tuple[int, date, str, int, int, str]


class Kind(StrEnum):
    """Live by the interval, settled against the day's register, of the day, of the month."""

    ACCRUAL = "accrual"
    SETTLEMENT = "settlement"
    DAY = "day"
    MONTH = "month"


class Line(Struct, frozen=True, kw_only=True):
    """One component of one step of one account's day; `amount` in micro-units, owed if positive."""

    account: int
    day: date
    kind: Kind
    start_s: int = 0
    meter: int = 0
    component: str
    amount: int
    energy_uwh: int = 0
    tariff: str
    estimated: bool = False
    ver: int

    @property
    def key(self) -> Key:
        """What the line is about, whatever it says."""
        return (self.account, self.day, self.kind, self.start_s, self.meter, self.component)

    @property
    def id(self) -> str:
        """The key as 32 hex digits, for statements and disputes."""
        return hashlib.sha256(msgspec.json.encode(self.key)).hexdigest()[:32]


class Posting(Struct, frozen=True, kw_only=True):
    """A line as it now is, and the signed difference to what had been posted under its key."""

    line: Line
    difference: int

    @property
    def is_correction(self) -> bool:
        """Whether something else had been posted before."""
        return self.difference != self.line.amount


def corrections(posted: Mapping[Key, Line], latest: Iterable[Line]) -> list[Posting]:
    """What to post so that the posted lines become the latest ones.

    `posted` are the newest posted lines of the same days. A line that is no more is posted with
    nothing as its amount. Doing it again posts nothing. A posting's version is always above that
    of what it replaces, also when an input with an older version became visible late.
    """
    now = {line.key: line for line in latest}
    newest_ver = max((line.ver for line in now.values()), default=0)
    found = []
    for key, line in now.items():
        before = posted.get(key)
        if before is None:
            found.append(Posting(line=line, difference=line.amount))
        elif _said(before) != _said(line):
            risen = msgspec.structs.replace(line, ver=max(line.ver, before.ver + 1))
            found.append(Posting(line=risen, difference=line.amount - before.amount))
    for key, line in posted.items():
        if key not in now and (line.amount, line.energy_uwh) != (0, 0):
            gone = msgspec.structs.replace(
                line, amount=0, energy_uwh=0, ver=max(line.ver + 1, newest_ver)
            )
            found.append(Posting(line=gone, difference=-line.amount))
    return found


def _said(line: Line) -> tuple[int, int, str, bool]:
    return line.amount, line.energy_uwh, line.tariff, line.estimated


def total(lines: Iterable[Line]) -> int:
    """The sum of all amounts."""
    return sum(line.amount for line in lines)


def by_component(lines: Iterable[Line]) -> dict[str, int]:
    """The sum of each component."""
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.component] = sums.get(line.component, 0) + line.amount
    return sums
