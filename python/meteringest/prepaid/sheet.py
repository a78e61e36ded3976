"""A day's sheet: steps are written on it one after another, each component with its own rounding.

Rule 1: every amount reaches the lines through `step`, so levies see exactly what was charged.
Rule 2: exact figures in, whole micro-units out; what rounding held back stays in the running total.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from msgspec import Struct

from meteringest.prepaid.calendar import days_in_month
from meteringest.prepaid.lines import Kind, Line
from meteringest.prepaid.money import PPM
from meteringest.prepaid.rounding import Running, Stretch, advance
from meteringest.prepaid.slabs import SLAB_DENOMINATOR, value
from meteringest.prepaid.state import FixedRun, MonthToDate
from meteringest.prepaid.tariff import ENERGY, Levy, Payment, Sign, Tariff

Exact = Mapping[str, tuple[int, int]]
"""Numerator and denominator of a component's micro-units."""


class Step(Struct, frozen=True, kw_only=True):
    """What a group of lines is about."""

    kind: Kind
    start_s: int = 0
    meter: int = 0
    energy_uwh: int = 0
    estimated: bool = False


class Sheet:
    """The lines of a day in the making, and the month to date moving along."""

    def __init__(self, tariff: Tariff, payment: Payment, opening: MonthToDate, ver: int) -> None:
        """`ver` is the newest version of the day's own inputs."""
        self.tariff = tariff
        self.payment = payment
        self.day: date = opening.next_day
        self.account = opening.account
        self.ver = max(ver, opening.ver)
        self.lines: list[Line] = []
        self.net_uwh = opening.net_uwh
        self.days = opening.days + 1
        self.demand_w = opening.demand_w
        self.demand_va = opening.demand_va
        self.charged = dict(opening.charged)
        self.running: dict[str, Running] = dict(opening.running)
        self.fixed: dict[str, FixedRun] = dict(opening.fixed)

    def step(self, step: Step, exact: Exact, moved_uwh: int = 0) -> None:
        """Charges a step that moves the slab position by `moved_uwh`."""
        before = self.net_uwh
        self.net_uwh += moved_uwh
        amounts: dict[str, int] = {}
        for component, more in exact.items():
            amounts[component] = self._charge(component, more)
        for levy in self.tariff.levies:
            if levy.only in (None, self.payment):
                amounts[levy.name] = self._charge(levy.name, self._levy(levy, amounts, before))
        self.lines.extend(
            Line(
                account=self.account,
                day=self.day,
                kind=step.kind,
                start_s=step.start_s,
                meter=step.meter,
                component=component,
                amount=amount,
                energy_uwh=step.energy_uwh if component == ENERGY else 0,
                tariff=self.tariff.id,
                estimated=step.estimated,
                ver=self.ver,
            )
            for component, amount in amounts.items()
            if amount or (component == ENERGY and step.energy_uwh)
        )

    def _levy(self, levy: Levy, amounts: Mapping[str, int], before: int) -> tuple[int, int]:
        sign = 1 if levy.sign is Sign.CHARGE else -1
        if levy.percent_ppm is not None:
            base = sum(amounts.get(name, 0) for name in levy.of)
            return sign * levy.percent_ppm * base, PPM
        return sign * (value(levy.slabs, self.net_uwh) - value(levy.slabs, before)), (
            SLAB_DENOMINATOR
        )

    def _charge(self, component: str, more: tuple[int, int]) -> int:
        rule = self.tariff.rule(component)
        before = None if rule.at is Stretch.INTERVAL else self.running.get(component)
        running, amount = advance(before, self._stretch(rule.at), more, rule)
        if rule.at is not Stretch.INTERVAL:
            self.running[component] = running
        self.charged[component] = self.charged.get(component, 0) + amount
        return amount

    def _stretch(self, at: Stretch) -> tuple[int, str]:
        """Where a running total belongs: another day, month or tariff version starts afresh."""
        day = self.day
        number = day.year * 12 + day.month if at is Stretch.MONTH else day.toordinal()
        return number, self.tariff.id

    @property
    def month_days(self) -> int:
        """Over how many days a month's amount is spread."""
        return days_in_month(self.day)

    def closing(self) -> MonthToDate:
        """The month to date after the day; a stretch that ended leaves nothing behind."""
        stretch = self._stretch(Stretch.MONTH)
        return MonthToDate(
            account=self.account,
            next_day=self.day + timedelta(days=1),
            net_uwh=self.net_uwh,
            days=self.days,
            demand_w=self.demand_w,
            demand_va=self.demand_va,
            charged=self.charged,
            running={k: run for k, run in self.running.items() if run.stretch == stretch},
            fixed={k: run for k, run in self.fixed.items() if run.segment[0] == self.tariff.id},
            ver=self.ver,
        )
