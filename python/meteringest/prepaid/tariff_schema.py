"""A tariff file as written: its fields, their types and what each means; docs/tariffs.md shows it.

Rule 1: this is the shape only; tariff_file.py turns it into a checked Tariff.
"""

from datetime import date

from msgspec import Struct, field

from meteringest.prepaid.calendar import Weekday
from meteringest.prepaid.rounding import Mode, Stretch
from meteringest.prepaid.rules_file import Figure
from meteringest.prepaid.tariff import Basis, Every, ExportMode, Payment, Per


class Shape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of everything written: a field nobody knows is a typo."""


class SlabWritten(Shape, frozen=True):
    """Units of the month up to `up_to_kwh`; the last slab leaves it out."""

    rate: Figure
    up_to_kwh: Figure | None = None


class BandWritten(Shape, frozen=True, rename={"from_": "from"}):
    """A stretch of the day with one of `percent`, `add` and `rate`."""

    name: str
    from_: str
    to: str
    percent: Figure | None = None
    add: Figure | None = None
    rate: Figure | None = None
    days: tuple[str, ...] = ()


class DayTypeWritten(Shape, frozen=True):
    """Days that share a name."""

    name: str
    weekdays: tuple[Weekday, ...] = ()
    holidays: bool = False
    second_saturdays: bool = False


class FixedWritten(Shape, frozen=True):
    """A charge (or with `credit = true` a subsidy) for being connected."""

    name: str
    amount: Figure
    per: Per = Per.CONNECTION
    every: Every = Every.MONTH
    credit: bool = False
    load_step: Figure | None = None
    load_min: Figure = Figure(0)
    demand_floor_percent: Figure | None = None


class MinimumWritten(Shape, frozen=True):
    """What the month comes to at the least."""

    amount: Figure
    of: tuple[str, ...]
    per: Per = Per.CONNECTION


class LevyWritten(Shape, frozen=True):
    """Duty, surcharge, rebate or subsidy."""

    name: str
    kind: str
    of: tuple[str, ...] = ()
    percent: Figure | None = None
    slabs: tuple[SlabWritten, ...] = ()
    only: Payment | None = None


class ExportWritten(Shape, frozen=True):
    """What becomes of exported energy."""

    mode: ExportMode
    rate: Figure = Figure(0)
    surplus_month: int | None = None


class BillingWritten(Shape, frozen=True):
    """The day of the month a billing period begins on, and how long a bill may be paid."""

    day: int = 1
    due_days: int = 15


class LateWritten(Shape, frozen=True):
    """Interest on an overdue postpaid bill."""

    percent_per_month: Figure
    grace_days: int = 0


class RoundingWritten(Shape, frozen=True):
    """To what, which way, over which stretch."""

    to: Figure
    mode: Mode = Mode.HALF_UP
    at: Stretch = Stretch.MONTH


class TariffWritten(Shape, frozen=True):
    """The whole file."""

    name: str
    title: str
    currency: str
    effective_from: date
    effective_to: date | None = None
    revision: int = 0
    source: str = ""
    decimals: int = 2
    utc_offset: str = "+05:30"
    basis: Basis = Basis.KWH
    slabs: tuple[SlabWritten, ...] = ()
    bands: tuple[BandWritten, ...] = ()
    settlement_band: str | None = None
    day_types: tuple[DayTypeWritten, ...] = ()
    calendar: str | None = None
    fixed: tuple[FixedWritten, ...] = ()
    minimum: MinimumWritten | None = None
    levies: tuple[LevyWritten, ...] = ()
    export: ExportWritten | None = None
    billing: BillingWritten = BillingWritten()
    late_payment: LateWritten | None = None
    rounding: dict[str, RoundingWritten] = field(default_factory=dict)


class HolidayWritten(Shape, frozen=True):
    """One holiday."""

    date: date
    name: str


class CalendarWritten(Shape, frozen=True):
    """A calendar file."""

    name: str
    covers_from: date
    covers_to: date
    revision: int = 0
    holidays: tuple[HolidayWritten, ...] = ()
