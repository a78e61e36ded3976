"""Finds what cursors could miss: charges that were not made from what the store holds now.

Rule 1: state against state: of every day the newest position of its reads and registers, against
the one its charge was made from. No cursor, no watermark and no order of commits has a say in it.
"""

from collections.abc import Callable
from datetime import date

import numpy as np
from numpy.typing import NDArray

from meteringest.prepaid.calendar import DAY_S
from meteringest.prepaid.worker.book import Book, day_number, start_s
from meteringest.prepaid.worker.changes import Changes
from meteringest.prepaid.worker.figures import Gathering, Seen, serving
from meteringest.prepaid.worker.happenings import SweepFound
from meteringest.prepaid.worker.midnight import load_midnights
from meteringest.prepaid.worker.ports import Engine, Ints, fetch_among
from meteringest.prepaid.worker.snapshot import Snapshot
from meteringest.prepaid.worker.sums import PLAIN, load_sums


def _always() -> None:
    """Nobody wants it to give up."""


class Sweep:
    """Widens a pass by every stale day of the last `days`, today included."""

    def __init__(
        self,
        engine: Engine,
        days: int,
        accounts_max: int,
        told: Callable[[SweepFound], None],
        going_on: Callable[[], None] = _always,
    ) -> None:
        """`told` hears of what was found, when anything was; `going_on` raises to give up."""
        self._engine = engine
        self._days = days
        self._accounts_max = accounts_max
        self._told = told
        self._going_on = going_on
        self.found = 0

    def __call__(self, changes: Changes, snapshot: Snapshot) -> None:
        """Names the stale days to be charged."""
        book, stale = changes.book, set[int]()
        for offset_min in np.unique(book.offset_min).tolist():
            own = np.flatnonzero(book.offset_min == offset_min)
            own = own[np.argsort(book.lowest_meter[own], kind="stable")]
            today = (snapshot.clock_s + offset_min * 60) // DAY_S
            for at in range(0, len(own), self._accounts_max):
                places = own[at : at + self._accounts_max]
                # Before the first terms nothing is charged, so nothing can be wrong.
                first = max(today - self._days, int(book.first_day[places].min()))
                for day in range(first, today + 1):
                    self._going_on()
                    found = self._stale(book, places, day, offset_min, snapshot.clock_s)
                    changes.on_day(found, day)
                    stale.update(found.tolist())
                    self.found += len(found)
        if stale:
            self._told(SweepFound(days=self.found, accounts=len(stale)))

    def _stale(self, book: Book, places: Ints, day: int, offset_min: int, clock_s: int) -> Ints:
        links = book.links
        meters = np.unique(links.meter[np.isin(links.account, places)])
        over = start_s(day + 1, offset_min) <= clock_s
        seen = Seen(
            load_sums(self._engine, meters, (day, day + 1), offset_min, ()),
            load_midnights(self._engine, meters, (day, day + int(over)), offset_min),
        )
        gathering = Gathering(book, seen, serving(book, places, day, offset_min), PLAIN)
        figures = gathering.figures(len(places), day, None)
        if over:
            gathering.settle(figures, day, offset_min)
        made_from = self._made_from(book.accounts[places], day)
        priced = book.first_day[places] <= day
        due = priced & over & book.open_on(places, day) & (made_from < 0)
        wrong = priced & (made_from >= 0) & (made_from != figures.newest)
        unseen = priced & (made_from < 0) & (figures.newest > 0)
        stale: Ints = places[due | wrong | unseen]
        return stale

    def _made_from(self, accounts: NDArray[np.uint64], day: int) -> Ints:
        """-1 where there is no charge."""
        found = np.full(len(accounts), -1, dtype=np.int64)
        rows = fetch_among(
            self._engine,
            _MADE_FROM.replace("{day}", str(day)),
            (("account", "<u8"), ("made_from", "<u8")),
            "account",
            accounts,
        )
        order = np.argsort(accounts)
        at = np.minimum(np.searchsorted(accounts, rows["account"], sorter=order), len(order) - 1)
        own = accounts[order[at]] == rows["account"]
        found[order[at[own]]] = rows["made_from"][own].astype(np.int64)
        return found


class Recompute:
    """Widens a pass by everything of some accounts from a day on; of all when none are named."""

    def __init__(self, accounts: tuple[int, ...], first: date) -> None:
        """Nothing is charged before an account's first terms."""
        self._accounts = np.array(accounts, dtype=np.uint64)
        self._first = day_number(first)

    def __call__(self, changes: Changes, snapshot: Snapshot) -> None:
        """Names them."""
        del snapshot
        accounts = self._accounts if len(self._accounts) else changes.book.accounts
        days = np.full(len(accounts), self._first, dtype=np.int64)
        changes.accounts_from(accounts, days)


_MADE_FROM = """
SELECT account, made_from FROM m.charge_days FINAL
WHERE day = toDate(toUInt16({day})) AND {among}"""
