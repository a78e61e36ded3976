"""An account's statement: opening, every entry, every day's charges, every correction, closing.

Rule 1: a day's charges are those it was first charged with once it was over (of a day that is not,
those so far) and stand on that day; every later version is a correction, a signed difference that
stands on the day it was found. What was printed before thus stays as it was printed.
Rule 2: opening + lines = closing, in every book, to the last micro-unit; the closing of a statement
up to today is the balance.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

import msgspec
from msgspec import Struct

from meteringest.prepaid.calendar import local_day
from meteringest.prepaid.ledger.entries import Book, Entry

CHARGES, CORRECTION = "charges", "correction"
Sums = Mapping[str, int]


class ChargeVersion(Struct, frozen=True, kw_only=True):
    """A row of m.charge_days or m.charge_history, its lines summed up by component."""

    day: date
    book: Book
    tariff: str
    components: Sums
    energy_uwh: int = 0
    reads: int = 0
    estimated: int = 0
    held: tuple[str, ...] = ()
    over: bool
    at_ms: int
    ver: int


class StatementLine(Struct, frozen=True, kw_only=True):
    """One movement of one book, in favour of the consumer if positive."""

    day: date
    book: Book
    kind: str
    amount: int
    what: str = ""
    reference: str = ""
    of_day: date
    """Of charges and corrections the day they are for; else `day`."""
    components: Sums = {}
    energy_uwh: int = 0


class Statement(Struct, frozen=True, kw_only=True):
    """Of the local days from `first` to `last`."""

    account: int
    first: date
    last: date
    opening: Mapping[Book, int]
    lines: tuple[StatementLine, ...]
    closing: Mapping[Book, int]
    held: Mapping[date, tuple[str, ...]]
    """Days in it of which something could not be charged."""
    known: bool = True
    """Whether there is such an account at all."""


def statement(
    account: int,
    span: tuple[date, date],
    entries: Iterable[Entry],
    versions: Iterable[ChargeVersion],
    offset_min: int,
) -> Statement:
    """`versions` may hold every version of every day, or those of ended days and the newest."""
    by_day: dict[date, list[ChargeVersion]] = {}
    for each in versions:
        by_day.setdefault(each.day, []).append(each)
    lines = [_of_entry(each, offset_min) for each in sorted(entries, key=_entered)]
    for of_day in by_day.values():
        lines += _of_day(sorted(of_day, key=_ver), offset_min)
    lines.sort(key=_place)
    first, last = span
    newest = {day: max(of_day, key=_ver) for day, of_day in by_day.items()}
    return Statement(
        account=account,
        first=first,
        last=last,
        opening=sums(each for each in lines if each.day < first),
        lines=tuple(each for each in lines if first <= each.day <= last),
        closing=sums(each for each in lines if each.day <= last),
        held={
            day: each.held
            for day, each in sorted(newest.items())
            if first <= day <= last and each.held
        },
    )


def sums(lines: Iterable[StatementLine]) -> dict[Book, int]:
    """What lines come to, in every book."""
    found = dict.fromkeys(Book, 0)
    for each in lines:
        found[each.book] += each.amount
    return found


def _ver(version: ChargeVersion) -> int:
    return version.ver


def _entered(entry: Entry) -> tuple[int, int, str]:
    return entry.paid_at, entry.ver, entry.id


def _place(line: StatementLine) -> tuple[date, bool, date]:
    """Money that came in before the charges of the same day."""
    return line.day, line.kind in {CHARGES, CORRECTION}, line.of_day


def _of_entry(entry: Entry, offset_min: int) -> StatementLine:
    day = local_day(entry.paid_at // 1_000, offset_min)
    return StatementLine(
        day=day,
        book=entry.book,
        kind=entry.kind,
        amount=entry.amount,
        what=entry.reason,
        reference=f"{entry.origin} {entry.reference}",
        of_day=day,
    )


def _of_day(versions: Sequence[ChargeVersion], offset_min: int) -> Iterator[StatementLine]:
    """The charges the day ended with, then every difference; the newest always counts."""
    ended = [each for each in versions if each.over]
    counted = ended if versions[-1].over else [*ended, versions[-1]]
    before: ChargeVersion | None = None
    for each in counted:
        found = each.day if before is None else local_day(each.at_ms // 1_000, offset_min)
        yield from _between(before, each, max(found, each.day))
        before = each


def _between(
    before: ChargeVersion | None, now: ChargeVersion, found: date
) -> Iterator[StatementLine]:
    if before is None:
        yield _line(CHARGES, now, now.book, now.components, found)
        return
    if before.book is not now.book:
        gone = {name: -amount for name, amount in before.components.items()}
        yield _line(CORRECTION, before, before.book, gone, found)
        before = msgspec.structs.replace(before, book=now.book, components={}, energy_uwh=0)
    names = dict.fromkeys([*before.components, *now.components])
    differences = {
        name: now.components.get(name, 0) - before.components.get(name, 0) for name in names
    }
    moved = {name: amount for name, amount in differences.items() if amount}
    energy = now.energy_uwh - before.energy_uwh
    if moved or energy:
        changed = msgspec.structs.replace(now, energy_uwh=energy)
        yield _line(CORRECTION, changed, now.book, moved, found)


def _line(
    kind: str, version: ChargeVersion, book: Book, components: Sums, found: date
) -> StatementLine:
    return StatementLine(
        day=found,
        book=book,
        kind=kind,
        amount=-sum(components.values()),
        what=f"{version.estimated} of {version.reads} estimated" if version.estimated else "",
        reference=version.tariff,
        of_day=version.day,
        components={name: amount for name, amount in components.items() if amount},
        energy_uwh=version.energy_uwh,
    )
