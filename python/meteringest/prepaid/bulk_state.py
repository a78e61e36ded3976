"""Month to date in columns, and the way from and to the state of a single account."""

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from meteringest.prepaid.calendar import days_in_month
from meteringest.prepaid.money import PPM, UWH_PER_WH
from meteringest.prepaid.rounding import Running
from meteringest.prepaid.slabs import SLAB_DENOMINATOR
from meteringest.prepaid.state import FixedRun, MonthToDate
from meteringest.prepaid.tariff import (
    ENERGY,
    EXPORT,
    FUEL,
    MINIMUM,
    SURPLUS,
    TIME_OF_DAY,
    Every,
    Per,
    Tariff,
)

Ints = NDArray[np.int64]
SCALED = UWH_PER_WH
"""Columns hold Wh: a numerator of energy is a millionth of the scalar one."""
FITS = 1 << 61
WATTS = 1_000


class BulkState:
    """Columns of MonthToDate for accounts of one tariff at the beginning of one day."""

    def __init__(self, rows: int) -> None:
        """All at the beginning of a month."""
        self.rows = rows
        self.scalar: NDArray[np.bool_] = np.zeros(rows, dtype=bool)
        self.net_wh, self.days, self.demand_w, self.demand_va = (
            np.zeros(rows, dtype=np.int64) for _ in range(4)
        )
        self.numerators: dict[str, Ints] = {}
        self.charged: dict[str, Ints] = {}
        self.month: dict[str, Ints] = {}
        self.fixed_days: dict[str, Ints] = {}
        self.fixed_billed: dict[str, Ints] = {}

    def of(self, columns: dict[str, Ints], name: str) -> Ints:
        """A component's column, zeros when it has none yet."""
        found = columns.get(name)
        return np.zeros(self.rows, dtype=np.int64) if found is None else found

    def copied(self) -> "BulkState":
        """A state that may be moved along; columns are replaced, never written into."""
        twin = BulkState(self.rows)
        for name, column in vars(self).items():
            setattr(twin, name, dict(column) if isinstance(column, dict) else column)
        twin.days = self.days.copy()
        return twin


def in_columns(
    tariff: Tariff, day: date, states: Sequence[MonthToDate], loads_w: Sequence[int]
) -> BulkState:
    """States of single accounts as columns; a row that does not fit is flagged."""
    found = BulkState(len(states))
    for row, (state, load_w) in enumerate(zip(states, loads_w, strict=True)):
        net, rest = divmod(state.net_uwh, SCALED)
        found.scalar[row] |= bool(rest) or abs(net) > FITS
        found.net_wh[row], found.days[row] = (0 if found.scalar[row] else net), state.days
        found.demand_w[row], found.demand_va[row] = state.demand_w, state.demand_va
        for name, charged in state.charged.items():
            _put(found, found.month, name, row, charged)
        for name, running in state.running.items():
            if running.stretch == (day.year * 12 + day.month, tariff.id):
                numerator, rest = _scaled(running)
                found.scalar[row] |= rest != 0
                _put(found, found.numerators, name, row, numerator)
                _put(found, found.charged, name, row, running.charged)
        for name, run in state.fixed.items():
            if run.segment == (tariff.id, load_w):
                _put(found, found.fixed_days, name, row, run.days)
                _put(found, found.fixed_billed, name, row, run.billed)
    return found


def _scaled(running: Running) -> tuple[int, int]:
    is_energy = running.denominator % SLAB_DENOMINATOR == 0
    return divmod(running.numerator, SCALED if is_energy else 1)


def _put(state: BulkState, columns: dict[str, Ints], name: str, row: int, figure: int) -> None:
    if name not in columns:
        columns[name] = np.zeros(state.rows, dtype=np.int64)
    if abs(figure) > FITS:
        state.scalar[row] = True
    else:
        columns[name][row] = figure


def denominators(tariff: Tariff, month_days: int) -> dict[str, int]:
    """Over what each component's scalar numerator stands."""
    found = {ENERGY: SLAB_DENOMINATOR, EXPORT: SLAB_DENOMINATOR, FUEL: month_days}
    found[SURPLUS] = SLAB_DENOMINATOR
    found[TIME_OF_DAY] = SLAB_DENOMINATOR * PPM
    for fixed in tariff.fixed:
        share = {Every.DAY: 1, Every.MONTH: month_days, Every.MONTH_12_365: 365}[fixed.every]
        found[fixed.name] = share * (1 if fixed.per is Per.CONNECTION else WATTS)
    if tariff.minimum is not None:
        watts = 1 if tariff.minimum.per is Per.CONNECTION else WATTS
        found[MINIMUM] = watts * month_days
    for levy in tariff.levies:
        found[levy.name] = PPM if levy.percent_ppm is not None else SLAB_DENOMINATOR
    return found


def of_row(
    tariff: Tariff, state: BulkState, row: int, seed: MonthToDate, load_w: int
) -> MonthToDate:
    """One row as the state of a single account; `seed` names account, next day and version."""
    day = seed.next_day
    over = denominators(tariff, days_in_month(day))
    month = (day.year * 12 + day.month, tariff.id)
    return MonthToDate(
        account=seed.account,
        next_day=day,
        ver=seed.ver,
        net_uwh=int(state.net_wh[row]) * SCALED,
        days=int(state.days[row]),
        demand_w=int(state.demand_w[row]),
        demand_va=int(state.demand_va[row]),
        charged={name: int(column[row]) for name, column in state.month.items()},
        running={
            name: Running(
                month,
                int(column[row]) * (SCALED if over[name] % SLAB_DENOMINATOR == 0 else 1),
                over[name],
                int(state.charged[name][row]),
            )
            for name, column in state.numerators.items()
        },
        fixed={
            name: FixedRun(
                (tariff.id, load_w), int(column[row]), int(state.fixed_billed[name][row])
            )
            for name, column in state.fixed_days.items()
        },
    )
