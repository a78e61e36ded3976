"""Bills made, corrected and left alone: a pure function of the book, so that issuing is idempotent.

Rule 1: a bill is due = charged + brought - received, which is what the book owes at its end.
Rule 2: a bill whose figures have changed is a new version; the day it is due stays.
Rule 3: what lateness costs is computed anew from the beginning; what was posted of it before is
made up for by signed differences, counted, so that the same difference has the same id.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

import msgspec
from msgspec import Struct

from meteringest.prepaid.billing.book import (
    LATE,
    ONE_DAY,
    Bill,
    Book,
    BookEntry,
    ChargedDay,
    period_end,
    period_start,
)
from meteringest.prepaid.billing.overdue import Part, late_total, parts
from meteringest.prepaid.rounding import Rounding
from meteringest.prepaid.tariff import Billing, Tariff

TariffOn = Callable[[date], Tariff | None]


class Unbilled(Struct, frozen=True, kw_only=True):
    """A period that has ended and is not billed, and why."""

    period_from: date
    period_to: date
    reason: str


class Issued(Struct, frozen=True, kw_only=True):
    """What is to be written: entries first, then bills."""

    entries: list[BookEntry]
    bills: list[Bill]
    unbilled: list[Unbilled]


def issue(book: Book, tariff_on: TariffOn, on: date, *, unsafe_too: bool = False) -> Issued:
    """All bills of periods that have ended before `on`, as far as they are not issued like this.

    A day that may still change soon keeps its period from being billed, unless `unsafe_too`.
    """
    known = book.newest()
    fresh, unbilled = _ended(book, known, tariff_on, on, unsafe_too=unsafe_too)
    own = [each for each in book.entries if each.kind != LATE]
    late = _late(book, [_filled(book, each) for each in [*known, *fresh]], own, tariff_on)
    billed = msgspec.structs.replace(book, entries=[*own, *late])
    bills = [_filled(billed, each) for each in [*known, *fresh]]
    return Issued(
        entries=_to_post(book.entries, late),
        bills=[*_corrected(known, bills, on), *bills[len(known) :]],
        unbilled=unbilled,
    )


def _ended(
    book: Book, known: Sequence[Bill], tariff_on: TariffOn, on: date, *, unsafe_too: bool
) -> tuple[list[Bill], list[Unbilled]]:
    """Empty bills of the periods to be billed now, and the periods that must wait."""
    fresh: list[Bill] = []
    unbilled: list[Unbilled] = []
    for first, last, terms in _periods(book, known, tariff_on, on):
        reason = "" if unsafe_too else _unsafe(book, first, last)
        if unbilled or reason:
            reason = reason or f"the period from {unbilled[0].period_from} comes first"
            unbilled.append(Unbilled(period_from=first, period_to=last, reason=reason))
        else:
            fresh.append(_empty(book.account, first, last, on, terms))
    return fresh, unbilled


def _periods(
    book: Book, known: Sequence[Bill], tariff_on: TariffOn, on: date
) -> Iterator[tuple[date, date, Billing]]:
    """Ended periods after the known bills that have a charged day."""
    after = known[-1].period_to if known else date.min
    pending = sorted(each.day for each in book.days if each.day > after)
    while pending:
        day = pending[0]
        tariff = tariff_on(day)
        terms = tariff.billing if tariff is not None else Billing()
        first = max(period_start(day, terms.day), after + ONE_DAY)
        last = period_end(first, terms.day)
        if last >= on:
            return
        yield first, last, terms
        after = last
        pending = [each for each in pending if each > last]


def _unsafe(book: Book, first: date, last: date) -> str:
    """Why the period may still change; empty when it may not."""
    if book.behind:
        return book.behind
    charged = {each.day: each.unsafe for each in book.days}
    began = min(charged)
    for begin, end in book.postpaid:
        day = max(begin, first, began)
        while day <= min(end, last):
            if day not in charged:
                return f"{day} is not charged yet"
            if charged[day]:
                return f"{day}: {charged[day]}"
            day += ONE_DAY
    return ""


def _empty(account: int, first: date, last: date, on: date, terms: Billing) -> Bill:
    return Bill(
        account=account,
        period_from=first,
        period_to=last,
        tariffs=(),
        components=(),
        amounts=(),
        energy_uwh=0,
        charged=0,
        brought=0,
        received=0,
        due=0,
        issued_on=on,
        due_on=on + timedelta(days=terms.due_days),
    )


def _filled(book: Book, bill: Bill) -> Bill:
    """The same bill with the figures of the book."""
    days = [each for each in book.days if bill.period_from <= each.day <= bill.period_to]
    sums = _components(days)
    charged = sum(each.amount for each in days)
    brought = book.owed_before(bill.period_from)
    received = sum(
        each.amount for each in book.entries if bill.period_from <= each.day <= bill.period_to
    )
    return msgspec.structs.replace(
        bill,
        tariffs=tuple(dict.fromkeys(each.tariff for each in days if each.tariff)),
        components=tuple(sums),
        amounts=tuple(sums.values()),
        energy_uwh=sum(each.energy_uwh for each in days),
        charged=charged,
        brought=brought,
        received=received,
        due=charged + brought - received,
    )


def _components(days: Sequence[ChargedDay]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for day in sorted(days, key=lambda each: each.day):
        for name, amount in zip(day.components, day.amounts, strict=True):
            sums[name] = sums.get(name, 0) + amount
    return sums


def _corrected(known: Sequence[Bill], now: Sequence[Bill], on: date) -> Iterator[Bill]:
    for before, bill in zip(known, now, strict=False):
        if bill != before:
            yield msgspec.structs.replace(bill, issued_on=on, version=before.version + 1)


def _late(
    book: Book, bills: Sequence[Bill], own: Sequence[BookEntry], tariff_on: TariffOn
) -> list[BookEntry]:
    """Late-payment charges up to the end of each billed period, in the order of time."""
    late: list[BookEntry] = []
    so_far: dict[str, int] = {}
    for bill in bills:
        through = bill.period_to
        for part in parts(book, [each for each in bills if each.due_on < through], [*own, *late]):
            total = _late_total(part, book, own, tariff_on, through)
            more = total - so_far.get(part.bill.number, 0)
            so_far[part.bill.number] = total
            if more:
                reference = late_reference(part.bill, through)
                late.append(BookEntry(day=through, kind=LATE, amount=-more, reference=reference))
    return late


def _late_total(
    part: Part, book: Book, own: Sequence[BookEntry], tariff_on: TariffOn, through: date
) -> int:
    tariff = tariff_on(part.bill.due_on)
    if tariff is None or tariff.late_payment is None:
        return 0
    asked = min(
        each.charged for each in [part.bill, *book.bills] if each.number == part.bill.number
    )
    raised = max(part.bill.charged - asked, 0)
    capped = msgspec.structs.replace(part, late=part.late + raised)
    rule = Rounding(unit=10 ** (6 - tariff.decimals))
    return late_total(capped, own, tariff.late_payment, through, rule)


def late_reference(bill: Bill, through: date) -> str:
    """What a late-payment charge is for."""
    return f"{bill.number} to {through}"


def _to_post(posted: Sequence[BookEntry], wanted: Sequence[BookEntry]) -> list[BookEntry]:
    """The entries that make what is posted equal to what is wanted, each naming its new sum."""
    before: dict[tuple[str, date], list[int]] = {}
    for each in posted:
        if each.kind == LATE:
            key = (each.reference.rpartition(_COUNT)[0], each.day)
            before.setdefault(key, []).append(each.amount)
    aims = {(each.reference, each.day): each.amount for each in wanted}
    differences = {
        key: aims.get(key, 0) - sum(before.get(key, ())) for key in sorted({*before, *aims})
    }
    return [
        BookEntry(
            day=key[1],
            kind=LATE,
            amount=amount,
            reference=f"{key[0]}{_COUNT}{len(before.get(key, ())) + 1}",
        )
        for key, amount in differences.items()
        if amount
    ]


_COUNT = " #"
