"""Rules as they stand in the store, ready to charge and decide by: m.rules read into one struct.

Rule 1: the text of a rule is the truth and is parsed again here. Its id stays the one it was loaded
under, also when a later release knows more fields and would digest it otherwise.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from msgspec import Struct

from meteringest.prepaid.calendar import LAST_DAY, Calendar, content_id, month_start
from meteringest.prepaid.calendar_file import parse_calendar
from meteringest.prepaid.fuel import FuelNotice
from meteringest.prepaid.fuel_file import parse_fuel
from meteringest.prepaid.ledger.ports import Engine, day, whole
from meteringest.prepaid.policy import Policy, PolicyBook
from meteringest.prepaid.policy_file import parse_policy
from meteringest.prepaid.tariff import Tariff, TariffBook
from meteringest.prepaid.tariff_file import parse

OPEN_DAY = LAST_DAY
"""The last day a Date holds: no end."""


class RuleKind(StrEnum):
    """What a file of rules is."""

    TARIFF = "tariff"
    CALENDAR = "calendar"
    FUEL = "fuel"
    POLICY = "policy"


Content = Tariff | Calendar | FuelNotice | Policy


class Rule(Struct, frozen=True, kw_only=True):
    """One row of m.rules."""

    kind: RuleKind
    name: str
    id: str
    area: str = ""
    effective_from: date
    effective_to: date = OPEN_DAY
    revision: int = 0
    text: str
    loaded_by: str
    loaded_at: int
    """Milliseconds since 1970."""
    ver: int


class Rules:
    """All rules at one moment."""

    def __init__(self, rows: Iterable[Rule]) -> None:
        """Parses every text."""
        ordered = sorted(rows, key=lambda each: (each.effective_from, each.revision))
        self.standing = tuple((each, _named(each)) for each in ordered)
        """Every row with what its text says, by first day and revision."""
        found = [content for _, content in self.standing]
        self.tariffs = tuple(each for each in found if isinstance(each, Tariff))
        self._calendars = [each for each in found if isinstance(each, Calendar)]
        self._fuel = [each for each in found if isinstance(each, FuelNotice)]
        self._by_id = {each.id: each for each in self.tariffs}
        self._tariffs = TariffBook(self.tariffs)
        self._policies = PolicyBook(each for each in found if isinstance(each, Policy))

    @property
    def rows(self) -> tuple[Rule, ...]:
        """By first day and revision."""
        return tuple(row for row, _ in self.standing)

    def tariff(self, name: str, on: date) -> Tariff | None:
        """The version in force on that day."""
        return self._tariffs.at(name, on)

    def tariff_of(self, version: str) -> Tariff | None:
        """The version a charge names by its id."""
        return self._by_id.get(version)

    def calendar(self, name: str | None, on: date) -> Calendar | None:
        """The latest list of that name that covers the day."""
        covering = [each for each in self._calendars if each.name == name and each.covers(on)]
        return max(covering, key=lambda each: (each.revision, each.covers_from), default=None)

    def policy(self, area: str, on: date) -> Policy | None:
        """The policy in force in the area, or in the nearest one above it."""
        return self._policies.at(area, on)

    def fuel(self, tariff: str, on: date) -> tuple[FuelNotice, ...]:
        """Notices charged in the month of that day to accounts of that tariff."""
        latest: dict[str, FuelNotice] = {}
        for each in self._fuel:
            if each.charge_month == month_start(on):
                latest[each.name] = each
        return tuple(each for _, each in sorted(latest.items()) if tariff in each.tariffs)


def load_rules(engine: Engine) -> Rules:
    """Every rule in the store."""
    answer = engine.ask(
        "SELECT kind, name, id, area, effective_from, effective_to, revision, text, loaded_by, "
        "toUnixTimestamp64Milli(loaded_at), ver FROM m.rules FINAL"
    )
    return Rules(
        Rule(
            kind=RuleKind(str(row[0])),
            name=str(row[1]),
            id=str(row[2]),
            area=str(row[3]),
            effective_from=day(row[4]),
            effective_to=day(row[5]),
            revision=whole(row[6]),
            text=str(row[7]),
            loaded_by=str(row[8]),
            loaded_at=whole(row[9]),
            ver=whole(row[10]),
        )
        for row in answer.rows
    )


def parsed(kind: RuleKind, text: str, file: str, *, standing: bool = False) -> Content:
    """The text as what it is; RulesError with every problem when it cannot be."""
    match kind:
        case RuleKind.TARIFF:
            return parse(text, file, standing=standing)
        case RuleKind.CALENDAR:
            return parse_calendar(text, file, standing=standing)
        case RuleKind.FUEL:
            return parse_fuel(text, file, standing=standing)
        case RuleKind.POLICY:
            return parse_policy(text, file, standing=standing)


def id_of(content: Content) -> str:
    """Names this content."""
    return content.id if isinstance(content, Tariff | Policy | Calendar) else content_id(content)


def understood(rule: Rule) -> Content:
    """What the text of a loaded rule says, also where it could not be loaded any more."""
    return parsed(rule.kind, rule.text, f"{rule.kind} {rule.name}", standing=True)


def _named(rule: Rule) -> Content:
    content = understood(rule)
    if isinstance(content, Tariff | Policy):
        # In the place where the cached property would put it.
        vars(content)["id"] = rule.id
    return content


class RuleBook:
    """The rules of a store, parsed again only when there are others."""

    def __init__(self, engine: Engine) -> None:
        """Reads nothing yet."""
        self._engine = engine
        self._seen: tuple[int, int] | None = None
        self._rules = Rules(())

    def now(self) -> Rules:
        """As they stand at this moment."""
        (row,) = self._engine.ask("SELECT uniqExact(kind, name, id), max(ver) FROM m.rules").rows
        seen = (whole(row[0]), whole(row[1]))
        if seen != self._seen:
            self._rules = load_rules(self._engine)
            self._seen = seen
        return self._rules
