"""Accounts that are charged together: what they need is loaded, then day after day is charged.

Rule 1: nothing is loaded in one go but a bounded number of days of accounts.
Rule 2: loading asks the store only; so the next ones may be loaded while this one is charged.
"""

import numpy as np
from msgspec import Struct

from meteringest.prepaid.calendar import DAY_S
from meteringest.prepaid.tariff import Tariff
from meteringest.prepaid.worker.book import Book, start_s
from meteringest.prepaid.worker.charging import Charging, Day
from meteringest.prepaid.worker.figures import Seen
from meteringest.prepaid.worker.midnight import load_midnights
from meteringest.prepaid.worker.plan import Plan
from meteringest.prepaid.worker.ports import Engine, distinct
from meteringest.prepaid.worker.sums import load_sums

Days = tuple[int, int]


class Until(Struct, frozen=True):
    """How far time has come for a batch, and how much it may load at once."""

    clock_s: int
    offset_min: int
    rows_max: int


class Batch:
    """The states and the first days are loaded here, the others by `charge`."""

    def __init__(
        self, engine: Engine, book: Book, plan: Plan, charging: Charging, until: Until
    ) -> None:
        """`charging` is of the same plan."""
        self.plan = plan
        self.charging = charging
        self._engine = engine
        self._until = until
        # What has no price is not summed up.
        self._meters = charging.meters()[: 0 if plan.parked else None]
        self._tariffs = _tariffs(book, plan)
        self._span = max(1, until.rows_max // max(len(self._meters), len(plan.places), 1))
        self._block = self._from(charging.days[0])
        self._seen = self._load(self._block)

    def charge(self) -> int:
        """Every day; returns how many days of accounts there were."""
        charged = 0
        while True:
            for day in range(*self._block):
                over = start_s(day + 1, self._until.offset_min) <= self._until.clock_s
                charged += self.charging.charge(Day(day, over, self._seen))
            if self._block[1] >= self.charging.days[1]:
                return charged
            self._block = self._from(self._block[1])
            self._seen = self._load(self._block)

    def _from(self, day: int) -> Days:
        return (day, min(day + self._span, self.charging.days[1]))

    def _load(self, block: Days) -> Seen:
        offset_min = self._until.offset_min
        today = (self._until.clock_s + offset_min * 60) // DAY_S
        # A day is settled when it is over, so later midnights are not asked for.
        settled = (block[0], min(block[1], max(today, block[0])))
        return Seen(
            load_sums(self._engine, self._meters, block, offset_min, self._tariffs),
            load_midnights(self._engine, self._meters, settled, offset_min),
        )


def _tariffs(book: Book, plan: Plan) -> list[Tariff]:
    """Every version of the tariffs that the accounts have ever been on."""
    codes = distinct(book.terms.tariff[np.isin(book.terms.account, plan.places)])
    names = {book.tariffs[code] for code in codes.tolist()}
    return [each for each in book.rules.tariffs if each.name in names]
