"""What can happen to a worker."""

from collections.abc import Mapping
from typing import ClassVar

from meteringest.events import Event, Level


class Charged(Event, frozen=True, kw_only=True):
    """A pass is written and the cursors have moved."""

    level: ClassVar[Level] = Level.DEBUG
    accounts: int
    days: int
    alone: int
    duration_s: float

    def tally(self) -> Mapping[str, float]:
        """Days of accounts, those charged one by one, and the time it took."""
        return {
            "charge_passes_total": 1,
            "charge_days_total": self.days,
            "charge_days_alone_total": self.alone,
            "charge_seconds_total": self.duration_s,
        }


class CatchingUp(Event, frozen=True, kw_only=True):
    """A batch of a long pass is charged; the cursors move when all are."""

    accounts_done: int
    accounts: int
    first: str
    until: str

    def tally(self) -> Mapping[str, float]:
        """Batches of passes that needed several."""
        return {"charge_batches_total": 1}


class SweepFound(Event, frozen=True, kw_only=True):
    """Charges that were not made from what the store holds are made again."""

    level: ClassVar[Level] = Level.WARNING
    days: int
    accounts: int

    def tally(self) -> Mapping[str, float]:
        """Days of accounts."""
        return {"charge_sweep_found_total": self.days}


class ChargingFailed(Event, frozen=True, kw_only=True):
    """A pass met an error of ours and is done again; everything else goes on."""

    level: ClassVar[Level] = Level.ERROR
    reason: str
    wait_s: float

    def tally(self) -> Mapping[str, float]:
        """One."""
        return {"charging_failed_total": 1}


class ChargingWaits(Event, frozen=True, kw_only=True):
    """The store did not do what a pass asked; the pass is done again."""

    level: ClassVar[Level] = Level.WARNING
    reason: str
    wait_s: float
