"""More figures other people published, of bills and of bill examples; each test names its source.

What was looked for and not found with its own arithmetic: a worked bill inside a regulator's order
of Uttar Pradesh, Bihar, Karnataka, Maharashtra or Meghalaya. Their orders give rates only, or were
not readable; what is here comes from two utilities' own bills and from pages that explain bills.
"""

from datetime import date, timedelta

import msgspec
from tests.unit.tariff_days import (
    ACCOUNT,
    LINK,
    RUPEE,
    charged,
    half_hours,
    month_of,
    month_sums,
    tariff,
)

from meteringest.prepaid.charges import AccountDay, charge_days
from meteringest.prepaid.lines import by_component
from meteringest.prepaid.state import opened

MAY = date(2026, 5, 1)


def test_punjab_energy_of_a_utilitys_own_bill() -> None:
    """scribd.com 717603488, PSPCL bill of 01-MAR-2024, 27 days: 480.60, 1287.00 and 682.00.

    Slabs of 100 and 200 units are 90 and 180 in 27 days of 30; the bill prints rates and amounts.
    """
    text = """
    slabs = [
      { up_to_kwh = 90, rate = 5.34 },
      { up_to_kwh = 270, rate = 7.15 },
      { rate = 7.75 },
    ]
    """
    printed = [480_600_000, 1_287_000_000, 682_000_000]
    for units, amount in ((90, sum(printed[:1])), (270, sum(printed[:2])), (358, sum(printed))):
        assert month_sums(tariff(text), MAY, units)["energy"] == amount


TELANGANA = """
slabs = [{ up_to_kwh = 50, rate = 1.95 }, { rate = 3.10 }]
[[fixed]]
name = "fixed"
amount = 10
[[fixed]]
name = "customer charges"
amount = 70
[[levies]]
name = "electricity duty"
kind = "duty"
slabs = [{ rate = 0.06 }]
"""


def test_telangana_95_units() -> None:
    """tangerine-genie-d5a2d0.netlify.app: 97.50 + 139.50 = 237.00, 10, 70, 5.70: 322.70."""
    sums = month_sums(tariff(TELANGANA), MAY, 95)
    assert (sums["energy"], sums["electricity duty"]) == (237_000_000, 5_700_000)
    assert sum(sums.values()) == 322_700_000


def test_hyderabad_95_units_at_the_older_rates() -> None:
    """theonlineking.com: 50 x 1.45 + 45 x 2.60 = 189.50, 30, 25, duty 5.70, interest 0.10: 250.30.

    The sum is the page's; 0.10 is its "EDINT", which is no part of a tariff and is added here.
    """
    text = TELANGANA.replace("1.95", "1.45").replace("3.10", "2.60")
    text = text.replace("amount = 10", "amount = 25").replace("amount = 70", "amount = 30")
    sums = month_sums(tariff(text), MAY, 95)
    assert sums["energy"] == 189_500_000
    assert sum(sums.values()) + 100_000 == 250_300_000


def test_kerala_396_units_of_two_months() -> None:
    """ksebinfoportal.blogspot.com 2020/07: 315, 370, 480 and 614.40 are 1779.40; slabs doubled."""
    text = """
    slabs = [
      { up_to_kwh = 100, rate = 3.15 },
      { up_to_kwh = 200, rate = 3.70 },
      { up_to_kwh = 300, rate = 4.80 },
      { rate = 6.40 },
    ]
    """
    assert month_sums(tariff(text), MAY, 396)["energy"] == 1_779_400_000


def test_tamil_nadu_2012() -> None:
    """headlinesnewsworld.blogspot.com 2012/06: 80+20; 130*1.50+20; 200*2+30*3+30.

    Which slabs hold depends on the month's units there; each example is charged by its own.
    """
    for units, slabs, fixed, total in (
        (80, "{ rate = 1 }", 20, 100),
        (130, "{ rate = 1.50 }", 20, 215),
        (230, "{ up_to_kwh = 200, rate = 2 }, { rate = 3 }", 30, 520),
    ):
        text = f'slabs = [{slabs}]\n[[fixed]]\nname = "fixed"\namount = {fixed}\n'
        assert sum(month_sums(tariff(text), MAY, units).values()) == total * RUPEE


