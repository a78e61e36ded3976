"""More figures other people published, of bills and of bill examples; each test names its source.

What was looked for and not found with its own arithmetic: a worked bill inside a regulator's order
of Uttar Pradesh, Bihar, Karnataka, Maharashtra or Meghalaya. Their orders give rates only, or were
not readable; what is here comes from one utility's own bill and from pages that explain bills.
"""

from datetime import date

import msgspec
from tests.unit.tariff_days import RUPEE, charged, half_hours, month_of, month_sums, tariff

from meteringest.prepaid.lines import by_component

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
