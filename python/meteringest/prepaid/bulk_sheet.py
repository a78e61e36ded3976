"""A day's sheet in columns: what sheet.Sheet does for one account, for very many at once.

Rule 1: equal to the last micro-unit, or the row is flagged for a sheet of its own.
Rule 2: 64-bit columns; a product that might not fit flags its row, nothing wraps.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from meteringest.prepaid.bulk_state import FITS, SCALED, BulkState
from meteringest.prepaid.lines import Kind
from meteringest.prepaid.money import PPM
from meteringest.prepaid.rounding import Mode, Rounding, Stretch
from meteringest.prepaid.slabs import Slab
from meteringest.prepaid.tariff import Levy, Payment, Sign, Tariff

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Exact = Mapping[str, tuple[Ints, int]]
"""Numerators and the denominator of a component's micro-units."""
KWH = 1_000


class BulkSheet:
    """One day in the making; `scalar` gathers the rows that do not fit."""

    def __init__(self, tariff: Tariff, payment: Payment, day: date, opening: BulkState) -> None:
        """The opening stays as it is; `state` moves along."""
        self.tariff = tariff
        self.payment = payment
        self.day = day
        self.state = opening.copied()
        self.scalar: Bools = opening.scalar.copy()
        self.lines: dict[tuple[Kind, str], Ints] = {}
        self._today: dict[str, tuple[Ints, Ints]] = {}

    def step(self, kind: Kind, exact: Exact, moved: Ints | None = None) -> None:
        """Charges a step that moves the slab position, with the levies on it."""
        before = self.state.net_wh
        if moved is not None:
            self.state.net_wh = before + moved
        amounts = {name: self._charge(kind, name, *more) for name, more in exact.items()}
        for levy in self.tariff.levies:
            if levy.only in (None, self.payment):
                more = self._levy(levy, amounts, before)
                amounts[levy.name] = self._charge(kind, levy.name, *more)

    def times(self, column: Ints, factor: int) -> Ints:
        """The product, or 0 and a flag where it might not fit."""
        bad = np.abs(column) > FITS // max(abs(factor), 1)
        if not bad.any():
            return column * factor
        self.scalar |= bad
        return np.where(bad, 0, column) * factor

    def value(self, slabs: Sequence[Slab], position: Ints) -> Ints:
        """slabs.value on a column of Wh; the denominator is KWH."""
        total = np.zeros_like(position)
        floor = 0
        for slab in slabs:
            ceiling = FITS if slab.up_to_uwh is None else -(-slab.up_to_uwh // SCALED)
            total += self.times(np.clip(position, floor, max(ceiling, floor)) - floor, slab.rate)
            floor = ceiling
        return total

    def _levy(self, levy: Levy, amounts: Mapping[str, Ints], before: Ints) -> tuple[Ints, int]:
        sign = 1 if levy.sign is Sign.CHARGE else -1
        if levy.percent_ppm is not None:
            base = sum(
                (amounts[name] for name in levy.of if name in amounts), np.zeros_like(before)
            )
            return self.times(base, sign * levy.percent_ppm), PPM
        now, was = (self.value(levy.slabs, at) for at in (self.state.net_wh, before))
        return sign * (now - was), KWH

    def _charge(self, kind: Kind, name: str, numerator: Ints, denominator: int) -> Ints:
        """Adds to the running total and rounds it, as rounding.advance does."""
        state, rule = self.state, self.tariff.rule(name)
        zero = np.zeros_like(numerator)
        if rule.at is Stretch.MONTH:
            before, charged = state.of(state.numerators, name), state.of(state.charged, name)
        else:
            before, charged = self._today.get(name, (zero, zero))
        total = before + numerator
        now = self._rounded(total, denominator, rule)
        if rule.at is Stretch.MONTH:
            state.numerators[name], state.charged[name] = total, now
        else:
            self._today[name] = (total, now)
        amount: Ints = now - charged
        self.lines[kind, name] = self.lines.get((kind, name), zero) + amount
        state.month[name] = state.of(state.month, name) + amount
        return amount

    def _rounded(self, numerator: Ints, denominator: int, rule: Rounding) -> Ints:
        step = denominator * rule.unit
        if step > FITS:
            self.scalar |= True
            return np.zeros_like(numerator)
        size = np.abs(numerator)
        self.scalar |= size > FITS
        count = size // step
        rest = size - count * step
        match rule.mode:
            case Mode.UP:
                count += rest > 0
            case Mode.HALF_UP:
                count += 2 * rest >= step
            case Mode.HALF_EVEN:
                count += (2 * rest > step) | ((2 * rest == step) & (count % 2 == 1))
            case Mode.DOWN:
                pass
        now: Ints = np.sign(numerator) * count * rule.unit
        return now
