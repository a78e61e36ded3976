"""Which days of which accounts are charged again.

Rule 1: a month is charged day after day, so a changed day changes the days after it in its month,
and the months after it where energy or a fuel adjustment is carried on.
Rule 2: every day from an account's first terms on has its row, also one without reads: being
connected is charged for.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from meteringest.prepaid.worker.book import NEVER, NOBODY, Book
from meteringest.prepaid.worker.changes import NO_DAY, Changes
from meteringest.prepaid.worker.fuel_shares import adjusted_months
from meteringest.prepaid.worker.openings import charged_to
from meteringest.prepaid.worker.ports import Engine, Ints, distinct

FIRST_SHARE = 4
"""The first batch is a fourth of the others: it is loaded while nothing else can be done."""


class Plan(Struct, frozen=True):
    """Accounts of one offset, by their places, to be charged from `first` up to and with `until`.

    `last` is the last day that has a row or is to have one; `parked`: all before the first terms.
    """

    places: Ints
    first: Ints
    until: Ints
    last: Ints
    parked: bool = False

    def take(self, rows: Ints) -> "Plan":
        """Some of the accounts."""
        days = (self.first[rows], self.until[rows], self.last[rows])
        return Plan(self.places[rows], *days, self.parked)


class Share(Struct, frozen=True):
    """Accounts that are planned together."""

    places: Ints
    offset_min: int


def shared_out(changes: Changes, accounts_max: int) -> Iterator[Share]:
    """All that are to be charged, in the order in which their reads lie in the store."""
    book, places = changes.book, changes.places
    for offset_min in distinct(book.offset_min[places]).tolist():
        own = places[book.offset_min[places] == offset_min]
        month_of = months(changes.first[own])
        for month in distinct(month_of).tolist():
            some = own[month_of == month]
            some = some[np.argsort(book.lowest_meter[some], kind="stable")]
            for batch in _batches(some, accounts_max):
                yield Share(batch, offset_min)


def plans(engine: Engine, changes: Changes, share: Share, clock_s: int) -> list[Plan]:
    """Which of their days are to be charged: what is parked, and what has terms."""
    yesterday = (clock_s + share.offset_min * 60) // 86_400 - 1
    found = (
        _before(engine, changes, share.places),
        _planned(engine, changes, share.places, yesterday),
    )
    return [plan for plan in found if len(plan.places)]


def _batches(places: Ints, accounts_max: int) -> Iterator[Ints]:
    """Of at most `accounts_max`, the first one smaller."""
    size = max(1, accounts_max // FIRST_SHARE)
    while len(places):
        yield places[:size]
        places, size = places[size:], accounts_max


def months(days: Ints) -> Ints:
    """The months of days, counted on."""
    counted: Ints = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return counted


def month_ends(days: Ints) -> Ints:
    """The last day of each day's month."""
    following = (months(days) + 1).astype("datetime64[M]").astype("datetime64[D]")
    ends: Ints = following.astype(np.int64) - 1
    return ends


def _before(engine: Engine, changes: Changes, places: Ints) -> Plan:
    """Reads from before the first terms are parked: one row a day, however many come."""
    begin = changes.book.first_day[places]
    first, last = changes.read_first[places], np.minimum(changes.last[places], begin - 1)
    early = np.flatnonzero(first <= last)
    places, first, last = places[early], first[early], last[early]
    if not len(places):
        return Plan(places, first, last, last, parked=True)
    charged = charged_to(engine, changes.book.accounts[places], int(first.min()))
    first = np.where(charged == NOBODY, first, np.minimum(first, charged + 1))
    return Plan(places, first, last, last, parked=True).take(np.flatnonzero(charged < last))


def _planned(engine: Engine, changes: Changes, places: Ints, yesterday: int) -> Plan:
    book = changes.book
    accounts = book.accounts[places]
    begin = book.first_day[places]
    wanted, until = changes.first[places], changes.until[places]
    charged = charged_to(engine, accounts, max(int(wanted.min()) - 1, 0))
    charged = np.where(charged >= begin, charged, NOBODY)
    last = np.maximum(charged, changes.last[places])
    last = np.where(book.open_on(places, yesterday), np.maximum(last, yesterday), last)
    next_day = np.where(charged == NOBODY, begin, charged + 1)
    first = np.maximum(np.minimum(wanted, next_day), begin)
    until = np.where(until >= NEVER, last, month_ends(np.clip(until, 0, NEVER - 1)))
    until = np.where(charged < last, last, np.minimum(until, last))
    until = np.maximum(until, np.minimum(_fuel_until(book, first), last))
    rows = np.flatnonzero((first <= last) & (until > NO_DAY))
    return Plan(places, first, until, last).take(rows)


def _fuel_until(book: Book, first: Ints) -> Ints:
    """The last day on which an adjustment based on the month of `first` or later is charged."""
    until = np.full(len(first), NO_DAY, dtype=np.int64)
    for based, charged in adjusted_months(book.fuel_notices):
        until[first <= based] = np.maximum(until[first <= based], charged)
    return until
