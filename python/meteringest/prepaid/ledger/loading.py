"""Files of rules on their way into the store: what each is, whether it may join, what is new.

Rule 1: all files of one command are taken, or none; every problem of every file is told.
Rule 2: a rule is never changed: the same content again is nothing new, another content under the
same name, first day and revision is refused.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from msgspec import Struct

from meteringest.errors import RulesError
from meteringest.prepaid.calendar import Calendar, days_in_month
from meteringest.prepaid.fuel import FuelNotice
from meteringest.prepaid.ledger.rules import OPEN_DAY, Content, Rule, RuleKind, Rules, id_of, parsed
from meteringest.prepaid.policy import Policy
from meteringest.prepaid.tariff import Tariff
from meteringest.prepaid.toml_lines import line_of
from meteringest.prepaid.toml_tables import tables

# The field that only a file of that kind must have.
MARKS = {
    RuleKind.TARIFF: "currency",
    RuleKind.CALENDAR: "covers_from",
    RuleKind.FUEL: "base_month",
    RuleKind.POLICY: "area",
}


class RuleFile(Struct, frozen=True):
    """A file as a person wrote it."""

    file: str
    text: str


class Stamp(Struct, frozen=True):
    """Who enters something, when, and its place in the order of all changes."""

    author: str
    at_ms: int
    ver: int


class Loaded(Struct, frozen=True, kw_only=True):
    """What became of one file."""

    file: str
    kind: RuleKind
    name: str
    id: str
    effective_from: date
    effective_to: date | None
    revision: int
    new: bool
    notices: tuple[str, ...] = ()


class Loading(Struct, frozen=True):
    """The rows to insert, and what is said about each file."""

    rows: tuple[Rule, ...]
    files: tuple[Loaded, ...]


def load(rules: Rules, files: Sequence[RuleFile], stamp: Stamp) -> Loading:
    """Judges every file against the rules and the files before it."""
    problems: list[str] = []
    standing = list(rules.standing)
    taken: list[tuple[RuleFile, Rule, Content, bool]] = []
    for each in files:
        try:
            row, content = _row(each, stamp)
        except RulesError as error:
            problems += error.problems
            continue
        stands = next((other for other, same in standing if same == content), None)
        clash = None if stands is not None else next(_clashes(row, standing), None)
        if clash is not None:
            line = line_of(each.text, ("revision",) if row.revision else ("effective_from",))
            problems.append(f"{each.file}:{line}: {clash}")
            continue
        if stands is None:
            standing.append((row, content))
        taken.append((each, stands or row, content, stands is None))
    if problems:
        raise RulesError(", ".join(each.file for each in files), tuple(problems))
    rows = tuple(row for row, _ in standing)
    # Only now: a file may name what a file after it brings.
    loaded = (_loaded(each, row, content, rows, new=new) for each, row, content, new in taken)
    return Loading(rows=rows[len(rules.standing) :], files=tuple(loaded))


def kind_of(each: RuleFile) -> RuleKind:
    """By the field that only such a file has."""
    fields = tables(each.text, each.file)
    for kind, mark in MARKS.items():
        if mark in fields:
            return kind
    wanted = ", ".join(f"`{mark}` (a {kind})" for kind, mark in MARKS.items())
    raise RulesError(each.file, (f"{each.file}:1: no file of rules: it has none of {wanted}",))


def _row(each: RuleFile, stamp: Stamp) -> tuple[Rule, Content]:
    kind = kind_of(each)
    content = parsed(kind, each.text, each.file)
    first, last = span(content)
    row = Rule(
        kind=kind,
        name=content.name,
        id=id_of(content),
        area=content.area if isinstance(content, Policy) else "",
        effective_from=first,
        effective_to=last or OPEN_DAY,
        revision=content.revision,
        text=each.text,
        loaded_by=stamp.author,
        loaded_at=stamp.at_ms,
        ver=stamp.ver,
    )
    return row, content


def span(content: Content) -> tuple[date, date | None]:
    """The first and the last day it is about; without an end None."""
    match content:
        case Calendar():
            return content.covers_from, content.covers_to
        case FuelNotice():
            month = content.charge_month
            return month, month + timedelta(days=days_in_month(month) - 1)
        case _:
            return content.effective_from, content.effective_to


def _clashes(row: Rule, standing: Sequence[tuple[Rule, Content]]) -> Iterator[str]:
    """Why the row may not join: something else already stands in its place."""
    for other, _ in standing:
        if other.kind is not row.kind:
            continue
        place = (other.effective_from, other.revision)
        if place != (row.effective_from, row.revision):
            continue
        if other.name == row.name or (row.kind is RuleKind.POLICY and other.area == row.area):
            yield (
                f"version {other.id} of {other.name} already begins on {place[0]} as revision "
                f"{place[1]} with another content; a version is never changed: give the new one "
                "a later first day or a higher revision"
            )


def _loaded(
    each: RuleFile, row: Rule, content: Content, standing: Sequence[Rule], *, new: bool
) -> Loaded:
    return Loaded(
        file=each.file,
        kind=row.kind,
        name=row.name,
        id=row.id,
        effective_from=row.effective_from,
        effective_to=None if row.effective_to == OPEN_DAY else row.effective_to,
        revision=row.revision,
        new=new,
        notices=tuple(_missing(content, standing)),
    )


def _missing(content: Content, standing: Sequence[Rule]) -> Iterator[str]:
    """What it names and is not loaded yet; such days are held, not charged wrongly."""
    calendars = {each.name for each in standing if each.kind is RuleKind.CALENDAR}
    if isinstance(content, Tariff | Policy) and content.calendar not in {None, *calendars}:
        yield f"calendar {content.calendar} is not loaded"
    if isinstance(content, FuelNotice):
        tariffs = {each.name for each in standing if each.kind is RuleKind.TARIFF}
        for name in content.tariffs:
            if name not in tariffs:
                yield f"tariff {name} is not loaded"
