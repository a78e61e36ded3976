"""What is shown of accounts, as structs: commands print them without loading what makes them."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from meteringest.prepaid.ledger.entries import Balance
from meteringest.prepaid.ledger.terms import Terms


class Outlook(Struct, frozen=True, kw_only=True):
    """Of a prepaid balance; `unknown` says why there is none."""

    unknown: str = ""
    unit: str = "kWh"
    units_uwh: int = 0
    """What the balance still buys, through slabs, times of day and fixed charges."""
    runs_out_s: int = 0
    """The instant, seconds since 1970."""
    hours: int = 0
    """From now until then."""
    beyond: bool = False
    """It lasts longer than can be foretold; units and instant are then the least."""


class MeterShown(Struct, frozen=True, kw_only=True):
    """A meter that serves the account, and when; seconds since 1970."""

    serial: str
    meter: int
    from_s: int
    to_s: int
    multiplier_ppm: int


class AccountShown(Struct, frozen=True, kw_only=True):
    """What `accounts show` prints; money in micro-units."""

    account: int
    known: bool
    today: date
    terms: Terms | None
    others: Sequence[Terms]
    """Terms that are over, and those that are still to begin."""
    tariff: str
    """Id of the version in force today."""
    balance: Balance
    meters: Sequence[MeterShown]
    outlook: Outlook


class AccountListed(Struct, frozen=True, kw_only=True):
    """A line of `accounts list`; the newest terms there are, also those still to begin."""

    account: int
    payment: str
    tariff: str
    account_class: str
    area: str
    load_w: int
    prepaid: int
    postpaid: int
    arrears: int


class IntervalLine(Struct, frozen=True, kw_only=True):
    """One component of one interval, of the day or of the month; money in micro-units."""

    kind: str
    start_s: int
    component: str
    amount: int
    energy_uwh: int
    estimated: bool


class DayAgain(Struct, frozen=True, kw_only=True):
    """The day as it comes out now, beside what was posted."""

    day: date
    lines: tuple[IntervalLine, ...]
    computed: int
    posted: int | None
    """None: nothing was posted for the day."""
    differs: tuple[str, ...]
    """Components that do not come to what was posted; empty when all agree."""