def test_uttar_pradesh_fixed_charge_of_two_kilowatts() -> None:
    """electricalsells.com: 2 kW x 90 = 180; demand below 75 % of the load: 1.5 kW x 90 = 135."""
    text = """
    slabs = [{ rate = 5 }]
    [[fixed]]
    name = "fixed"
    amount = 90
    per = "kw"
    demand_floor_percent = 75
    """
    for watt_hours, amount in ((700, 135), (1_000, 180)):
        days = [(day, half_hours(day, {20: watt_hours})) for day in month_of(MAY)]
        done = charged(tariff(text), days, load_w=2_000)
        sums = by_component(line for each in done for line in each.lines)
        assert sums["fixed"] == amount * RUPEE


def test_tamil_nadu_net_metering() -> None:
    """Tamil Nadu solar net-metering guide (online.documentine.com): 900 in, 500 out, billed 400."""
    text = 'slabs = [{ up_to_kwh = 200, rate = 3 }, { rate = 5 }]\n[export]\nmode = "net"\n'
    noon = half_hours(MAY, {24: 0})[0]
    exported = msgspec.structs.replace(noon, exp_wh=500_000)
    done = charged(tariff(text), [(MAY, [exported, *half_hours(MAY, {40: 900_000})])])
    net = by_component(done[0].lines)["energy"]
    assert net == month_sums(tariff(text), MAY, 400)["energy"] == 1_600 * RUPEE


DELHI_2022 = """
slabs = [
  { up_to_kwh = 195, rate = 3 },
  { up_to_kwh = 390, rate = 4.5 },
  { rate = 6.5 },
]
fixed = [{ name = "fixed", amount = 50, per = "kw" }]
levies = [
  { name = "ppac", kind = "surcharge", percent = 20.69, of = ["energy"] },
  { name = "ppac on fixed", kind = "surcharge", percent = 20.69, of = ["fixed"] },
  { name = "surcharge", kind = "surcharge", percent = 8, of = ["energy"] },
  { name = "surcharge on fixed", kind = "surcharge", percent = 8, of = ["fixed"] },
  { name = "pension", kind = "surcharge", percent = 7, of = ["energy", "fixed"] },
  { name = "tax", kind = "duty", percent = 5, of = ["energy", "ppac", "surcharge"] },
]
"""


def test_delhi_a_whole_bill_over_two_months() -> None:
    """scribd.com 787001983: BSES Rajdhani, 25-06-2022 to 24-07-2022, 545 units, 3 kW: 3708.76.

    Its fixed charge is for "0.97" months, 6 of 30 days and 24 of 31. Its slabs of 200 units are
    195 for that span; ours are of a calendar month, so all units are read in July.
    """
    first = date(2022, 6, 25)
    days = [first + timedelta(days=n) for n in range(30)]
    reads = {date(2022, 7, 10): half_hours(date(2022, 7, 10), {20: 545_000})}
    done = charged(tariff(DELHI_2022), [(day, reads.get(day, [])) for day in days], load_w=3_000)
    sums = by_component(line for each in done for line in each.lines)
    assert {name: amount / RUPEE for name, amount in sums.items()} == {
        "energy": 2_470.00,
        "fixed": 146.13,
        "ppac": 511.04,
        "ppac on fixed": 30.24,
        "surcharge": 197.60,
        "surcharge on fixed": 11.69,
        "pension": 183.13,
        "tax": 158.93,
    }
    assert sums["surcharge"] + sums["surcharge on fixed"] == 209_290_000
    assert sum(sums.values()) == 3_708_760_000


