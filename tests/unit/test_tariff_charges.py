"""Charges by example: what is held, what is settled, what a correction looks like, what is left."""

from datetime import date, timedelta

import msgspec
import pytest
from tests.unit.tariff_days import (
    ACCOUNT,
    EXAMPLES,
    LINK,
    METER,
    RUPEE,
    half_hours,
    month_of,
    tariff,
)

from meteringest.errors import InvariantError
from meteringest.prepaid.arrears import (
    RecoveryPlan,
    Split,
    Unpaid,
    instalment_on,
    late_charge,
    split_recharge,
)
from meteringest.prepaid.calendar import day_start_s
from meteringest.prepaid.charges import AccountDay, charge_day
from meteringest.prepaid.left import Ahead, Left, what_is_left
from meteringest.prepaid.lines import Kind, corrections, total
from meteringest.prepaid.reads import MeterLink, Quality, Read, Register
from meteringest.prepaid.rounding import Rounding
from meteringest.prepaid.state import MonthToDate, opened
from meteringest.prepaid.tariff import LatePayment
from meteringest.prepaid.tariff_file import load

DAY = date(2026, 5, 4)
START_S = day_start_s(DAY)
FIVE = tariff("slabs = [{ rate = 5 }]\n")
PAISA = Rounding(unit=10_000)


def a_day(**changed: object) -> AccountDay:
    plain = AccountDay(account=ACCOUNT, day=DAY, tariff=FIVE, links=(LINK,), load_w=1_000)
    return msgspec.structs.replace(plain, **changed)


def read(**changed: object) -> Read:
    plain = Read(meter=METER, start_s=START_S, interval_s=1_800, imp_wh=1_000, ver=1)
    return msgspec.structs.replace(plain, **changed)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (read(quality=Quality.SUSPECT), "quality_suspect"),
        (read(quality=Quality.REJECTED), "quality_rejected"),
        (read(imp_wh=None), "channel_missing"),
        (read(imp_wh=-1), "negative_read"),
        (read(meter=METER + 1), "meter_not_linked"),
        (read(start_s=START_S - 900), "not_inside_the_day"),
        (read(start_s=START_S + 86_400 - 900), "not_inside_the_day"),
    ],
)
def test_a_read_that_cannot_be_charged_is_held_with_its_reason(bad: Read, reason: str) -> None:
    done = charge_day(a_day(reads=[bad]), opened(ACCOUNT, DAY))
    assert [each.reason for each in done.held] == [reason]
    assert done.lines == []


def test_two_intervals_over_the_same_time_are_not_charged_twice() -> None:
    hour = read(interval_s=3_600)
    inside = read(start_s=START_S + 1_800)
    done = charge_day(a_day(reads=[inside, hour]), opened(ACCOUNT, DAY))
    assert [each.reason for each in done.held] == ["overlaps_the_interval_before"]
    assert total(done.lines) == 5 * RUPEE


def test_an_interval_in_two_bands_is_held_and_the_register_settles_it() -> None:
    bands = tariff(
        "slabs = [{ rate = 5 }]\n"
        'bands = [{ name = "a", from = "00:00", to = "00:15", percent = 100 },\n'
        '{ name = "b", from = "00:15", to = "24:00", percent = 0 }]\n'
    )
    register = Register(meter=METER, opening_wh=500, closing_wh=1_500)
    day = a_day(tariff=bands, reads=[read()], registers=[register])
    done = charge_day(day, opened(ACCOUNT, DAY))
    assert [each.reason for each in done.held] == ["in_two_bands"]
    assert [(line.kind, line.amount) for line in done.lines] == [(Kind.SETTLEMENT, 5 * RUPEE)]


def test_a_day_without_tariff_or_calendar_is_parked_whole() -> None:
    for day, reason in (
        (a_day(tariff=None, reads=[read()]), "no_tariff"),
        (a_day(tariff=tariff("calendar = 'c'\nslabs = [{ rate = 5 }]\n")), "no_calendar"),
    ):
        done = charge_day(day, opened(ACCOUNT, DAY))
        assert ([each.reason for each in done.held], done.lines) == ([reason], [])
        assert done.closing.next_day == DAY + timedelta(days=1)


def test_days_are_charged_in_order() -> None:
    with pytest.raises(InvariantError, match="day after day"):
        charge_day(a_day(), opened(ACCOUNT, DAY + timedelta(days=1)))


