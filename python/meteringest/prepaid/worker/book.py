"""Accounts in columns: terms by local day, meters by instant; one load for a pass.

Rule 1: an account's place in the book is its index in `accounts`, which is sorted.
Rule 2: days are counted from 1970-01-01, as a Date column counts them.
"""

from collections.abc import Sequence
from datetime import date
from functools import cached_property

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from meteringest.prepaid.calendar import IST_OFFSET_MIN
from meteringest.prepaid.fuel import FuelNotice
from meteringest.prepaid.ledger.rules import RuleKind, Rules, understood
from meteringest.prepaid.worker.ports import Engine, Ints, fetch
from meteringest.prepaid.worker.shards import SHARDS

DAY_ZERO = date(1970, 1, 1).toordinal()
NEVER = 1 << 30
"""Later than any day."""
NOBODY = -1
PAYMENTS = ("prepaid", "postpaid")


class Terms(Struct, frozen=True):
    """Rows sorted by (account, first day)."""

    account: Ints
    day: Ints
    postpaid: NDArray[np.bool_]
    tariff: Ints
    load_w: Ints
    closed: NDArray[np.bool_]


class Links(Struct, frozen=True):
    """Rows sorted by (account, meter, from)."""

    account: Ints
    meter: Ints
    from_s: Ints
    to_s: Ints
    multiplier_ppm: Ints


class Book:
    """What the accounts of some shards are charged by."""

    def __init__(
        self, rules: Rules, tariffs: Sequence[str], terms: NDArray[np.void], links: NDArray[np.void]
    ) -> None:
        """`terms` and `links` in the order of their account numbers."""
        self.rules = rules
        self.tariffs = tuple(tariffs)
        self.accounts = np.union1d(terms["account"], links["account"])
        self.terms = Terms(
            np.searchsorted(self.accounts, terms["account"]),
            terms["day"].astype(np.int64),
            terms["postpaid"].astype(bool),
            terms["tariff"].astype(np.int64),
            terms["load_w"].astype(np.int64),
            terms["closed"].astype(bool),
        )
        self.links = Links(
            np.searchsorted(self.accounts, links["account"]),
            links["meter"].astype(np.int64),
            links["from_s"].astype(np.int64),
            links["to_s"].astype(np.int64),
            links["multiplier_ppm"].astype(np.int64),
        )

    def terms_on(self, places: Ints, day: Ints | int) -> Ints:
        """Of each account the row of its terms on that day, or NOBODY."""
        first, rows = self._terms_from[places], self._terms_from[places + 1] - 1
        days = np.broadcast_to(day, places.shape)
        later = rows >= first
        while later.any():
            later[later] = self.terms.day[rows[later]] > days[later]
            rows -= later
            later &= rows >= first
        return np.where(rows >= first, rows, NOBODY)

    def open_on(self, places: Ints, day: Ints | int) -> NDArray[np.bool_]:
        """Whether each account has terms on the day and is not closed."""
        rows = self.terms_on(places, day)
        begun: NDArray[np.bool_] = rows != NOBODY
        begun[begun] = ~self.terms.closed[rows[begun]]
        return begun

    def links_of(self, places: Ints) -> tuple[Ints, Ints]:
        """Rows of all links of `places`, and whose each is, counted within them."""
        first = self._links_from[places]
        count = self._links_from[places + 1] - first
        owner = np.repeat(np.arange(len(places)), count)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        return first[owner] + within, owner

    @cached_property
    def _terms_from(self) -> Ints:
        """Where each account's terms begin, and behind them all the end."""
        return np.searchsorted(self.terms.account, np.arange(len(self.accounts) + 1))

    @cached_property
    def _links_from(self) -> Ints:
        return np.searchsorted(self.links.account, np.arange(len(self.accounts) + 1))

    @cached_property
    def first_day(self) -> Ints:
        """The first day of each account's first terms; NEVER without any."""
        found = np.full(len(self.accounts), NEVER, dtype=np.int64)
        np.minimum.at(found, self.terms.account, self.terms.day)
        return found

    @cached_property
    def fuel_notices(self) -> list[FuelNotice]:
        """Every notice there is, replaced ones too."""
        found = [understood(row) for row in self.rules.rows if row.kind is RuleKind.FUEL]
        return [each for each in found if isinstance(each, FuelNotice)]

    @cached_property
    def links_by_meter(self) -> Ints:
        """Rows of `links` in the order of their meters."""
        return np.argsort(self.links.meter, kind="stable")

    @cached_property
    def lowest_meter(self) -> Ints:
        """Of each account, so that accounts can be taken in the order in which reads lie."""
        found = np.full(len(self.accounts), 1 << 33, dtype=np.int64)
        np.minimum.at(found, self.links.account, self.links.meter)
        return found

    @cached_property
    def offset_min(self) -> Ints:
        """Of each account what its local day is: that of its last tariff."""
        by_tariff = [self._offset_of(name) for name in self.tariffs]
        found = np.full(len(self.accounts), IST_OFFSET_MIN, dtype=np.int64)
        if by_tariff:
            found[self.terms.account] = np.array(by_tariff)[self.terms.tariff]
        return found

    def _offset_of(self, name: str) -> int:
        versions = [each.offset_min for each in self.rules.tariffs if each.name == name]
        return versions[-1] if versions else IST_OFFSET_MIN


def load_book(engine: Engine, rules: Rules, shards: Sequence[int]) -> Book:
    """The accounts of `shards` as they stand."""
    own = f"account % {SHARDS} IN ({', '.join(map(str, shards))})"
    names = [str(row[0]) for row in engine.ask(_NAMES).rows]
    quoted = ", ".join(_quoted(name) for name in names) or "''"
    terms = fetch(engine, _TERMS.format(own=own, names=quoted), _TERMS_FIELDS)
    links = fetch(engine, _LINKS.format(own=own), _LINKS_FIELDS)
    return Book(rules, names, terms, links)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - DAY_ZERO


def date_of(number: int) -> date:
    """The date of a day's number."""
    return date.fromordinal(number + DAY_ZERO)


def start_s(day: int, offset_min: int) -> int:
    """The instant at which the local day begins."""
    return day * 86_400 - offset_min * 60


def local_days(at_s: Ints, offset_min: Ints | int) -> Ints:
    """The local days of instants."""
    days: Ints = (at_s + np.asarray(offset_min) * 60) // 86_400
    return days


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_NAMES = "SELECT DISTINCT tariff FROM m.account_terms ORDER BY tariff"
_TERMS = """
SELECT account, toUInt32(toUInt16(effective_from)), payment = 'postpaid',
    toUInt16(indexOf([{names}], tariff) - 1), load_w, closed
FROM m.account_terms_v WHERE {own} ORDER BY account, effective_from"""
_TERMS_FIELDS = (
    ("account", "<u8"),
    ("day", "<u4"),
    ("postpaid", "u1"),
    ("tariff", "<u2"),
    ("load_w", "<u4"),
    ("closed", "u1"),
)
_LINKS = """
SELECT account, meter, toUInt32(from_time), toUInt32(to_time), multiplier_ppm
FROM m.account_links_v WHERE {own} ORDER BY account, meter, from_time"""
_LINKS_FIELDS = (
    ("account", "<u8"),
    ("meter", "<u4"),
    ("from_s", "<u4"),
    ("to_s", "<u4"),
    ("multiplier_ppm", "<u8"),
)
