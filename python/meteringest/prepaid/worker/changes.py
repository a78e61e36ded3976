"""What has changed since the cursors: of each account the first and the last local day concerned.

Rule 1: reads are found by position, so that a pass looks at what is new and not at what is old.
Rule 2: naming too many days costs work, naming too few costs money: in doubt a day is named.
Rule 3: a day that has ended is charged for everybody: who was read in it is asked of the others.
"""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from meteringest.prepaid.calendar import DAY_S, month_start
from meteringest.prepaid.fuel import FuelNotice
from meteringest.prepaid.ledger.rules import Rule, RuleKind, understood
from meteringest.prepaid.worker import cursors
from meteringest.prepaid.worker.book import NEVER, Book, day_number, local_days
from meteringest.prepaid.worker.ports import Engine, Ints, distinct, fetch, fetch_among
from meteringest.prepaid.worker.snapshot import Snapshot

REGISTERS = ("1.0.1.8.0.255", "1.0.2.8.0.255", "1.0.9.8.0.255")
"""Cumulative import and export in Wh, import in VAh."""
NO_DAY = -1


class Ended(Struct, frozen=True):
    """A stretch of days that are charged whatever was read in them, save for some meters' sake."""

    low_s: int
    high_s: int
    others: Ints


class Changes:
    """Days to charge again, by the accounts' places in the book.

    From `first` to `until` something may have changed; from `read_first` to `last` reads came.
    """

    def __init__(self, book: Book) -> None:
        """Nothing yet."""
        self.book = book
        self.first = np.full(len(book.accounts), NEVER, dtype=np.int64)
        self.until = np.full(len(book.accounts), NO_DAY, dtype=np.int64)
        self.read_first = self.first.copy()
        self.last = np.full(len(book.accounts), NO_DAY, dtype=np.int64)

    @property
    def places(self) -> Ints:
        """Accounts of which anything changed."""
        return np.flatnonzero(self.first < NEVER)

    def from_day(self, places: Ints, days: Ints | int) -> None:
        """Everything from a day on is in question; there need not be anything on it."""
        np.minimum.at(self.first, places, days)
        self.until[places] = NEVER

    def on_day(self, places: Ints, day: int) -> None:
        """That day is to be charged, whatever is there."""
        self.first[places] = np.minimum(self.first[places], day)
        self.read_first[places] = np.minimum(self.read_first[places], day)
        self.until[places] = np.maximum(self.until[places], day)
        self.last[places] = np.maximum(self.last[places], day)

    def reads(self, meter: Ints, low_s: Ints, high_s: Ints) -> None:
        """Reads of a meter begin between two instants; whose they are, the links say."""
        places, first, last = self._days(meter, low_s, high_s)
        np.minimum.at(self.first, places, first)
        np.minimum.at(self.read_first, places, first)
        np.maximum.at(self.until, places, last)
        np.maximum.at(self.last, places, last)

    def registers(self, meter: Ints, low_s: Ints, high_s: Ints) -> None:
        """Midnight registers close the day before them and open the day after."""
        places, first, until = self._days(meter, low_s - 1, high_s)
        np.minimum.at(self.first, places, first)
        np.maximum.at(self.until, places, until)

    def relinked(self, before: Book) -> None:
        """Accounts whose meters are other ones than in an earlier book."""
        for book, other in ((self.book, before), (before, self.book)):
            rows = _rows(book)
            stranger = ~np.isin(rows, _rows(other))
            accounts, from_s = rows["account"][stranger], rows["from_s"][stranger]
            places, known = self._places(accounts)
            self.from_day(places, local_days(from_s[known], self.book.offset_min[places]))

    def _places(self, accounts: NDArray[np.uint64]) -> tuple[Ints, NDArray[np.bool_]]:
        """Where those stand in the book that stand there, and which ones they are."""
        own = self.book.accounts
        places = np.searchsorted(own, accounts)
        known = places < len(own)
        known[known] = own[places[known]] == accounts[known]
        return places[known], known

    def accounts_from(self, accounts: NDArray[np.uint64], days: Ints) -> None:
        """Like from_day, by the accounts' numbers."""
        places, known = self._places(accounts)
        self.from_day(places, days[known])

    def _days(self, meter: Ints, low_s: Ints, high_s: Ints) -> tuple[Ints, Ints, Ints]:
        links, by_meter = self.book.links, self.book.links_by_meter
        sorted_meters = links.meter[by_meter]
        begin = np.searchsorted(sorted_meters, meter, side="left")
        count = np.searchsorted(sorted_meters, meter, side="right") - begin
        row = np.repeat(np.arange(len(meter)), count)
        within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        link = by_meter[begin[row] + within]
        low = np.maximum(low_s[row], links.from_s[link])
        high = np.minimum(high_s[row], links.to_s[link] - 1)
        ours = low <= high
        places = links.account[link[ours]]
        offset = self.book.offset_min[places]
        return places, local_days(low[ours], offset), local_days(high[ours], offset)