def test_delhi_fixed_charge_of_fourteen_days() -> None:
    """alumniagri.in, a bill explained, 24.07.2014 to 06.08.2014: 6 kW at 25 are 67.74, 8 % 5.42."""
    text = """
    slabs = [{ rate = 1 }]
    fixed = [{ name = "fixed", amount = 25, per = "kw" }]
    levies = [{ name = "surcharge", kind = "surcharge", percent = 8, of = ["fixed"] }]
    """
    days = [(date(2014, 7, 24) + timedelta(days=n), []) for n in range(14)]
    version = msgspec.structs.replace(tariff(text), effective_from=date(2014, 1, 1))
    done = charged(version, days, load_w=6_000)
    sums = by_component(line for each in done for line in each.lines)
    assert (sums["fixed"], sums["surcharge"]) == (67_740_000, 5_420_000)


def test_delhi_a_small_bill_over_three_months() -> None:
    """ro.scribd.com 95736692: BSES Rajdhani, 29-02-2012 to 24-04-2012, 11 units: 91.41."""
    text = """
    slabs = [{ rate = 3 }]
    fixed = [{ name = "fixed", amount = 30 }]
    levies = [
      { name = "fpa", kind = "surcharge", percent = 5, of = ["energy"] },
      { name = "tax", kind = "duty", percent = 5, of = ["energy", "fpa"] },
    ]
    """
    version = msgspec.structs.replace(tariff(text), effective_from=date(2012, 1, 1))
    first = date(2012, 2, 29)
    days = [first + timedelta(days=n) for n in range(56)]
    units = {date(2012, 3, 9): 11_000}
    read = [(day, half_hours(day, {20: units.get(day, 0)})) for day in days]
    done = charged(version, read)
    sums = by_component(line for each in done for line in each.lines)
    printed = {"energy": 33.00, "fixed": 55.03, "fpa": 1.65, "tax": 1.73}
    assert {name: amount / RUPEE for name, amount in sums.items()} == printed
    assert sum(sums.values()) == 91_410_000


def test_delhi_a_bill_in_kvah_with_a_change_inside_it() -> None:
    """scribd.com, BSES Rajdhani of 27.12.2024, 1215 kVAh and 6 kVA, PPAC 35.83 % then 18.19 %.

    Every printed part to the paisa, but for the tax: 733.86 there, rounded once over both rates;
    here a version ends its stretch, 670.57 and 63.28. The 78.48 of "other charges" are no tariff.
    """
    text = DELHI_2022.replace('50, per = "kw"', '250, per = "kva"').replace("20.69", "35.83")
    text = 'basis = "kvah"\nslabs = [{ rate = 8.50 }]' + text[text.index("]\nfixed") + 1 :]
    change = date(2024, 12, 21)
    old, new = tariff(text), tariff(text.replace("35.83", "18.19"))
    units = {date(2024, 12, 10): 1_097_000, date(2024, 12, 22): 118_000}
    days = [
        AccountDay(
            account=ACCOUNT,
            day=day,
            tariff=old if day < change else new,
            load_w=6_000,
            reads=half_hours(day, {20: units.get(day, 0)}),
            links=(LINK,),
        )
        for day in (date(2024, 11, 23) + timedelta(days=n) for n in range(31))
    ]
    done = charge_days(days, opened(ACCOUNT, days[0].day))
    sums = by_component(line for each in done for line in each.lines)
    sums["surcharge"] += sums.pop("surcharge on fixed")
    assert {name: amount / RUPEE for name, amount in sums.items()} == {
        "energy": 10_327.50,
        "fixed": 1_512.90,
        "ppac": 3_523.42,
        "ppac on fixed": 516.46,
        "surcharge": 947.23,
        "pension": 828.83,
        "tax": 733.85,
    }
    assert sum(sums.values()) + 78_480_000 + 10_000 == 18_468_680_000
