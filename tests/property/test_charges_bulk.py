"""Many accounts in columns against one account at a time: equal, or flagged."""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from tests.property.tariff_strategies import tariff_text
from tests.property.test_charges import CASES

from meteringest.prepaid.bulk import Columns, bands_today, charge_accounts, refusal
from meteringest.prepaid.bulk_state import BulkState, in_columns, of_row
from meteringest.prepaid.calendar import Calendar, day_start_s
from meteringest.prepaid.charges import AccountDay, charge_day
from meteringest.prepaid.fuel import FuelShare
from meteringest.prepaid.lines import Kind, Line
from meteringest.prepaid.reads import MeterLink, Read, Register
from meteringest.prepaid.state import MonthToDate, opened
from meteringest.prepaid.tariff import Payment, Tariff
from meteringest.prepaid.tariff_file import parse

LINK = MeterLink(meter=1, from_s=0, to_s=1 << 33)
CALENDAR = Calendar(name="c", covers_from=date(2000, 1, 1), covers_to=date(2100, 1, 1), holidays={})
QUARTER_S = 900


class Row(msgspec.Struct):
    """What one account used in one day."""

    bands: list[int]
    settlement: int
    export: int
    load_w: int
    fuel: int


@st.composite
def fleet_days(draw: DrawFn) -> tuple[Tariff, list[tuple[date, list[Row]]]]:
    text = draw(tariff_text("2020-01-01")).replace('at = "interval"', 'at = "day"')
    version = parse(text)
    accounts = draw(st.integers(1, 3))
    loads = [draw(st.sampled_from((500, 1_000, 5_250))) for _ in range(accounts)]
    start = draw(st.sampled_from((date(2026, 2, 24), date(2026, 4, 25))))
    end = date(start.year, start.month + 1, 1)
    days = [start + timedelta(days=n) for n in range(draw(st.integers(1, (end - start).days)))]
    return version, [(day, [draw(row(version, day, load)) for load in loads]) for day in days]


@st.composite
def row(draw: DrawFn, version: Tariff, day: date, load_w: int) -> Row:
    wh = st.integers(0, 60_000) | st.sampled_from((0, 1, 5 * 10**7))
    bands = [draw(wh) for _ in bands_today(version, day, CALENDAR) or [()]]
    settlement = draw(st.just(0) | st.integers(-min(sum(bands), 5_000), 5_000))
    exports = version.export.mode != "none"
    return Row(
        bands=bands,
        settlement=settlement,
        export=draw(wh) if exports else 0,
        load_w=load_w,
        fuel=draw(st.sampled_from((0, 0, 123_456_789, -9_999_999))),
    )


def alone(version: Tariff, day: date, row: Row, account: int) -> AccountDay:
    start_s = day_start_s(day)
    starts = [band.from_min for band in bands_today(version, day, CALENDAR)] or [0]
    energy = sum(row.bands) + row.settlement
    reads = [
        Read(
            meter=1,
            start_s=start_s + minute * 60,
            interval_s=QUARTER_S,
            imp_wh=wh,
            imp_vah=wh,
            exp_wh=row.export if index == 0 else 0,
        )
        for index, (minute, wh) in enumerate(zip(starts, row.bands, strict=True))
    ]
    register = Register(
        meter=1,
        opening_wh=0,
        closing_wh=energy,
        closing_vah=energy,
        closing_exp_wh=row.export,
        opening_vah=0,
    )
    return AccountDay(
        account=account,
        day=day,
        tariff=version,
        calendar=CALENDAR,
        load_w=row.load_w,
        reads=reads,
        links=[LINK],
        registers=[register],
        fuel=[FuelShare(notice="n", amount=row.fuel)] if row.fuel else [],
    )