def find(engine: Engine, changes: Changes, done: Mapping[str, int], snapshot: Snapshot) -> None:
    """Fills `changes` with everything between the cursors and the snapshot."""
    since = done.get(cursors.RULES, 0)
    if (since, done.get(cursors.ENTERED, 0)) != (snapshot.rules, snapshot.entered):
        # From the last version on, not after it: more of it may have come in since.
        _terms_and_links(engine, changes, since)
        for rule in changes.book.rules.rows:
            if rule.ver >= since:
                _rule(changes, rule)
    ended = None
    if done.get(cursors.DAYS, 0) < snapshot.clock_s:
        ended = _ended_days(changes, done.get(cursors.DAYS, 0), snapshot.clock_s)
    ranges = [
        f"(ver >= {done.get(f'{cursors.NODE}{node}', 0)} AND ver < {stored})"
        for node, stored in snapshot.nodes.items()
        if done.get(f"{cursors.NODE}{node}", 0) < stored
    ]
    if ranges:
        _reads(engine, changes, f"({' OR '.join(ranges)})", ended)
        _registers(engine, changes, f"({' OR '.join(ranges)})")


def _reads(engine: Engine, changes: Changes, where: str, ended: Ended | None) -> None:
    if ended is not None:
        within = (
            f"interval_start >= toDateTime({ended.low_s}, 'UTC') "
            f"AND interval_start < toDateTime({ended.high_s}, 'UTC')"
        )
        sql = _READS.format(where=f"{where} AND {within} AND {{among}}")
        changes.reads(*_columns(fetch_among(engine, sql, _SPAN, "meter", ended.others)))
        where = f"{where} AND NOT ({within})"
    changes.reads(*_columns(fetch(engine, _READS.format(where=where), _SPAN)))


def _registers(engine: Engine, changes: Changes, where: str) -> None:
    names = ", ".join(f"'{name}'" for name in REGISTERS)
    found = fetch(engine, _REGISTERS.format(where=where, names=names), _SPAN)
    changes.registers(*_columns(found))


def _columns(found: NDArray[np.void]) -> tuple[Ints, Ints, Ints]:
    return (
        found["meter"].astype(np.int64),
        found["low_s"].astype(np.int64),
        found["high_s"].astype(np.int64),
    )


def _terms_and_links(engine: Engine, changes: Changes, since: int) -> None:
    """Also the registry's account: a meter's first own link takes it away from there."""
    found = fetch(engine, _CHANGED.format(since=since), (("account", "<u8"), ("day", "<i4")))
    changes.accounts_from(found["account"], found["day"].astype(np.int64))


def _rule(changes: Changes, rule: Rule) -> None:
    """Every account on a tariff that the rule is about, from the rule's first day on."""
    rules, first = changes.book.rules, day_number(rule.effective_from)
    names: set[str] = set()
    match rule.kind:
        case RuleKind.TARIFF:
            names = {rule.name}
        case RuleKind.CALENDAR:
            names = {each.name for each in rules.tariffs if each.calendar == rule.name}
        case RuleKind.FUEL:
            notice = understood(rule)
            if isinstance(notice, FuelNotice):
                names, first = set(notice.tariffs), day_number(month_start(notice.charge_month))
        case RuleKind.POLICY:
            return
    book = changes.book
    numbers = [number for number, name in enumerate(book.tariffs) if name in names]
    on_it = np.flatnonzero(np.isin(book.terms.tariff, numbers))
    changes.from_day(book.terms.account[on_it], np.maximum(book.terms.day[on_it], first))


def _ended_days(changes: Changes, before_s: int, now_s: int) -> Ended | None:
    """The days that had not ended when the cursor stood at `before_s`."""
    book = changes.book
    places = np.flatnonzero(book.first_day < NEVER)
    offset = book.offset_min[places]
    today = local_days(np.full(len(places), now_s), offset)
    first = local_days(np.full(len(places), before_s), offset) if before_s else today - 1
    begun = book.first_day[places] < today
    changes.from_day(places[begun], first[begun])
    # All of these days, and only these, are charged anyway while the account lasts.
    whole = (book.first_day[places] <= first) & book.open_on(places, today - 1)
    if not whole.any():
        return None
    others = np.ones(len(book.accounts), dtype=bool)
    others[places[whole]] = False
    return Ended(
        int((first * DAY_S - offset * 60)[whole].max()),
        int((today * DAY_S - offset * 60)[whole].min()),
        distinct(book.links.meter[others[book.links.account]]),
    )


def _rows(book: Book) -> NDArray[np.void]:
    """Links as comparable rows."""
    links = book.links
    rows = np.empty(len(links.meter), dtype=[(name, "<i8") for name in _LINK_WORDS])
    rows["account"] = book.accounts[links.account]
    for name in _LINK_WORDS[1:]:
        rows[name] = getattr(links, name)
    return rows


_LINK_WORDS = ("account", "meter", "from_s", "to_s", "multiplier_ppm")
_SPAN = (("meter", "<u4"), ("low_s", "<u4"), ("high_s", "<u4"))
_READS = """
SELECT meter, toUInt32(min(interval_start)), toUInt32(max(interval_start))
FROM m.reads WHERE {where} GROUP BY meter"""
_REGISTERS = """
SELECT meter, toUInt32(min(at)), toUInt32(max(at))
FROM m.registers
WHERE {where} AND profile = 'daily' AND obis IN ({names}) AND attribute = 2 GROUP BY meter"""
_CHANGED = """
SELECT account, toInt32(toUInt16(effective_from)) FROM m.account_terms WHERE ver >= {since}
UNION ALL
SELECT account, toInt32(intDiv(toUInt32(from_time), 86400) - 1) FROM m.account_meters
WHERE ver >= {since}
UNION ALL
SELECT account, toInt32(0) FROM m.meters FINAL
WHERE account != 0 AND meter IN (SELECT meter FROM m.account_meters WHERE ver >= {since})"""
