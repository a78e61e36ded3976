"""Time-of-day bands: which one a minute of a day falls in, and what is wrong with a set of them."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from meteringest.prepaid.calendar import OTHER_DAYS, DayType

MINUTES = 1_440


class Band(Struct, frozen=True, kw_only=True):
    """From minute to minute of a local day, wrapping midnight when it ends before it starts.

    Exactly one of the three prices is set: a percent of the energy charge of the interval, an
    amount per kWh on top of it, or a rate of its own in place of slabs.
    """

    name: str
    from_min: int
    to_min: int
    percent_ppm: int | None = None
    add: int | None = None
    rate: int | None = None
    days: tuple[str, ...] = ()

    def holds(self, minute: int) -> bool:
        """Whether the minute lies in this band."""
        if self.from_min < self.to_min:
            return self.from_min <= minute < self.to_min
        return minute >= self.from_min or minute < self.to_min

    def on(self, day_type: str) -> bool:
        """Whether the band exists on such days; one without a list exists every day."""
        return not self.days or day_type in self.days


def band_at(bands: Sequence[Band], day_type: str, minute: int) -> Band:
    """The band of a minute; a checked set has exactly one."""
    return next(band for band in bands if band.on(day_type) and band.holds(minute))


def uncovered(bands: Sequence[Band], types: Sequence[DayType]) -> Iterator[str]:
    """Every gap and every overlap, with the days and times at which it is."""
    for day_type in (*(each.name for each in types), OTHER_DAYS):
        today = [band for band in bands if band.on(day_type)]
        holders = [tuple(band.name for band in today if band.holds(m)) for m in range(MINUTES)]
        for start, end, names in _spells(holders):
            span = f"{clock(start)}-{clock(end)} on {day_type} days"
            if not names:
                yield f"gap: no band holds {span}"
            elif len(names) > 1:
                yield f"overlap: bands {' and '.join(names)} both hold {span}"


def _spells(holders: Sequence[tuple[str, ...]]) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    start = 0
    for minute in range(1, MINUTES + 1):
        if minute == MINUTES or holders[minute] != holders[start]:
            yield start, minute, holders[start]
            start = minute


def clock(minute: int) -> str:
    """HH:MM; the end of a day is 24:00."""
    return f"{minute // 60:02d}:{minute % 60:02d}"
