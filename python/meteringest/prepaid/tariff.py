"""A tariff version: immutable, effective-dated, named by its content; and the book of them all.

Rule 1: whole numbers only: micro-units, parts per million, micro-watt-hours, watts.
Rule 2: a version is never changed; a change is another version with its own first day.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from functools import cached_property

from msgspec import Struct, field

from meteringest.prepaid.calendar import IST_OFFSET_MIN, DayType, content_id
from meteringest.prepaid.rounding import CENT_OF_A_MONTH, Rounding
from meteringest.prepaid.slabs import Slab
from meteringest.prepaid.time_of_day import Band

ENERGY = "energy"
TIME_OF_DAY = "time-of-day"
EXPORT = "export"
SURPLUS = "surplus"
MINIMUM = "minimum"
FUEL = "fuel"
OWN_COMPONENTS = (ENERGY, TIME_OF_DAY, EXPORT, SURPLUS, MINIMUM, FUEL)


class Basis(StrEnum):
    """The unit that is billed."""

    KWH = "kwh"
    KVAH = "kvah"


class Payment(StrEnum):
    """How an account pays; a levy may be for one of the two only."""

    PREPAID = "prepaid"
    POSTPAID = "postpaid"


class Per(StrEnum):
    """What a fixed charge is multiplied with."""

    CONNECTION = "connection"
    KW = "kw"
    KVA = "kva"


class Every(StrEnum):
    """A fixed charge of a month is shared among its days; 12/365 is the same every day."""

    DAY = "day"
    MONTH = "month"
    MONTH_12_365 = "month-12-365"


class Sign(StrEnum):
    """Whether an amount is owed or given."""

    CHARGE = "charge"
    CREDIT = "credit"


class FixedCharge(Struct, frozen=True, kw_only=True):
    """Owed for being connected, also on a day without energy."""

    name: str
    amount: int
    per: Per = Per.CONNECTION
    every: Every = Every.MONTH
    sign: Sign = Sign.CHARGE
    load_step_w: int = 1
    load_min_w: int = 0
    demand_floor_ppm: int | None = None
    """Set: billed on the month's highest demand, at least this share of the sanctioned load."""


class Levy(Struct, frozen=True, kw_only=True):
    """Duty, surcharge, rebate or subsidy: a percent of components before it, or per unit."""

    name: str
    sign: Sign
    of: tuple[str, ...] = ()
    percent_ppm: int | None = None
    slabs: tuple[Slab, ...] = ()
    only: Payment | None = None


class Minimum(Struct, frozen=True, kw_only=True):
    """What the named components of a whole month come to at the least."""

    amount: int
    of: tuple[str, ...]
    per: Per = Per.CONNECTION


class ExportMode(StrEnum):
    """What becomes of exported energy."""

    NONE = "none"
    CREDIT = "credit"
    NET = "net"


class Export(Struct, frozen=True, kw_only=True):
    """Credit: paid at `rate`. Net: set against import, and what is left is carried on.

    What is left over at the end of `surplus_month` is paid at `rate`.
    """

    mode: ExportMode = ExportMode.NONE
    rate: int = 0
    surplus_month: int | None = None


class LatePayment(Struct, frozen=True, kw_only=True):
    """Simple interest on what a postpaid bill leaves unpaid after its due date."""

    percent_ppm_per_month: int
    grace_days: int = 0


class Billing(Struct, frozen=True, kw_only=True):
    """When postpaid bills are made: a period begins on `day` of each month."""

    day: int = 1
    due_days: int = 15


class Tariff(Struct, frozen=True, kw_only=True, dict=True):
    """One version."""

    name: str
    title: str
    currency: str
    effective_from: date
    effective_to: date | None = None
    revision: int = 0
    source: str = ""
    decimals: int = 2
    offset_min: int = IST_OFFSET_MIN
    basis: Basis = Basis.KWH
    slabs: tuple[Slab, ...] = ()
    bands: tuple[Band, ...] = ()
    settlement_band: str | None = None
    day_types: tuple[DayType, ...] = ()
    calendar: str | None = None
    fixed: tuple[FixedCharge, ...] = ()
    minimum: Minimum | None = None
    levies: tuple[Levy, ...] = ()
    export: Export = Export()
    billing: Billing = Billing()
    late_payment: LatePayment | None = None
    rounding: Mapping[str, Rounding] = field(default_factory=dict)
    rounding_default: Rounding = CENT_OF_A_MONTH

    @cached_property
    def id(self) -> str:
        """Names this content; a bill keeps it."""
        return content_id(self)

    @cached_property
    def components(self) -> tuple[str, ...]:
        """Every component in the order in which it is charged."""
        named = [each.name for each in self.fixed]
        levies = [each.name for each in self.levies]
        return (ENERGY, TIME_OF_DAY, EXPORT, *named, FUEL, MINIMUM, SURPLUS, *levies)

    @cached_property
    def demands(self) -> frozenset[Per]:
        """What its charges by the month's highest demand are counted in, kW or kVA."""
        return frozenset(each.per for each in self.fixed if each.demand_floor_ppm is not None)

    def rule(self, component: str) -> Rounding:
        """How the component rounds."""
        return self.rounding.get(component, self.rounding_default)

    def in_force(self, day: date) -> bool:
        """Whether the version may be charged on that day at all."""
        return self.effective_from <= day and (
            self.effective_to is None or day <= self.effective_to
        )


class TariffBook:
    """Every version of every tariff; answers which one is in force on a day."""

    def __init__(self, versions: Iterable[Tariff]) -> None:
        """Two different versions of a name may not begin on the same day: see `clashes`."""
        self._versions: dict[str, list[Tariff]] = {}
        for version in sorted(versions, key=lambda each: (each.effective_from, each.revision)):
            self._versions.setdefault(version.name, []).append(version)

    def at(self, name: str, day: date) -> Tariff | None:
        """The version that began last, of those the latest revision; none when it has ended."""
        begun = [each for each in self._versions.get(name, ()) if each.effective_from <= day]
        return begun[-1] if begun and begun[-1].in_force(day) else None

    def clashes(self, newcomer: Tariff) -> str | None:
        """Why the version may not join the book, when it may not."""
        for version in self._versions.get(newcomer.name, ()):
            begins = (version.effective_from, version.revision)
            if begins == (newcomer.effective_from, newcomer.revision) and version.id != newcomer.id:
                return (
                    f"version {version.id} of {newcomer.name} already begins on {begins[0]} as "
                    f"revision {begins[1]} with another content; a version is never changed: "
                    "give the new one a later first day or a higher revision"
                )
        return None
