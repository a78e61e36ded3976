"""Figures other people published, charged by this code; each test names its source.

Only sums are taken from the sources; the tariffs are written in our own file format.
"""

from datetime import date

from tests.unit.tariff_days import (
    ACCOUNT,
    EXAMPLES,
    RUPEE,
    charged,
    half_hours,
    month_of,
    month_sums,
    tariff,
)

from meteringest.prepaid.calendar_file import load_calendar
from meteringest.prepaid.charges import AccountDay, charge_days
from meteringest.prepaid.fuel import FuelNotice, FuelShare, fuel_share
from meteringest.prepaid.lines import by_component
from meteringest.prepaid.rounding import Rounding
from meteringest.prepaid.state import opened
from meteringest.prepaid.tariff_file import load

MAY = date(2026, 5, 1)

DELHI = """
[[slabs]]
up_to_kwh = 200
rate = 3
[[slabs]]
up_to_kwh = 400
rate = 4.5
[[slabs]]
up_to_kwh = 800
rate = 6.5
[[slabs]]
up_to_kwh = 1200
rate = 7
[[slabs]]
rate = 8
[[fixed]]
name = "fixed"
amount = 200
per = "kw"
[[levies]]
name = "surcharge"
kind = "surcharge"
percent = 8
of = ["energy", "fixed"]
[[levies]]
name = "electricity tax"
kind = "duty"
percent = 5
of = ["energy", "fixed"]
"""


def test_delhi_1767_units_at_20_kw() -> None:
    """electrical4u.net, Delhi bill calculator, tariff 2020-21: 17442.68 for 1767 units, 20 kW."""
    sums = month_sums(tariff(DELHI), MAY, 1_767, load_w=20_000)
    assert sums["energy"] == (600 + 900 + 2_600 + 2_800 + 4_536) * RUPEE
    assert sum(sums.values()) == 17_442_680_000


KERALA = """
[[slabs]]
up_to_kwh = 50
rate = 3.15
[[slabs]]
up_to_kwh = 100
rate = 3.70
[[slabs]]
up_to_kwh = 150
rate = 4.80
[[slabs]]
up_to_kwh = 200
rate = 6.40
[[slabs]]
rate = 7.60
[[fixed]]
name = "fixed"
amount = 55
[[fixed]]
name = "meter rent with its tax and cess"
amount = 7.14
[[fixed]]
name = "fixed charge subsidy"
amount = 20
credit = true
[[levies]]
name = "duty"
kind = "duty"
percent = 10
of = ["energy"]
[[levies]]
name = "fuel per unit"
kind = "surcharge"
slabs = [{ rate = 0.10 }]
[[levies]]
name = "energy subsidy"
kind = "subsidy"
slabs = [
  { up_to_kwh = 20, rate = 0 },
  { up_to_kwh = 25, rate = 1.50 },
  { up_to_kwh = 40, rate = 0.35 },
  { up_to_kwh = 117, rate = 0.50 },
  { rate = 0 },
]
"""


def test_kerala_117_units_with_subsidy() -> None:
    """ksebinfoportal.blogspot.com 2020/07: 424.10, 42.41, 11.70, 540.35, subsidy 51.25 + 20.

    The page writes 5.25 for the middle subsidy and 468.75 for 540 - 71.25: its sums, not its slips.
    """
    sums = month_sums(tariff(KERALA), MAY, 117)
    assert sums["energy"] == 424_100_000
    assert sums["duty"] == 42_410_000
    assert sums["fuel per unit"] == 11_700_000
    subsidy = sums.pop("energy subsidy") + sums.pop("fixed charge subsidy")
    assert subsidy == -71_250_000
    assert sum(sums.values()) == 540_350_000


def test_delhi_405_units_over_slabs_prorated_to_32_days() -> None:
    """nipunbatra.github.io 2014: 207 units at 3.70 and 198 at 5.50, "around Rs. 1850"."""
    slabs = "[[slabs]]\nup_to_kwh = 207\nrate = 3.70\n[[slabs]]\nrate = 5.50\n"
    assert month_sums(tariff(slabs), MAY, 405)["energy"] == 1_854_900_000


UTTAR_PRADESH = """
[[slabs]]
up_to_kwh = 100
rate = 3
[[slabs]]
rate = 5.50
[[fixed]]
name = "fixed"
amount = 50
per = "kw"
demand_floor_percent = 75
[rounding.default]
to = 0.0001
at = "day"
"""


def test_up_a_day_across_the_100th_unit() -> None:
    """Sujeet-180/UP-Prepaid-Engine-Automation, FORMULA_REFERENCE: 95 before, 10 today: 42.50."""
    days = [(date(2026, 5, 1), half_hours(date(2026, 5, 1), {20: 95_000}))]
    days.append((date(2026, 5, 2), half_hours(date(2026, 5, 2), {20: 10_000})))
    done = charged(tariff(UTTAR_PRADESH), days, load_w=500_000)
    assert by_component(done[1].lines)["energy"] == 42_500_000


def test_up_fixed_charge_at_75_percent_of_the_load() -> None:
    """The same: 0.75 x 1 kW x 50 / 31 = 1.2097 a day."""
    done = charged(tariff(UTTAR_PRADESH), [(MAY, [])])
    assert by_component(done[0].lines)["fixed"] == 1_209_700


