"""What a day is charged from: interval reads, midnight registers, meters and their multipliers.

Rule 1: values as they were stored; whether one may be charged is said here, its price is not.
"""

from collections.abc import Iterable
from enum import IntEnum

from msgspec import Struct

from meteringest.prepaid.money import PPM


class Quality(IntEnum):
    """As in m.reads."""

    VALID = 0
    ESTIMATED = 1
    MANUAL = 2
    SUSPECT = 3
    REJECTED = 4


CHARGED = frozenset((Quality.VALID, Quality.ESTIMATED, Quality.MANUAL))
"""A suspect read waits for its verdict; the register settles the day meanwhile."""


class Read(Struct, frozen=True, kw_only=True):
    """One interval of one meter; a channel that was not measured is None."""

    meter: int
    start_s: int
    interval_s: int
    imp_wh: int | None = None
    exp_wh: int | None = None
    imp_vah: int | None = None
    quality: Quality = Quality.VALID
    ver: int = 0


class MeterLink(Struct, frozen=True, kw_only=True):
    """A meter serves the account from an instant until another, through its transformers."""

    meter: int
    from_s: int
    to_s: int
    multiplier_ppm: int = PPM
    ver: int = 0

    def holds(self, read: Read) -> bool:
        """Whether the whole interval lies inside."""
        return self.from_s <= read.start_s and read.start_s + read.interval_s <= self.to_s


class Register(Struct, frozen=True, kw_only=True):
    """A meter's cumulative registers at both ends of its part of a local day."""

    meter: int
    opening_wh: int
    closing_wh: int
    opening_vah: int = 0
    closing_vah: int = 0
    opening_exp_wh: int = 0
    closing_exp_wh: int = 0
    ver: int = 0


class Held(Struct, frozen=True, kw_only=True):
    """Something that could not be charged, and why; it is parked, never guessed."""

    reason: str
    meter: int = 0
    start_s: int = 0
    found: str = ""


def newest(reads: Iterable[Read]) -> list[Read]:
    """Of each meter's interval the newest version, in the order of time, then of meter."""
    latest: dict[tuple[int, int], Read] = {}
    for read in reads:
        key = (read.start_s, read.meter)
        if key not in latest or latest[key].ver <= read.ver:
            latest[key] = read
    return [latest[key] for key in sorted(latest)]
