"""Disconnection policy as data: immutable, effective-dated, per area; decision.py applies it.

Rule 1: whole numbers only, as in tariffs; amounts in micro-units, loads in watts.
Rule 2: what is not written protects: no policy in force, nobody is cut.
"""

from collections.abc import Iterable
from datetime import date
from functools import cached_property

from msgspec import Struct

from meteringest.prepaid.calendar import (
    IST_OFFSET_MIN,
    WEEKDAYS,
    Calendar,
    Weekday,
    content_id,
    is_second_saturday,
)


class NoCut(Struct, frozen=True, kw_only=True):
    """A time at which nobody is disconnected: part of the day, kinds of days, or both."""

    name: str
    from_min: int | None = None
    to_min: int | None = None
    weekdays: tuple[Weekday, ...] = ()
    second_saturdays: bool = False
    holidays: bool = False

    @property
    def by_day(self) -> bool:
        """Whether it is for some days only."""
        return bool(self.weekdays) or self.second_saturdays or self.holidays

    def on(self, day: date, calendar: Calendar | None) -> bool:
        """Whether it applies on that local day."""
        return (
            not self.by_day
            or WEEKDAYS[day.weekday()] in self.weekdays
            or (self.second_saturdays and is_second_saturday(day))
            or (self.holidays and calendar is not None and day in calendar.holidays)
        )

    def holds(self, day: date, minute: int, calendar: Calendar | None) -> bool:
        """Whether it applies at that minute; after midnight it is the new day's."""
        if not self.on(day, calendar):
            return False
        if self.from_min is None or self.to_min is None:
            return True
        if self.from_min < self.to_min:
            return self.from_min <= minute < self.to_min
        return minute >= self.from_min or minute < self.to_min


class Exempt(Struct, frozen=True, kw_only=True):
    """Accounts that are never disconnected: every condition given must be met."""

    name: str
    classes: tuple[str, ...] = ()
    load_max_w: int | None = None
    net_metered: bool = False


class Threshold(Struct, frozen=True, kw_only=True):
    """Classes that are cut below another balance than the rest."""

    classes: tuple[str, ...]
    below: int


class EmergencyCredit(Struct, frozen=True, kw_only=True):
    """How far below the threshold, and for how long, supply goes on."""

    classes: tuple[str, ...] = ()
    amount: int | None = None
    hours: int | None = None


class Grace(Struct, frozen=True, kw_only=True):
    """After a conversion to prepaid nobody is cut for so many days, down to a limit."""

    days: int
    working_days: bool = False
    below: int | None = None


class NoticeLevels(Struct, frozen=True, kw_only=True):
    """When a low balance is told: shares of the last recharge, amounts, hours left."""

    percent_ppm: tuple[int, ...] = ()
    amounts: tuple[int, ...] = ()
    hours_left: tuple[int, ...] = ()


class Policy(Struct, frozen=True, kw_only=True, dict=True):
    """One version for one area."""

    name: str
    title: str
    area: str
    effective_from: date
    effective_to: date | None = None
    revision: int = 0
    source: str = ""
    offset_min: int = IST_OFFSET_MIN
    calendar: str | None = None
    below: int = 0
    thresholds: tuple[Threshold, ...] = ()
    exempt: tuple[Exempt, ...] = ()
    no_cut: tuple[NoCut, ...] = ()
    emergency: tuple[EmergencyCredit, ...] = ()
    grace: Grace | None = None
    notices: NoticeLevels = NoticeLevels()
    unpaid_bills: int | None = None
    arrears_over: int | None = None
    reconnect_at: int = 1
    balance_age_max_s: int | None = None
    cut_with_held_reads: bool = False
    held_days: int = 35
    """Only reads held on the last so many days count as held."""

    @cached_property
    def id(self) -> str:
        """Names this content; a decision keeps it."""
        return content_id(self)

    def in_force(self, day: date) -> bool:
        """Whether it may be decided by on that day at all."""
        return self.effective_from <= day and (
            self.effective_to is None or day <= self.effective_to
        )

    def threshold(self, account_class: str) -> tuple[int, str]:
        """Below which balance the class is cut, and where that is written."""
        for index, each in enumerate(self.thresholds):
            if account_class in each.classes:
                return each.below, f"cut.classes[{index}].below"
        return self.below, "cut.below"


class PolicyBook:
    """Every policy; answers which one is in force in an area on a day."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        """An area may be a path, `UP/Lucknow`: what it does not have, the area above it has."""
        self._policies = sorted(policies, key=lambda each: (each.effective_from, each.revision))

    def at(self, area: str, day: date) -> Policy | None:
        """Of those in force in the nearest area the one that began last.

        When a version with an end is over, the one it interrupted holds again.
        """
        while area:
            own = [each for each in self._policies if each.area == area and each.in_force(day)]
            if own:
                return own[-1]
            area = area.rpartition("/")[0]
        return None
