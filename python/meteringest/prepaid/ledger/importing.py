"""Files of accounts and of meter links against what stands: every row first, then all of them.

Rule 1: a file is taken whole or not at all; every problem is told with its row and column.
Rule 2: what a row does not say stays as it was on the day before.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches

import msgspec
from msgspec import Struct

from meteringest.csv_rows import ImportPart, Problems, decoded
from meteringest.prepaid.arrears import RecoveryPlan
from meteringest.prepaid.calendar import day_start_s
from meteringest.prepaid.ledger.entries import (
    Book,
    Entry,
    EntryKind,
    Part,
    Transaction,
    transaction_id,
)
from meteringest.prepaid.ledger.tables import LinkRow
from meteringest.prepaid.ledger.terms import OPEN_S, Terms, TermsBook
from meteringest.prepaid.money import PPM, shown
from meteringest.prepaid.tariff import Payment

Given = Mapping[str, object]
ORIGIN = "import"


class AccountRows(Struct, frozen=True):
    """What a file of accounts comes to."""

    terms: list[Terms]
    openings: list[Transaction]
    added: int
    unchanged: int


def account_numbers(parts: Iterable[ImportPart]) -> tuple[list[int], list[int]]:
    """The accounts a file names, and of these the ones that come with a balance."""
    named: set[int] = set()
    opened: set[int] = set()
    for _, given in decoded(parts):
        account = int(str(given["account"]))
        named.add(account)
        if given.get("opening") or given.get("arrears"):
            opened.add(account)
    return sorted(named), sorted(opened)


def judged_accounts(
    parts: Sequence[ImportPart],
    standing: tuple[TermsBook, Mapping[str, list[Entry]]],
    tariffs: frozenset[str],
    limit: tuple[str, int],
) -> AccountRows:
    """Raises RegistryError with every row that does not fit what stands."""
    book, entered = standing
    problems = Problems(*limit)
    rows: dict[tuple[int, date], Terms] = {}
    own: dict[int, list[Terms]] = {}
    openings: list[Transaction] = []
    unchanged = 0
    for line, given in decoded(parts):
        account, day = _named(given)
        # The file's own earlier rows count: the second row of an account follows its first.
        history = sorted([*book.of(account), *own.get(account, ())], key=_first_day)
        new = _merged(given, account, day, history)
        opening = _opening(given, new)
        faults = [
            *_faults(new, history, tariffs, twice=(account, day) in rows),
            *_other_opening(opening, entered),
        ]
        for text in faults:
            problems.add(line, text)
        if faults:
            continue
        if opening is not None and opening.id not in entered:
            openings.append(opening)
        stands = [each for each in book.of(account) if each.effective_from == day]
        if stands and msgspec.structs.replace(stands[-1], ver=0) == new:
            unchanged += 1
        else:
            rows[account, day] = new
            own.setdefault(account, []).append(new)
    problems.check()
    added = sum(1 for account, _ in rows if account not in book.accounts)
    return AccountRows(list(rows.values()), openings, added, unchanged)


def _named(given: Given) -> tuple[int, date]:
    return int(str(given["account"])), date.fromisoformat(str(given["effective_from"]))


def _first_day(terms: Terms) -> date:
    return terms.effective_from


def _merged(given: Given, account: int, day: date, history: Sequence[Terms]) -> Terms:
    begun = [each for each in history if each.effective_from <= day]
    payment, tariff = Payment(str(given["payment"])), str(given["tariff"])
    base = Terms(account=account, effective_from=day, payment=payment, tariff=tariff)
    if begun:
        base = msgspec.structs.replace(
            begun[-1], effective_from=day, payment=payment, tariff=tariff, ver=0
        )
    said = {
        field: (kind(value) if kind else value)
        for column, (field, kind) in _FIELDS.items()
        if (value := given.get(column)) is not None and value != ""
    }
    share, month = given.get("recover_percent"), given.get("recover_month")
    recovery = RecoveryPlan(
        share_ppm=base.recovery.share_ppm if share is None else int(str(share)),
        instalment=base.recovery.instalment if month is None else int(str(month)),
    )
    return msgspec.structs.replace(base, recovery=recovery, **said)


def _faults(
    new: Terms, history: Sequence[Terms], tariffs: frozenset[str], *, twice: bool
) -> Iterator[str]:
    if twice:
        yield f"column effective_from: {new.account} has terms from that day already in this file"
    if new.tariff not in tariffs:
        near = get_close_matches(new.tariff, tariffs, n=1)
        hint = f"did you mean {near[0]}?" if near else "load it first: `tariffs load FILE`"
        yield f"column tariff: found {new.tariff!r}; wanted a loaded tariff; {hint}"
    before = [each for each in history if each.effective_from < new.effective_from]
    after = [each for each in history if each.effective_from > new.effective_from]
    for each in (*before[-1:], *after[:1]):
        if each.payment is not new.payment:
            yield (
                f"column payment: found {new.payment}; the account is {each.payment} from "
                f"{each.effective_from}; `accounts convert` changes that, with its balance"
            )


def _opening(given: Given, terms: Terms) -> Transaction | None:
    """The balance an account comes with; once for all time."""
    sums = {
        Book(terms.payment.value): int(str(given.get("opening") or 0)),
        Book.ARREARS: -int(str(given.get("arrears") or 0)),
    }
    if not any(sums.values()):
        return None
    account = terms.account
    return Transaction(
        id=transaction_id(EntryKind.OPENING, ORIGIN, str(account)),
        origin=ORIGIN,
        reference=str(account),
        reason="balance brought in",
        paid_at=day_start_s(terms.effective_from) * 1_000,
        parts=tuple(
            Part(account=account, kind=EntryKind.OPENING, book=book, amount=amount)
            for book, amount in sums.items()
            if amount
        ),
    )


def _other_opening(
    opening: Transaction | None, entered: Mapping[str, list[Entry]]
) -> Iterator[str]:
    if opening is None or opening.id not in entered:
        return
    stands = {each.book: each.amount for each in entered[opening.id]}
    if stands != {part.book: part.amount for part in opening.parts}:
        found = ", ".join(f"{shown(amount)} {book}" for book, amount in sorted(stands.items()))
        yield f"column opening: was brought in with {found} before; use `adjust`"


def judged_links(
    parts: Sequence[ImportPart],
    meters: Mapping[str, int],
    standing: Iterable[LinkRow],
    stamp: tuple[str, int, int],
    limit: tuple[str, int],
) -> list[LinkRow]:
    """Rows to enter; raises RegistryError when a meter would serve two accounts at once."""
    author, at, ver = stamp
    problems = Problems(*limit)
    links = {(each.account, each.meter, each.from_time): each for each in standing}
    lines: dict[tuple[int, int, int], int] = {}
    for line, given in decoded(parts):
        meter = meters.get(str(given["serial"]))
        if meter is None:
            problems.add(line, f"column serial: {given['serial']} is no meter of the registry")
            continue
        row = _link(given, meter, (author, at, ver))
        if row.to_time <= row.from_time:
            problems.add(line, "column to: is not after `from`")
        key = (row.account, row.meter, row.from_time)
        if key in lines:
            problems.add(line, f"column from: the same link stands in row {lines[key]} already")
        lines[key] = line
        links[key] = row
    for key, line in lines.items():
        for text in _overlaps(links[key], links.values()):
            problems.add(line, text)
    problems.check()
    return [links[key] for key in lines]


def _link(given: Given, meter: int, stamp: tuple[str, int, int]) -> LinkRow:
    author, at, ver = stamp
    until, multiplier = given.get("to"), given.get("multiplier")
    return LinkRow(
        account=int(str(given["account"])),
        meter=meter,
        from_time=int(str(given["from"])),
        to_time=OPEN_S if until is None else int(str(until)),
        multiplier_ppm=int(str(multiplier)) if multiplier else PPM,
        removed=int(str(given.get("removed") or 0)),
        author=author,
        reason="",
        at=at,
        ver=ver,
    )


def _overlaps(row: LinkRow, others: Iterable[LinkRow]) -> Iterator[str]:
    for other in others:
        same = (other.account, other.from_time) == (row.account, row.from_time)
        if row.removed or other.removed or other.meter != row.meter or same:
            continue
        if row.from_time < other.to_time and other.from_time < row.to_time:
            yield f"column from: the meter serves account {other.account} at that time already"


_FIELDS = {
    "class": ("account_class", None),
    "area": ("area", None),
    "load_kw": ("load_w", None),
    "net_metered": ("net_metered", bool),
    "closed": ("closed", bool),
}
