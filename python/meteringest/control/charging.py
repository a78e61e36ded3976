"""What can be asked of the workers over the control socket."""

from datetime import date

from msgspec import Struct


class AskSweep(Struct, frozen=True, tag="sweep"):
    """Compare the charges of so many days back with what they were made from; mend them."""

    days: int


class AskRecompute(Struct, frozen=True, tag="recompute", kw_only=True):
    """Charge again from a local day on; every account when none is named."""

    accounts: list[int]
    first: date


class Recharged(Struct, frozen=True, kw_only=True):
    """What came of it."""

    found: int = 0
    """Days that were not made from what the store holds."""
    accounts: int = 0
    days: int = 0
    changed: int = 0
    """Days whose amount is another one now."""


AskCharging = AskSweep | AskRecompute