def columns(rows: Sequence[Row]) -> Columns:
    def ints(figures: Sequence[int]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        return np.array(figures, dtype=np.int64)

    demand = [max(row.bands) * 4 for row in rows]
    return Columns(
        bands=[ints(each) for each in zip(*(row.bands for row in rows), strict=True)],
        settlement=ints([row.settlement for row in rows]),
        export=ints([row.export for row in rows]),
        settlement_export=ints([0 for _ in rows]),
        load_w=ints([row.load_w for row in rows]),
        demand_w=ints(demand),
        demand_va=ints(demand),
        fuel=ints([row.fuel for row in rows]),
    )


@settings(max_examples=CASES)
@given(fleet_days())
def test_columns_equal_one_account_at_a_time(
    fleet: tuple[Tariff, list[tuple[date, list[Row]]]],
) -> None:
    version, days = fleet
    assert refusal(version) is None
    accounts = range(len(days[0][1]))
    singles: list[MonthToDate] = [opened(account, days[0][0]) for account in accounts]
    state = BulkState(len(singles))
    for day, rows in days:
        bulk = charge_accounts(version, Payment.PREPAID, (day, CALENDAR), columns(rows), state)
        state = bulk.closing
        for account in accounts:
            done = charge_day(alone(version, day, rows[account], account), singles[account])
            singles[account] = done.closing
            if not bulk.scalar[account]:
                charged = {key: int(column[account]) for key, column in bulk.lines.items()}
                assert {k: v for k, v in charged.items() if v} == by_line(done.lines)
        loads = [row.load_w for row in rows]
        next_day = day + timedelta(days=1)
        if next_day.month == day.month:
            again = in_columns(version, next_day, singles, loads)
            for account in accounts:
                if not bulk.scalar[account] and not again.scalar[account]:
                    seed = opened(account, next_day)
                    one = of_row(version, state, account, seed, loads[account])
                    two = of_row(version, again, account, seed, loads[account])
                    assert told(one) == told(two)


def by_line(lines: Sequence[Line]) -> dict[tuple[Kind, str], int]:
    sums: dict[tuple[Kind, str], int] = {}
    for line in lines:
        key = (line.kind, line.component)
        sums[key] = sums.get(key, 0) + line.amount
    return {key: amount for key, amount in sums.items() if amount}


def told(state: MonthToDate) -> MonthToDate:
    """Without components of which nothing was ever charged."""
    return msgspec.structs.replace(
        state,
        charged={k: v for k, v in state.charged.items() if v},
        running={k: v for k, v in state.running.items() if v.numerator or v.charged},
    )


def test_ordinary_days_are_not_flagged() -> None:
    """A flag on everything would pass the comparison above."""
    version = parse(
        'name = "t"\ntitle = "t"\ncurrency = "INR"\neffective_from = 2020-01-01\n'
        "slabs = [{ up_to_kwh = 100, rate = 3 }, { rate = 5 }]\n"
    )
    row = Row(bands=[150_000], settlement=-20, export=0, load_w=1_000, fuel=0)
    day = (date(2026, 5, 1), CALENDAR)
    bulk = charge_accounts(version, Payment.PREPAID, day, columns([row]), BulkState(1))
    assert not bulk.scalar.any()
    assert (
        int(bulk.lines[Kind.ACCRUAL, "energy"][0]) + int(bulk.lines[Kind.SETTLEMENT, "energy"][0])
        == 549_900_000
    )


def test_a_percent_band_over_a_slab_edge_is_flagged() -> None:
    version = parse(
        'name = "t"\ntitle = "t"\ncurrency = "INR"\neffective_from = 2020-01-01\n'
        "slabs = [{ up_to_kwh = 100, rate = 3 }, { rate = 5 }]\n"
        'bands = [{ name = "a", from = "00:00", to = "12:00", percent = 10 },\n'
        '{ name = "b", from = "12:00", to = "24:00", percent = 20 }]\n'
    )
    rows = [
        Row(bands=[60_000, 60_000], settlement=0, export=0, load_w=1_000, fuel=0),
        Row(bands=[40_000, 60_000], settlement=0, export=0, load_w=1_000, fuel=0),
    ]
    day = (date(2026, 5, 1), CALENDAR)
    bulk = charge_accounts(version, Payment.PREPAID, day, columns(rows), BulkState(2))
    assert bulk.scalar.tolist() == [True, False]
    assert int(bulk.lines[Kind.ACCRUAL, "time-of-day"][1]) == 12_000_000 + 36_000_000
