"""A day of many accounts as figures: what their meters' reads and registers come to.

Rule 1: what sums cannot say (a meter that changed hands during the day, intervals off their grid, a
register that ran backwards, fractions of a Wh) marks the account odd: it is charged read by read.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from meteringest.prepaid.bulk_state import FITS
from meteringest.prepaid.metered import HOUR_S
from meteringest.prepaid.money import PPM, UWH_PER_WH
from meteringest.prepaid.time_of_day import Band
from meteringest.prepaid.worker.book import Book, start_s
from meteringest.prepaid.worker.midnight import Midnights
from meteringest.prepaid.worker.ports import Ints
from meteringest.prepaid.worker.sums import (
    COUNTS,
    DAY_MIN,
    Channels,
    Sums,
    counts,
    interval_s,
    of,
    straddled,
)

Bools = NDArray[np.bool_]
HELD = ("suspect", "rejected", "missing")
REASONS = ("quality_suspect", "quality_rejected", "channel_missing")


class Seen(Struct, frozen=True):
    """What was loaded of some days for all meters of a batch."""

    sums: Sums
    midnights: Midnights


class Serving(Struct, frozen=True):
    """The links that serve some accounts on a day: `owner` counts within those accounts."""

    link: Ints
    owner: Ints
    whole: Bools


class Figures:
    """One row per account."""

    def __init__(self, rows: int, bands: int) -> None:
        """Nothing was read."""
        self.rows = rows
        self.odd: Bools = np.zeros(rows, dtype=bool)
        self.bands: list[Ints] = [self._zeros() for _ in range(max(bands, 1))]
        self.counts = {name: self._zeros() for name in COUNTS}
        self.newest, self.up_to, self.demand_w, self.demand_va = (self._zeros() for _ in range(4))
        self.export, self.settlement, self.settlement_export = (self._zeros() for _ in range(3))

    def _zeros(self) -> Ints:
        return np.zeros(self.rows, dtype=np.int64)


def serving(book: Book, places: Ints, day: int, offset_min: int) -> Serving:
    """All links of `places` that hold some of the day."""
    links = book.links
    link, owner = book.links_of(places)
    low, high = start_s(day, offset_min), start_s(day + 1, offset_min)
    there = (links.from_s[link] < high) & (links.to_s[link] > low)
    link, owner = link[there], owner[there]
    return Serving(link, owner, (links.from_s[link] <= low) & (links.to_s[link] >= high))


class Gathering:
    """The figures of accounts with the same channels on one day in the making."""

    def __init__(self, book: Book, seen: Seen, served: Serving, channels: Channels) -> None:
        """Looks up every link's row."""
        self._seen = seen
        self._channels = channels
        self._served = served
        self._meter = book.links.meter[served.link]
        self._multiplier = book.links.multiplier_ppm[served.link]
        self._plain = bool(np.all(self._multiplier == PPM))
        self._charged: Ints | None = None

    def figures(self, rows: int, day: int, bands: Sequence[Band] | None) -> Figures:
        """Of the day's reads; without bands nothing that has a price."""
        sums, served = self._seen.sums, self._served
        found = Figures(rows, len(bands or ()))
        np.logical_or.at(found.odd, served.owner, ~served.whole)
        self._rows, self._there = sums.find(self._meter, day)
        owner = served.owner[self._there]
        counted = counts(self._rows)
        for name in COUNTS:
            np.add.at(found.counts[name], owner, counted[name])
        np.maximum.at(found.newest, owner, self._of("newest"))
        np.maximum.at(found.up_to, owner, self._of("up_to"))
        if bands is None:
            return found
        lengths_s = interval_s(self._rows)
        edges = {edge % DAY_MIN for band in bands for edge in (band.from_min, band.to_min)}
        odd = (lengths_s == 0) | straddled(sorted(edges), lengths_s)
        if self._channels.bits != sums.bits:
            odd |= counted["missing"] > 0
        np.logical_or.at(found.odd, owner, odd)
        for name, column in (("demand_w", found.demand_w), ("demand_va", found.demand_va)):
            highest = self._behind(found, self._of(name), HOUR_S) // np.maximum(lengths_s, 1)
            np.maximum.at(column, owner, highest)
        self._energy(found, bands)
        return found

    def settle(self, found: Figures, day: int, offset_min: int) -> None:
        """Adds what midnight registers say beyond the reads."""
        served, midnights = self._served, self._seen.midnights
        (opening, opened), (closing, closed) = (
            midnights.find(self._meter, start_s(each, offset_min)) for each in (day, day + 1)
        )
        for at, there in ((opening, opened), (closing, closed)):
            newest = midnights.rows["newest"][at[there]].astype(np.int64)
            np.maximum.at(found.newest, served.owner[there], newest)
        if self._charged is None:
            return
        both = opened & closed & served.whole
        billed = "vah" if self._channels.apparent else "wh"
        for name in (billed, *(("exp_wh",) if self._channels.exports else ())):
            for at in (opening, closing):
                both[both] &= midnights.rows[f"has_{name}"][at[both]] != 0
        if not both.any():
            return
        ends = (both, opening[both], closing[both])
        self._difference(found, found.settlement, billed, self._charged, ends)
        if self._channels.exports:
            self._difference(found, found.settlement_export, "exp_wh", self._exported, ends)

    def _difference(
        self,
        found: Figures,
        column: Ints,
        name: str,
        charged: Ints,
        ends: tuple[Bools, Ints, Ints],
    ) -> None:
        both, opening, closing = ends
        rows, owner = self._seen.midnights.rows, self._served.owner[both]
        delta = rows[name][closing] - rows[name][opening]
        np.logical_or.at(found.odd, owner, delta < 0)
        by_link = np.zeros(len(both), dtype=np.int64)
        by_link[self._there] = charged
        behind = self._scaled(found, np.maximum(delta, 0), (self._multiplier[both], owner), 1)
        np.add.at(column, owner, behind - by_link[both])

    def _energy(self, found: Figures, bands: Sequence[Band]) -> None:
        sums, owner = self._seen.sums, self._served.owner[self._there]
        stretches = [
            self._behind(found, self._of(f"{'vah' if self._channels.apparent else 'wh'}{number}"))
            for number in range(len(sums.cuts.minutes))
        ]
        self._charged = charged = np.sum(np.stack(stretches), axis=0)
        for number, band in enumerate(bands):
            for stretch in sums.cuts.within(band):
                np.add.at(found.bands[number], owner, stretches[stretch])
        if not bands:
            np.add.at(found.bands[0], owner, charged)
        if self._channels.exports:
            self._exported = self._behind(found, self._of("export"))
            np.add.at(found.export, owner, self._exported)

    def _of(self, name: str) -> Ints:
        return of(self._rows, name)

    def _behind(self, found: Figures, column: Ints, factor: int = 1) -> Ints:
        """Behind the transformers."""
        places = (self._multiplier[self._there], self._served.owner[self._there])
        return self._scaled(found, column, places, factor)

    def _scaled(self, found: Figures, column: Ints, places: tuple[Ints, Ints], factor: int) -> Ints:
        """Times multiplier and factor, whole or odd; only demand (with a factor) is cut off."""
        if self._plain:
            return column * factor
        multiplier, owner = places
        large = column > FITS // np.maximum(multiplier * factor, 1)
        exact = np.where(large, 0, column) * multiplier * factor
        np.logical_or.at(found.odd, owner, large | (exact % UWH_PER_WH != 0))
        whole: Ints = exact // UWH_PER_WH
        return whole
