"""What a world's accounts are to be charged: the slow model, held against what has arrived."""

import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from fractions import Fraction
from multiprocessing import get_context

from msgspec import Struct
from tests.property.slow_model import SlowDay, SlowRead, judge, money, nearest, understood
from tests.store.worker_world import DAY_S, FUEL, IST_S, Account, Link, midnight

HOLIDAYS = {
    date(year, month, day) for year in (2026, 2027) for month, day in ((1, 26), (8, 15), (10, 2))
}
Charges = dict[tuple[date, str], int]


class Truth(Struct):
    """Of one world."""

    tariffs: list[tuple[int, str]]
    days: list[date]

    def everybodys(
        self, asked: list[tuple[Account, list[SlowRead]]]
    ) -> Iterator[tuple[Account, Charges]]:
        """Of many accounts with what arrived from their meters, by all cores."""
        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
            found = pool.map(self.charges, *zip(*asked, strict=True), chunksize=8)
            for (account, _), charges in zip(asked, found, strict=True):
                yield account, charges

    def charges(self, account: Account, arrived: list[SlowRead]) -> Charges:
        """Of the reads as they arrived (`ver` tells the order)."""
        begin = account.terms[0].day
        newest: dict[date, list[SlowRead]] = defaultdict(list)
        for read in arrived:
            newest[date(1970, 1, 1) + timedelta(seconds=read.start_s + IST_S)].append(read)
        days = [self._slow_day(account, day, newest[day]) for day in self.days if day >= begin]
        april = [day for day in days if day.day < date(2026, 5, 1)]
        base = sum(v for (_, name), v in judge(april).items() if name == "energy") if april else 0
        for day in days:
            named = understood(day.text)["name"]
            if day.day.replace(day=1) == date(2026, 6, 1) and f'"{named}"' in FUEL:
                day.fuel = [
                    nearest(Fraction(base) * Fraction("-14.5") / 100, money("0.01"), "half-up")
                ]
        return judge(days)

    def version(self, name: str, day: date) -> str:
        """The text in force."""
        begun = []
        for at, (_, text) in enumerate(self.tariffs):
            head = understood(text)
            if head["name"] == name and head["effective_from"] <= day:
                begun.append((head["effective_from"], head.get("revision", 0), at, text))
        return max(begun)[-1]

    def _slow_day(self, account: Account, day: date, reads: list[SlowRead]) -> SlowDay:
        terms = account.terms_on(day)
        low, high = midnight(day), midnight(day) + DAY_S
        held = [link for link in account.links if link.from_s < high and link.to_s > low]
        return SlowDay(
            day=day,
            text=self.version(terms.tariff, day),
            payment=terms.payment,
            load_kw=Fraction(terms.load_w, 1_000),
            multipliers={link.meter: Fraction(link.multiplier_ppm, 1_000_000) for link in held},
            reads=[
                read
                for read in reads
                for link in held
                if link.meter == read.meter
                and link.from_s <= read.start_s
                and read.start_s + read.interval_s <= link.to_s
            ],
            registers=_deltas(account, held, low, high),
            fuel=[],
            holidays=HOLIDAYS,
        )


def _deltas(
    account: Account, held: list[Link], low: int, high: int
) -> dict[int, tuple[int, int, int]]:
    found = {}
    for link in held:
        ends = [account.registers.get((link.meter, at_s)) for at_s in (low, high)]
        if link.from_s <= low and link.to_s >= high and ends[0] and ends[1]:
            wh, vah, exp = (b - a for a, b in zip(*ends, strict=True))
            found[link.meter] = (wh, vah, exp)
    return found
