"""A policy file becomes a Policy, or a refusal that names every line and why."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from meteringest.prepaid.calendar import Weekday
from meteringest.prepaid.money import MICRO, PPM
from meteringest.prepaid.policy import (
    EmergencyCredit,
    Exempt,
    Grace,
    NoCut,
    NoticeLevels,
    Policy,
    Threshold,
)
from meteringest.prepaid.rules_file import (
    DAYS_MAX,
    HOURS_MAX,
    Figure,
    Problems,
    convert,
    duplicates,
    read_text,
)
from meteringest.prepaid.tariff_schema import Shape
from meteringest.prepaid.toml_lines import Path as Place

MONEY_DECIMALS = 2
KW_DECIMALS = 3
HOUR_S = 3_600
BILLS_MAX = 120


class ThresholdWritten(Shape, frozen=True):
    """Classes with a threshold of their own."""

    classes: tuple[str, ...]
    below: Figure


class CutWritten(Shape, frozen=True):
    """Below which balance supply is cut."""

    below: Figure = Figure(0)
    classes: tuple[ThresholdWritten, ...] = ()


class NoCutWritten(Shape, frozen=True, rename={"from_": "from"}):
    """A protected time."""

    name: str
    from_: str | None = None
    to: str | None = None
    weekdays: tuple[Weekday, ...] = ()
    second_saturdays: bool = False
    holidays: bool = False


class ExemptWritten(Shape, frozen=True):
    """Accounts never cut."""

    name: str
    classes: tuple[str, ...] = ()
    load_max_kw: Figure | None = None
    net_metered: bool = False


class EmergencyWritten(Shape, frozen=True):
    """Credit below the threshold."""

    classes: tuple[str, ...] = ()
    amount: Figure | None = None
    hours: int | None = None


class GraceWritten(Shape, frozen=True):
    """Days after a conversion, `days` or `working_days`."""

    days: int | None = None
    working_days: int | None = None
    below: Figure | None = None


class NoticesWritten(Shape, frozen=True):
    """Levels at which a low balance is told."""

    percent_of_last_recharge: tuple[Figure, ...] = ()
    amounts: tuple[Figure, ...] = ()
    hours_left: tuple[int, ...] = ()


class PostpaidWritten(Shape, frozen=True):
    """What makes a postpaid account one to cut."""

    unpaid_bills: int | None = None
    arrears_over: Figure | None = None


class ReconnectWritten(Shape, frozen=True):
    """From which balance supply comes back."""

    at_or_above: Figure


class EvidenceWritten(Shape, frozen=True):
    """What must be known before anyone is cut."""

    balance_age_hours: int | None = None
    cut_with_held_reads: bool = False
    held_days: int = 35


class PolicyWritten(Shape, frozen=True):
    """The whole file."""

    name: str
    title: str
    area: str
    effective_from: date
    effective_to: date | None = None
    revision: int = 0
    source: str = ""
    calendar: str | None = None
    cut: CutWritten = CutWritten()
    exempt: tuple[ExemptWritten, ...] = ()
    no_cut: tuple[NoCutWritten, ...] = ()
    emergency_credit: tuple[EmergencyWritten, ...] = ()
    grace: GraceWritten | None = None
    notices: NoticesWritten = NoticesWritten()
    postpaid: PostpaidWritten = PostpaidWritten()
    reconnect: ReconnectWritten | None = None
    evidence: EvidenceWritten = EvidenceWritten()


def load_policy(file: Path) -> Policy:
    """Reads, converts and checks one file."""
    return parse_policy(read_text(file), str(file))


def parse_policy(text: str, file: str = "policy", *, standing: bool = False) -> Policy:
    """The same from text; what is `standing` in a store already is held to less.

    A check that came with a later release must not take a policy out of force.
    """
    written = convert(text, PolicyWritten, file, standing=standing)
    problems = Problems(standing=standing)
    policy = _policy(written, problems)
    _check(written, policy, problems)
    if not standing:
        _check_notices(policy, problems)
    problems.refuse(file, text)
    return policy


def _policy(written: PolicyWritten, problems: Problems) -> Policy:
    below = _money(written.cut.below, ("cut", "below"), problems)
    reconnect = written.reconnect
    age = written.evidence.balance_age_hours
    over, unpaid = written.postpaid.arrears_over, written.postpaid.unpaid_bills
    return Policy(
        name=written.name,
        title=written.title,
        area=written.area,
        effective_from=written.effective_from,
        effective_to=written.effective_to,
        revision=written.revision,
        source=written.source,
        calendar=written.calendar,
        below=below,
        thresholds=tuple(
            Threshold(
                classes=each.classes,
                below=_money(each.below, ("cut", "classes", i, "below"), problems),
            )
            for i, each in enumerate(written.cut.classes)
        ),
        exempt=tuple(_exempt(each, i, problems) for i, each in enumerate(written.exempt)),
        no_cut=tuple(_no_cut(each, i, problems) for i, each in enumerate(written.no_cut)),
        emergency=tuple(
            _emergency(each, i, problems) for i, each in enumerate(written.emergency_credit)
        ),
        grace=_grace(written.grace, problems),
        notices=_notices(written.notices, problems),
        unpaid_bills=None
        if unpaid is None
        else problems.whole(unpaid, ("postpaid", "unpaid_bills"), BILLS_MAX, least=1),
        arrears_over=None
        if over is None
        else problems.micro(over, ("postpaid", "arrears_over"), MONEY_DECIMALS),
        reconnect_at=below + 1
        if reconnect is None
        else _money(reconnect.at_or_above, ("reconnect", "at_or_above"), problems),
        balance_age_max_s=None
        if age is None
        else problems.whole(age, ("evidence", "balance_age_hours"), HOURS_MAX) * HOUR_S,
        cut_with_held_reads=written.evidence.cut_with_held_reads,
        held_days=problems.whole(written.evidence.held_days, ("evidence", "held_days"), DAYS_MAX),
    )


def _money(written: Decimal, place: Place, problems: Problems) -> int:
    return problems.signed_micro(written, place, MONEY_DECIMALS)


def _exempt(written: ExemptWritten, index: int, problems: Problems) -> Exempt:
    load = written.load_max_kw
    place: Place = ("exempt", index, "load_max_kw")
    return Exempt(
        name=written.name,
        classes=written.classes,
        load_max_w=None
        if load is None
        else problems.micro(load, place, KW_DECIMALS) * 1_000 // MICRO,
        net_metered=written.net_metered,
    )


def _no_cut(written: NoCutWritten, index: int, problems: Problems) -> NoCut:
    place: Place = ("no_cut", index)
    start, end = written.from_, written.to
    if (start is None) != (end is None):
        problems.add(place, "wanted both `from` and `to`, or neither for the whole day")
    elif start is not None and start == end:
        problems.add(place, "`from` and `to` are the same; leave both out for the whole day")
    return NoCut(
        name=written.name,
        from_min=None if start is None else problems.minute(start, (*place, "from")),
        to_min=None if end is None else problems.minute(end, (*place, "to")),
        weekdays=written.weekdays,
        second_saturdays=written.second_saturdays,
        holidays=written.holidays,
    )


def _emergency(written: EmergencyWritten, index: int, problems: Problems) -> EmergencyCredit:
    place: Place = ("emergency_credit", index)
    if written.amount is None and written.hours is None:
        problems.add(place, "without end: wanted `amount`, `hours` or both")
    amount, hours = written.amount, written.hours
    return EmergencyCredit(
        classes=written.classes,
        amount=None
        if amount is None
        else problems.micro(amount, (*place, "amount"), MONEY_DECIMALS),
        hours=None
        if hours is None
        else problems.whole(hours, (*place, "hours"), HOURS_MAX, least=1),
    )


def _grace(written: GraceWritten | None, problems: Problems) -> Grace | None:
    if written is None:
        return None
    if (written.days is None) == (written.working_days is None):
        problems.add(("grace",), "wanted exactly one of `days` and `working_days`")
    days = written.days if written.days is not None else written.working_days or 0
    field = "working_days" if written.days is None else "days"
    below = written.below
    return Grace(
        days=problems.whole(days, ("grace", field), DAYS_MAX),
        working_days=written.working_days is not None,
        below=None if below is None else _money(below, ("grace", "below"), problems),
    )


def _notices(written: NoticesWritten, problems: Problems) -> NoticeLevels:
    shares: Place = ("notices", "percent_of_last_recharge")
    amounts: Place = ("notices", "amounts")
    hours: Place = ("notices", "hours_left")
    return NoticeLevels(
        percent_ppm=tuple(problems.ppm(each, shares) for each in written.percent_of_last_recharge),
        amounts=tuple(_money(each, amounts, problems) for each in written.amounts),
        hours_left=tuple(problems.whole(each, hours, HOURS_MAX) for each in written.hours_left),
    )


def _check(written: PolicyWritten, policy: Policy, problems: Problems) -> None:
    if not policy.title.strip():
        problems.add(("title",), "is empty")
    problems.names(_names(policy))
    if policy.effective_to is not None and policy.effective_to < policy.effective_from:
        problems.add(("effective_to",), f"{policy.effective_to} is before {policy.effective_from}")
    problems.day(policy.effective_from, ("effective_from",))
    problems.last_day(policy.effective_to, ("effective_to",))
    problems.revision(policy.revision)
    _check_no_cut(policy, problems)
    _check_exempt(policy, problems)
    classes = [name for each in policy.thresholds for name in each.classes]
    for index in duplicates(classes):
        problems.add(("cut", "classes"), f"'{classes[index]}' has two thresholds")
    if written.reconnect is not None and policy.reconnect_at < policy.below:
        problems.add(("reconnect", "at_or_above"), "below `cut.below`: it would be cut again")


def _names(policy: Policy) -> Iterator[tuple[Place, str]]:
    """Its own, and those of what must be found by them: a class with a blank is nobody's."""
    yield ("name",), policy.name
    yield ("area",), policy.area
    if policy.calendar is not None:
        yield ("calendar",), policy.calendar
    yield from ((("no_cut", i, "name"), each.name) for i, each in enumerate(policy.no_cut))
    yield from ((("exempt", i, "name"), each.name) for i, each in enumerate(policy.exempt))
    tables: tuple[tuple[Place, Sequence[Threshold | Exempt | EmergencyCredit]], ...] = (
        (("cut", "classes"), policy.thresholds),
        (("exempt",), policy.exempt),
        (("emergency_credit",), policy.emergency),
    )
    for place, rows in tables:
        for index, each in enumerate(rows):
            yield from (((*place, index, "classes"), name) for name in each.classes)


def _check_no_cut(policy: Policy, problems: Problems) -> None:
    for index, each in enumerate(policy.no_cut):
        if each.from_min is None and not each.by_day:
            problems.add(("no_cut", index), "forbids every cut for ever: wanted a time or days")
        if each.holidays and policy.calendar is None:
            problems.add(("no_cut", index, "holidays"), "needs a `calendar` that lists them")


def _check_exempt(policy: Policy, problems: Problems) -> None:
    for index, each in enumerate(policy.exempt):
        if not each.classes and each.load_max_w is None and not each.net_metered:
            problems.add(("exempt", index), "exempts everybody: wanted a condition")


def _check_notices(policy: Policy, problems: Problems) -> None:
    levels = policy.notices
    named: dict[str, tuple[int, ...]] = {
        "percent_of_last_recharge": levels.percent_ppm,
        "amounts": levels.amounts,
        "hours_left": levels.hours_left,
    }
    for name, found in named.items():
        if len(set(found)) < len(found):
            problems.add(("notices", name), "a number stands twice")
    if not all(0 <= each <= PPM for each in levels.percent_ppm):
        problems.add(("notices", "percent_of_last_recharge"), "wanted 0 to 100 each")
