"""What the commands `tariffs check|show` and `policy check` say; the CLI prints it.

Rule 1: a file in, text out; a file that cannot be used raises RulesError, which says why.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from meteringest.errors import RulesError
from meteringest.prepaid.calendar import Calendar, day_start_s, days_in_month
from meteringest.prepaid.calendar_file import load_calendar
from meteringest.prepaid.charges import AccountDay, charge_days
from meteringest.prepaid.ledger.loading import RuleFile, kind_of, span
from meteringest.prepaid.ledger.rules import RuleKind, id_of, parsed
from meteringest.prepaid.left import FORECAST_METER
from meteringest.prepaid.lines import by_component
from meteringest.prepaid.money import PPM, shown, shown_kwh
from meteringest.prepaid.policy import NoticeLevels, Policy
from meteringest.prepaid.policy_file import HOUR_S
from meteringest.prepaid.reads import MeterLink, Read
from meteringest.prepaid.rounding import Rounding
from meteringest.prepaid.rules_file import read_text
from meteringest.prepaid.state import opened
from meteringest.prepaid.tariff import Payment, Tariff
from meteringest.prepaid.tariff_file import load
from meteringest.prepaid.time_of_day import clock

SAMPLE_KWH = (0, 50, 100, 200, 500)
SAMPLE_LOAD_W = 2_000
HALF_HOURS = 48
HALF_HOUR_S = 1_800


def tariffs_check(file: Path) -> str:
    """One line for a good file of rules; of a policy its clauses too."""
    return _check(file, RuleKind.TARIFF)


def tariffs_show(file: Path, calendar_file: Path | None = None) -> str:
    """The tariff as it was understood, and what whole months of it come to."""
    tariff = load(file)
    calendar = load_calendar(calendar_file) if calendar_file is not None else None
    return "\n".join([*_described(tariff), "", *_samples(tariff, calendar)]) + "\n"


def policy_check(file: Path) -> str:
    """The same: whatever `policy load` takes can be checked before."""
    return _check(file, RuleKind.POLICY)


def _check(file: Path, likely: RuleKind) -> str:
    """`likely`: what it is held for when its fields do not tell; a typo is then named with line."""
    text = read_text(file)
    try:
        kind = kind_of(RuleFile(str(file), text))
    except RulesError:
        kind = likely
    content = parsed(kind, text, str(file))
    first, last = span(content)
    until = f" to {last}" if last is not None else ""
    area = f", area {content.area}" if isinstance(content, Policy) else ""
    version = f"{kind} {content.name} version {id_of(content)}"
    head = f"{file}: {version}{area}, from {first}{until}: good"
    clauses = _clauses(content) if isinstance(content, Policy) else ()
    return "\n".join([head, *(f"  {clause}" for clause in clauses)]) + "\n"


def _described(tariff: Tariff) -> Iterator[str]:
    unit = "kVAh" if tariff.basis == "kvah" else "kWh"
    yield f"{tariff.name} version {tariff.id}"
    yield tariff.title
    if tariff.source:
        yield f"source      {tariff.source}"
    until = tariff.effective_to or "further notice"
    yield f"in force    {tariff.effective_from} until {until}, revision {tariff.revision}"
    yield f"billed in   {unit} and {tariff.currency}"
    for slab in tariff.slabs:
        edge = "beyond" if slab.up_to_uwh is None else f"up to {shown_kwh(slab.up_to_uwh)}"
        yield f"slab        {edge}: {shown(slab.rate)} per {unit}"
    for band in tariff.bands:
        days = f" on {', '.join(band.days)} days" if band.days else ""
        span = f"{clock(band.from_min)}-{clock(band.to_min)}{days}"
        price = _band_price(band.percent_ppm, band.add, band.rate)
        yield f"band        {band.name} {span}: {price}"
    for fixed in tariff.fixed:
        yield f"{fixed.sign:<11} {fixed.name}: {shown(fixed.amount)} per {fixed.per}, {fixed.every}"
    if tariff.minimum is not None:
        yield f"minimum     {shown(tariff.minimum.amount)} of {', '.join(tariff.minimum.of)}"
    for levy in tariff.levies:
        price = "per unit" if levy.percent_ppm is None else f"{_percent(levy.percent_ppm)} of "
        only = f", {levy.only} only" if levy.only is not None else ""
        yield f"{levy.sign:<11} {levy.name}: {price}{', '.join(levy.of)}{only}"
    for name in tariff.components:
        yield f"rounding    {name}: {_rule(tariff.rule(name))}"


def _band_price(percent_ppm: int | None, add: int | None, rate: int | None) -> str:
    if percent_ppm is not None:
        return f"{_percent(percent_ppm)} of the energy charge on top"
    return f"{shown(rate)} a unit" if rate is not None else f"{shown(add or 0)} a unit on top"


def _percent(ppm: int) -> str:
    return f"{shown(ppm * 100, 0)} %"


def _rule(rule: Rounding) -> str:
    return f"to {shown(rule.unit)}, {rule.mode}, over each {rule.at}"


def _samples(tariff: Tariff, calendar: Calendar | None) -> Iterator[str]:
    first = tariff.effective_from.replace(day=1)
    if first < tariff.effective_from:
        first = (first + timedelta(days=31)).replace(day=1)
    yield f"{first:%B %Y}, prepaid, load {SAMPLE_LOAD_W // 1_000} kW, used evenly:"
    for kwh in SAMPLE_KWH:
        sums = _month(tariff, calendar, first, kwh * 1_000)
        if not sums and kwh:
            yield "  not priced: the tariff needs its calendar (or has ended)"
            return
        parts = ", ".join(f"{name} {shown(sum_)}" for name, sum_ in sums.items() if sum_)
        yield f"  {kwh:>4} units: {shown(sum(sums.values()))}  ({parts})"


def _month(tariff: Tariff, calendar: Calendar | None, first: date, energy: int) -> dict[str, int]:
    length = days_in_month(first)
    slots = length * HALF_HOURS
    link = MeterLink(meter=FORECAST_METER, from_s=-(1 << 40), to_s=1 << 40, multiplier_ppm=PPM)
    days = [
        AccountDay(
            account=0,
            day=first + timedelta(days=day),
            tariff=tariff,
            calendar=calendar,
            payment=Payment.PREPAID,
            load_w=SAMPLE_LOAD_W,
            links=[link],
            reads=[
                Read(
                    meter=FORECAST_METER,
                    start_s=at_s,
                    interval_s=HALF_HOUR_S,
                    imp_wh=wh,
                    imp_vah=wh,
                    exp_wh=0,
                )
                for at_s, wh in _even(tariff, first + timedelta(days=day), (energy, slots), day)
            ],
        )
        for day in range(length)
    ]
    return by_component(line for done in charge_days(days, opened(0, first)) for line in done.lines)


def _even(tariff: Tariff, day: date, use: tuple[int, int], index: int) -> Iterator[tuple[int, int]]:
    energy, slots = use
    start_s = day_start_s(day, tariff.offset_min)
    for slot in range(HALF_HOURS):
        number = index * HALF_HOURS + slot
        wh = energy * (number + 1) // slots - energy * number // slots
        yield start_s + slot * HALF_HOUR_S, wh


def _clauses(policy: Policy) -> Iterator[str]:
    """By place in the file: whatever may decide, also what the file leaves to its default."""
    yield from _cuts(policy)
    yield from _credits(policy)
    yield f"notices: {', '.join(_levels(policy.notices)) or 'none'}"
    yield from _postpaid(policy)
    yield f"reconnect.at_or_above: {shown(policy.reconnect_at)}"
    yield from _evidence(policy)


def _cuts(policy: Policy) -> Iterator[str]:
    if policy.calendar is not None:
        yield f"calendar: {policy.calendar}; nobody is cut on a day it does not cover"
    yield f"cut.below: {shown(policy.below)}"
    for index, each in enumerate(policy.thresholds):
        yield f"cut.classes[{index}]: {', '.join(each.classes)} below {shown(each.below)}"
    for index, exempt in enumerate(policy.exempt):
        yield f"exempt[{index}]: {exempt.name}"
    for index, no_cut in enumerate(policy.no_cut):
        yield f"no_cut[{index}]: {no_cut.name}"


def _credits(policy: Policy) -> Iterator[str]:
    for index, credit in enumerate(policy.emergency):
        amount = "" if credit.amount is None else f" up to {shown(credit.amount)}"
        hours = "" if credit.hours is None else f" for {credit.hours} h"
        who = ", ".join(credit.classes) or "everybody"
        yield f"emergency_credit[{index}]: {who}{amount}{hours}"
    if policy.grace is not None:
        kind = "working days" if policy.grace.working_days else "days"
        limit = "" if policy.grace.below is None else f", not below {shown(policy.grace.below)}"
        yield f"grace: {policy.grace.days} {kind} after conversion{limit}"


def _levels(levels: NoticeLevels) -> Iterator[str]:
    yield from map(_percent, levels.percent_ppm)
    yield from map(shown, levels.amounts)
    yield from (f"{hours} h" for hours in levels.hours_left)


def _postpaid(policy: Policy) -> Iterator[str]:
    if policy.unpaid_bills is None and policy.arrears_over is None:
        yield "postpaid: nobody is cut"
    if policy.unpaid_bills is not None:
        yield f"postpaid.unpaid_bills: {policy.unpaid_bills} consecutive"
    if policy.arrears_over is not None:
        yield f"postpaid.arrears_over: {shown(policy.arrears_over)}"


def _evidence(policy: Policy) -> Iterator[str]:
    age_s = policy.balance_age_max_s
    yield f"evidence.balance_age_hours: {'any age' if age_s is None else age_s // HOUR_S}"
    yield f"evidence.cut_with_held_reads: {str(policy.cut_with_held_reads).lower()}"
    if not policy.cut_with_held_reads:
        yield f"evidence.held_days: {policy.held_days}"
