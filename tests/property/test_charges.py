"""Charges against the slow model: to the last micro-unit, whatever arrives in whatever order."""

import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.slow_model import SlowDay, SlowRead, judge, nearest
from tests.property.tariff_strategies import account_span

from meteringest.prepaid.calendar import Calendar
from meteringest.prepaid.charges import AccountDay, DayCharges, charge_days
from meteringest.prepaid.fuel import FuelShare
from meteringest.prepaid.lines import Key, Line, corrections
from meteringest.prepaid.reads import MeterLink, Quality, Read, Register
from meteringest.prepaid.rounding import Mode, Rounding, rounded
from meteringest.prepaid.slabs import Slab, value
from meteringest.prepaid.state import opened
from meteringest.prepaid.tariff import Payment, Tariff
from meteringest.prepaid.tariff_file import parse

ACCOUNT = 5
CASES = int(os.environ.get("MONEY_CASES", "250"))
Sums = dict[tuple[date, str], int]


def account_day(slow: SlowDay, reads: Sequence[SlowRead], parsed: dict[str, Tariff]) -> AccountDay:
    return AccountDay(
        account=ACCOUNT,
        day=slow.day,
        tariff=parsed.setdefault(slow.text, parse(slow.text)),
        calendar=Calendar(
            name="c",
            covers_from=date(2000, 1, 1),
            covers_to=date(2100, 1, 1),
            holidays=dict.fromkeys(slow.holidays, "h"),
        ),
        payment=Payment(slow.payment),
        load_w=int(slow.load_kw * 1_000),
        reads=[fast_read(read) for read in reads],
        links=[
            MeterLink(meter=meter, from_s=0, to_s=1 << 33, multiplier_ppm=int(factor * 1_000_000))
            for meter, factor in slow.multipliers.items()
        ],
        registers=[
            Register(
                meter=meter,
                opening_wh=1_000,
                closing_wh=1_000 + wh,
                opening_vah=2_000,
                closing_vah=2_000 + vah,
                opening_exp_wh=3_000,
                closing_exp_wh=3_000 + exp,
            )
            for meter, (wh, vah, exp) in slow.registers.items()
        ],
        fuel=[FuelShare(notice="n", amount=amount) for amount in slow.fuel],
    )


def fast_read(read: SlowRead) -> Read:
    return Read(
        meter=read.meter,
        start_s=read.start_s,
        interval_s=read.interval_s,
        imp_wh=read.imp_wh,
        exp_wh=read.exp_wh,
        imp_vah=read.imp_vah,
        quality=Quality(read.quality),
        ver=read.ver,
    )


def charge(span: Sequence[SlowDay], arrived: Sequence[SlowRead] | None = None) -> list[DayCharges]:
    parsed: dict[str, Tariff] = {}
    days = [
        account_day(
            slow,
            slow.reads if arrived is None else [read for read in arrived if read in slow.reads],
            parsed,
        )
        for slow in span
    ]
    return list(charge_days(days, opened(ACCOUNT, span[0].day)))


def sums(lines: Sequence[Line]) -> Sums:
    found: Sums = defaultdict(int)
    for line in lines:
        found[line.day, line.component] += line.amount
    return {key: amount for key, amount in found.items() if amount}


@settings(max_examples=CASES)
@given(account_span())
def test_charges_are_those_of_the_slow_model(span: list[SlowDay]) -> None:
    lines = [line for day in charge(span) for line in day.lines]
    assert sums(lines) == judge(span)
    assert len({line.key for line in lines}) == len(lines)


@settings(max_examples=CASES)
@given(account_span(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_order_of_arrival_ends_in_the_same_charges(
    span: list[SlowDay], order: Random, batches: int
) -> None:
    """Late, corrected, estimated, suspect and repeated reads; posted as they come."""
    arriving = [read for slow in span for read in slow.reads]
    arriving += order.sample(arriving, len(arriving) // 2)
    order.shuffle(arriving)
    posted: dict[Key, Line] = {}
    booked: Sums = defaultdict(int)
    for count in range(1, batches + 1):
        arrived = arriving[: len(arriving) * count // batches]
        lines = [line for day in charge(span, arrived) for line in day.lines]
        for posting in corrections(posted, lines):
            before = posted.get(posting.line.key)
            assert before is None or posting.line.ver > before.ver
            posted[posting.line.key] = posting.line
            booked[posting.line.day, posting.line.component] += posting.difference
        assert corrections(posted, lines) == []
    assert {key: amount for key, amount in booked.items() if amount} == judge(span)
    assert sums(list(posted.values())) == judge(span)


@settings(max_examples=CASES // 5)
@given(account_span())
def test_charging_again_gives_the_same_lines_and_state(span: list[SlowDay]) -> None:
    assert charge(span) == charge(span)


@settings(max_examples=1_000)
@given(
    st.integers(-(10**15), 10**15),
    st.integers(1, 10**9),
    st.integers(1, 10**7),
    st.sampled_from(list(Mode)),
)
def test_rounding_is_that_of_fractions(
    numerator: int, denominator: int, unit: int, mode: Mode
) -> None:
    tie = denominator * unit * (2 * (numerator % 1_000) + 1)
    for top, bottom in ((numerator, denominator), (tie, 2 * denominator), (-tie, 2 * denominator)):
        slow = nearest(Fraction(top, bottom), Fraction(unit), mode.value)
        assert rounded(top, bottom, Rounding(unit=unit, mode=mode)) == slow


@settings(max_examples=1_000)
@given(st.lists(st.integers(0, 500_000), max_size=20), st.integers(0, 300_000))
def test_slabs_do_not_care_how_energy_is_cut(pieces: list[int], edge: int) -> None:
    slabs = (Slab(rate=3_000_000, up_to_uwh=edge + 1), Slab(rate=7_000_000))
    position, total = 0, 0
    for piece in pieces:
        total += value(slabs, position + piece) - value(slabs, position)
        position += piece
    assert total == value(slabs, sum(pieces))