def test_up_fixed_charge_when_demand_rises_on_the_tenth() -> None:
    """The same: at 90 % on day 10 the days before are adjusted by 2.1774; the day itself 1.4516."""
    days = [(day, half_hours(day, {20: 450} if day.day == 10 else {})) for day in month_of(MAY)]
    done = charged(tariff(UTTAR_PRADESH), days[:10])
    assert by_component(done[9].lines)["fixed"] == 2_177_400 + 1_451_600


def test_up_duty_and_rebate() -> None:
    """The same: on 10.00 energy and 2.00 fixed, duty of 5 % is 0.60 and rebate of 2 % is 0.24."""
    text = """
    [[slabs]]
    rate = 5
    [[fixed]]
    name = "fixed"
    amount = 2
    every = "day"
    [[levies]]
    name = "duty"
    kind = "duty"
    percent = 5
    of = ["energy", "fixed"]
    [[levies]]
    name = "rebate"
    kind = "rebate"
    percent = 2
    of = ["energy", "fixed"]
    """
    sums = by_component(charged(tariff(text), [(MAY, half_hours(MAY, {4: 2_000}))])[0].lines)
    assert (sums["duty"], sums["rebate"]) == (600_000, -240_000)


BELOW_POVERTY_LINE = """
slabs = [
  { up_to_kwh = 30, rate = 4.57 },
  { up_to_kwh = 100, rate = 5.00 },
  { up_to_kwh = 200, rate = 5.04 },
  { rate = 5.10 },
]
"""


def test_meghalaya_first_thirty_units_at_their_own_rate() -> None:
    """lalit-prakash/prepaid_engine DOMAIN_RULES on MePDCL 2026-27: 30@4.57, 70@5.00, 100@5.04."""
    sums = month_sums(tariff(BELOW_POVERTY_LINE), MAY, 201)
    assert sums["energy"] == 137_100_000 + 350_000_000 + 504_000_000 + 5_100_000


def test_meghalaya_daily_fixed_charge_is_twelve_365ths() -> None:
    """The same: monthly rate x load x 12 / 365, also on a day without energy."""
    text = """
    [[slabs]]
    rate = 5
    [[fixed]]
    name = "fixed"
    amount = 90
    per = "kw"
    every = "month-12-365"
    [rounding.fixed]
    to = 0.01
    at = "day"
    """
    sums = by_component(charged(tariff(text), [(MAY, [])], load_w=2_000)[0].lines)
    assert sums == {"fixed": 5_920_000}


def test_meghalaya_time_of_day_boundaries() -> None:
    """The same: 05:59 off-peak, 06:00 normal, 16:59 normal, 17:00 peak, 22:59 peak, 23:00 off."""
    version = load(EXAMPLES / "commercial-time-of-day.toml")
    holidays = load_calendar(EXAMPLES / "calendar-2026.toml")
    day = date(2026, 5, 4)
    rates = {11: 4_720_000, 12: 5_550_000, 33: 5_550_000, 34: 6_660_000, 45: 6_660_000}
    for slot, rate in {**rates, 46: 4_720_000}.items():
        done = charged(version, [(day, half_hours(day, {slot: 1_000}))], calendar=holidays)
        assert by_component(done[0].lines)["energy"] == rate, slot


def test_meghalaya_fuel_adjustments() -> None:
    """The same: 6,000 x -14 % = -840; 3,250 x 6.65 % = 216.125."""
    micro = Rounding(unit=1)
    down = FuelNotice(
        name="down", tariffs=(), base_month=MAY, charge_month=MAY, percent_ppm=-140_000
    )
    assert fuel_share(down, 6_000 * RUPEE, 0, micro).amount == -840 * RUPEE
    up = FuelNotice(name="up", tariffs=(), base_month=MAY, charge_month=MAY, percent_ppm=66_500)
    assert fuel_share(up, 3_250 * RUPEE, 0, micro).amount == 216_125_000


def test_a_fuel_adjustment_is_spread_and_the_last_day_takes_the_rounding() -> None:
    version = tariff("[[slabs]]\nrate = 5\n")
    days = [
        AccountDay(
            account=ACCOUNT,
            day=day,
            tariff=version,
            fuel=(FuelShare(notice="up", amount=216_125_000),),
        )
        for day in month_of(MAY)
    ]
    daily = [
        sum(line.amount for line in each.lines) for each in charge_days(days, opened(ACCOUNT, MAY))
    ]
    assert sum(daily) == 216_130_000
    assert {amount // 10_000 for amount in daily} == {697, 698}


def test_ceylon_210_units_in_31_days() -> None:
    """lankafreezone.com, CEB calculator: 31 x 3, 31 x 4.70, ... 24 x 36, then 40 % fuel on each."""
    text = """
    slabs = [
      { up_to_kwh = 31, rate = 3 },
      { up_to_kwh = 62, rate = 4.70 },
      { up_to_kwh = 93, rate = 7.50 },
      { up_to_kwh = 124, rate = 21 },
      { up_to_kwh = 186, rate = 24 },
      { rate = 36 },
    ]
    [[levies]]
    name = "fuel"
    kind = "surcharge"
    percent = 40
    of = ["energy"]
    """
    text = text.replace('"fuel"', '"fuel adjustment"')
    sums = month_sums(tariff(text), MAY, 210)
    printed = [130_20, 203_98, 325_50, 911_40, 2_083_20, 1_209_60]
    assert sum(sums.values()) == sum(printed) * 10_000
