"""Days as the tariff and the policy see them: local dates, weekdays, holidays, day types.

Rule 1: a local day begins at a fixed offset from UTC; India has no summer time.
Rule 2: holidays are facts with a span they cover; outside the span nobody knows.
"""

import calendar as civil
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec import Struct

IST_OFFSET_MIN = 330
DAY_S = 86_400
SECOND_SATURDAY = range(8, 15)
FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(2149, 6, 6)
"""The days the store can hold."""
OTHER_DAYS = "other"
"""The day type of every day no other type claims."""


class Weekday(StrEnum):
    """In the order of `date.weekday()`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


WEEKDAYS = tuple(Weekday)


class Calendar(Struct, frozen=True, kw_only=True):
    """Listed holidays, and from when to when the list is complete."""

    name: str
    covers_from: date
    covers_to: date
    revision: int = 0
    holidays: Mapping[date, str]

    def covers(self, day: date) -> bool:
        """Whether the list says anything about that day."""
        return self.covers_from <= day <= self.covers_to

    @property
    def id(self) -> str:
        """Names this content: another list is another id."""
        return content_id(self)


class DayType(Struct, frozen=True, kw_only=True):
    """Days that share a name: by weekday, by being a listed holiday, by being a second Saturday."""

    name: str
    weekdays: tuple[Weekday, ...] = ()
    holidays: bool = False
    second_saturdays: bool = False


def content_id(struct: Struct) -> str:
    """Sixteen hex digits of a digest over the content; layout and comments do not count."""
    plain = msgspec.to_builtins(struct, str_keys=True)
    canonical = msgspec.json.encode(plain, order="deterministic")
    return hashlib.sha256(canonical).hexdigest()[:16]


def is_second_saturday(day: date) -> bool:
    """The Saturday between the 8th and the 14th."""
    return day.weekday() == civil.SATURDAY and day.day in SECOND_SATURDAY


def day_type(types: Sequence[DayType], day: date, holidays: Mapping[date, str]) -> str:
    """The first type that claims the day, else OTHER_DAYS."""
    weekday = WEEKDAYS[day.weekday()]
    for each in types:
        if (
            weekday in each.weekdays
            or (each.holidays and day in holidays)
            or (each.second_saturdays and is_second_saturday(day))
        ):
            return each.name
    return OTHER_DAYS


def local_day(at_s: int, offset_min: int = IST_OFFSET_MIN) -> date:
    """The local date of an instant."""
    return (datetime.fromtimestamp(at_s, UTC) + timedelta(minutes=offset_min)).date()


def local_minute(at_s: int, offset_min: int = IST_OFFSET_MIN) -> int:
    """The local minute of the day, 0 to 1439."""
    return (at_s // 60 + offset_min) % 1_440


def moment(at_s: int) -> str:
    """The instant in UTC, as people and programs read it."""
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def day_start_s(day: date, offset_min: int = IST_OFFSET_MIN) -> int:
    """The instant at which the local day begins."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(midnight.timestamp()) - offset_min * 60


def days_in_month(day: date) -> int:
    """28 to 31."""
    return civil.monthrange(day.year, day.month)[1]


def month_start(day: date) -> date:
    """The first of the month."""
    return day.replace(day=1)


def is_month_end(day: date) -> bool:
    """Whether the next day is in another month."""
    return day.day == days_in_month(day)