def test_accrual_and_settlement_are_lines_of_their_own() -> None:
    register = Register(meter=METER, opening_wh=10_000, closing_wh=12_500)
    done = charge_day(a_day(reads=[read()], registers=[register]), opened(ACCOUNT, DAY))
    assert [(line.kind, line.energy_uwh // 10**6, line.amount) for line in done.lines] == [
        (Kind.ACCRUAL, 1_000, 5 * RUPEE),
        (Kind.SETTLEMENT, 1_500, 7_500_000),
    ]


def test_a_register_that_ran_backwards_is_held() -> None:
    register = Register(meter=METER, opening_wh=10_000, closing_wh=9_000)
    done = charge_day(a_day(registers=[register]), opened(ACCOUNT, DAY))
    assert [each.reason for each in done.held] == ["register_ran_backwards"]


def test_a_replaced_meter_is_charged_on_both_sides_of_the_replacement() -> None:
    noon_s = START_S + 43_200
    links = [
        MeterLink(meter=1, from_s=0, to_s=noon_s),
        MeterLink(meter=2, from_s=noon_s, to_s=1 << 33, multiplier_ppm=2_000_000),
    ]
    reads = [
        read(meter=1),
        read(meter=1, start_s=noon_s),
        read(meter=2),
        read(meter=2, start_s=noon_s),
    ]
    done = charge_day(a_day(reads=reads, links=links), opened(ACCOUNT, DAY))
    assert total(done.lines) == 15 * RUPEE
    assert [each.reason for each in done.held] == ["meter_not_linked"] * 2


def test_a_correction_is_the_signed_difference_and_comes_once() -> None:
    first = charge_day(a_day(reads=[read()]), opened(ACCOUNT, DAY))
    posted = {line.key: line for line in first.lines}
    corrected = charge_day(a_day(reads=[read(), read(imp_wh=400, ver=9)]), opened(ACCOUNT, DAY))
    postings = corrections(posted, corrected.lines)
    assert [(each.difference, each.line.ver) for each in postings] == [(-3 * RUPEE, 9)]
    assert postings[0].is_correction
    posted |= {each.line.key: each.line for each in postings}
    assert corrections(posted, corrected.lines) == []
    withdrawn = corrections(posted, [])
    assert [each.difference for each in withdrawn] == [-2 * RUPEE]
    posted |= {each.line.key: each.line for each in withdrawn}
    assert corrections(posted, []) == []
    back = corrections(posted, first.lines)
    assert [(each.difference, each.line.ver) for each in back] == [(5 * RUPEE, 11)]


def test_a_correction_outranks_what_it_replaces_even_when_its_inputs_are_older() -> None:
    """A read of another interval with an older version that became visible late."""
    later = read(start_s=START_S + 1_800, ver=9)
    levied = tariff("slabs = [{ up_to_kwh = 1, rate = 1 }, { rate = 5 }]\n")
    first = charge_day(a_day(tariff=levied, reads=[later]), opened(ACCOUNT, DAY))
    posted = {line.key: line for line in first.lines}
    both = charge_day(a_day(tariff=levied, reads=[read(), later]), opened(ACCOUNT, DAY))
    moved = {each.line.start_s: each for each in corrections(posted, both.lines)}
    assert (moved[START_S].difference, moved[START_S].line.ver) == (RUPEE, 9)
    assert moved[START_S + 1_800].difference == 4 * RUPEE
    assert moved[START_S + 1_800].line.ver == 10


def test_export_is_carried_and_the_surplus_paid_in_its_month() -> None:
    net = tariff(
        "slabs = [{ up_to_kwh = 10, rate = 3 }, { rate = 5 }]\n"
        '[export]\nmode = "net"\nrate = 2\nsurplus_month = 6\n'
    )
    state: MonthToDate = opened(ACCOUNT, date(2026, 5, 1))
    amounts = []
    for day in [*month_of(date(2026, 5, 1)), *month_of(date(2026, 6, 1))]:
        exported = 30_000 if (day.month, day.day) == (5, 2) else 0
        used = 12_000 if day.day == 1 else 0
        start_s = day_start_s(day)
        reads = [read(start_s=start_s, imp_wh=used, exp_wh=exported)]
        done = charge_day(a_day(day=day, tariff=net, reads=reads), state)
        amounts += [(day.month, line.component, line.amount) for line in done.lines if line.amount]
        state = done.closing
    assert amounts == [
        (5, "energy", 40 * RUPEE),
        (5, "energy", -40 * RUPEE),
        (6, "surplus", -12 * RUPEE),
    ]


def test_a_minimum_waits_for_the_month_to_end() -> None:
    least = tariff('slabs = [{ rate = 5 }]\n[minimum]\namount = 75\nof = ["energy"]\n')
    state = opened(ACCOUNT, date(2026, 4, 1))
    for day in month_of(date(2026, 4, 1)):
        reads = half_hours(day, {1: 1_000}) if day.day == 7 else []
        opening = state
        done = charge_day(a_day(day=day, tariff=least, reads=reads), opening)
        state = done.closing
    assert [(line.component, line.amount) for line in done.lines] == [("minimum", 70 * RUPEE)]
    live = charge_day(a_day(day=date(2026, 4, 30), tariff=least, over=False), opening)
    assert live.lines == []


def test_a_month_of_a_fixed_charge_sums_up_whatever_its_length() -> None:
    fixed = tariff('slabs = [{ rate = 5 }]\n[[fixed]]\nname = "f"\namount = 100\n')
    for month in (date(2026, 2, 1), date(2024, 2, 1), date(2026, 4, 1), date(2026, 5, 1)):
        state, amount = opened(ACCOUNT, month), 0
        for day in month_of(month):
            done = charge_day(a_day(day=day, tariff=fixed), state)
            state, amount = done.closing, amount + total(done.lines)
        assert amount == 100 * RUPEE


def test_what_is_left_of_a_flat_rate() -> None:
    ahead = Ahead(terms=a_day(over=False), opening=opened(ACCOUNT, DAY), from_s=START_S)
    left = what_is_left(ahead, 100 * RUPEE, lambda _: 1_000)
    assert left == Left(units_uwh=20_000 * 10**6, seconds=10 * 3_600)
    assert what_is_left(ahead, -1, lambda _: 1_000) == Left(units_uwh=0, seconds=0)
    assert what_is_left(ahead, RUPEE, lambda _: 0).beyond


def test_what_is_left_ends_inside_an_interval_and_a_slab() -> None:
    slabs = tariff("slabs = [{ up_to_kwh = 1, rate = 2 }, { rate = 8 }]\n")
    terms = a_day(tariff=slabs, over=False)
    ahead = Ahead(terms=terms, opening=opened(ACCOUNT, DAY), from_s=START_S)
    left = what_is_left(ahead, 6 * RUPEE, lambda _: 1_000)
    assert left == Left(units_uwh=1_500 * 10**6, seconds=2_700)


def test_fixed_charges_use_a_balance_up_without_any_energy() -> None:
    fixed = tariff('slabs = [{ rate = 5 }]\n[[fixed]]\nname = "f"\namount = 10\nevery = "day"\n')
    terms = a_day(tariff=fixed, over=False)
    ahead = Ahead(terms=terms, opening=opened(ACCOUNT, DAY), from_s=START_S + 3_600)
    left = what_is_left(ahead, 25 * RUPEE, lambda _: 0)
    assert left == Left(units_uwh=0, seconds=3 * 86_400 - 3_600)


def test_what_is_left_of_a_real_tariff_is_what_its_charges_say() -> None:
    """The future charged by hand: up to the hour there is money, an interval later there is not."""
    domestic = load(EXAMPLES / "domestic-slabs.toml")
    ahead = Ahead(
        terms=a_day(tariff=domestic, over=False), opening=opened(ACCOUNT, DAY), from_s=START_S
    )
    balance = 400 * RUPEE
    charged_today = total(charge_day(ahead.terms, ahead.opening).lines)
    left = what_is_left(ahead, balance, lambda at_s: 300 + at_s // 1_800 % 5 * 40)
    spent, state, at_s = -charged_today, ahead.opening, START_S
    for number in range(60):
        day = DAY + timedelta(days=number)
        slots = {slot: 300 + (day_start_s(day) // 1_800 + slot) % 5 * 40 for slot in range(48)}
        reads = [msgspec.structs.replace(r, ver=0) for r in half_hours(day, slots)]
        done = charge_day(a_day(day=day, tariff=domestic, reads=reads), state)
        if spent + total(done.lines) > balance:
            assert at_s <= START_S + left.seconds < at_s + 86_400
            break
        spent, state, at_s = spent + total(done.lines), done.closing, at_s + 86_400
    assert not left.beyond


def test_arrears_take_their_share_of_a_recharge_and_never_more_than_is_owed() -> None:
    half = RecoveryPlan(share_ppm=500_000)
    assert split_recharge(half, 1_000 * RUPEE, 500 * RUPEE, PAISA) == Split(
        to_arrears=250 * RUPEE, to_balance=250 * RUPEE
    )
    assert split_recharge(half, 10 * RUPEE, 500 * RUPEE, PAISA).to_arrears == 10 * RUPEE
    assert split_recharge(half, 0, 500 * RUPEE, PAISA).to_balance == 500 * RUPEE


def test_instalments_of_a_month_sum_up() -> None:
    plan = RecoveryPlan(instalment=100 * RUPEE)
    days = month_of(date(2026, 5, 1))
    assert sum(instalment_on(plan, 10**12, day, PAISA) for day in days) == 100 * RUPEE
    assert instalment_on(plan, 1, days[4], PAISA) == 1


def test_lateness_is_charged_from_the_due_date_on_what_stood_open() -> None:
    terms = LatePayment(percent_ppm_per_month=15_000, grace_days=5)
    due = date(2026, 5, 10)
    unpaid = [Unpaid(from_day=due, amount=1_000 * RUPEE)]
    assert late_charge(terms, due, unpaid, date(2026, 5, 15), PAISA) == 0
    assert late_charge(terms, due, unpaid, date(2026, 5, 16), PAISA) == 2_960_000
    paid = [*unpaid, Unpaid(from_day=date(2026, 5, 13), amount=0)]
    assert late_charge(terms, due, paid, date(2026, 6, 30), PAISA) == 0
    partly = [*unpaid, Unpaid(from_day=date(2026, 5, 21), amount=500 * RUPEE)]
    assert late_charge(terms, due, partly, date(2026, 5, 30), PAISA) == 7_400_000
