"""Tariff files: what is refused, with which line and reason; what names a version."""

from datetime import date
from pathlib import Path

import pytest
from tests.unit.tariff_days import EXAMPLES, HEAD

from meteringest.errors import RulesError
from meteringest.prepaid.calendar_file import parse_calendar
from meteringest.prepaid.command import tariffs_check, tariffs_show
from meteringest.prepaid.fuel import fuel_share
from meteringest.prepaid.fuel_file import load_fuel, parse_fuel
from meteringest.prepaid.rounding import Rounding
from meteringest.prepaid.tariff import TariffBook
from meteringest.prepaid.tariff_file import load, parse

FLAT = "slabs = [{ rate = 5 }]\n"
TWO_BANDS = """
[[bands]]
name = "day"
from = "06:00"
to = "22:00"
percent = 0
[[bands]]
name = "night"
from = "22:00"
to = "06:00"
percent = -10
"""

REFUSED = {
    "a typo": ("slab = 1\n", 6, "unknown field `slab`"),
    "no price at all": ("", 1, "energy has no price"),
    "slabs out of order": (
        (
            "[[slabs]]\nup_to_kwh = 100\nrate = 3\n[[slabs]]\nup_to_kwh = 50\nrate = 4\n"
            "[[slabs]]\nrate = 5\n"
        ),
        10,
        "slabs out of order",
    ),
    "a last slab with an end": ("[[slabs]]\nup_to_kwh = 100\nrate = 3\n", 6, "leaves `up_to_kwh`"),
    "a slab without end in the middle": (
        "[[slabs]]\nrate = 3\n[[slabs]]\nrate = 4\n",
        6,
        "only the last one is without end",
    ),
    "a rate below zero": ("[[slabs]]\nrate = -3\n", 7, "wrong sign"),
    "a rate of too many decimals": ("[[slabs]]\nrate = 3.1234567\n", 7, "more than 6 decimals"),
    "a rate that is no number": ("[[slabs]]\nrate = nan\n", 7, "is not a number"),
    "money of too many decimals": (
        FLAT + '[[fixed]]\nname = "f"\namount = 10.005\n',
        9,
        "more than 2 decimals",
    ),
    "a gap in the bands": (
        FLAT + TWO_BANDS.replace('to = "06:00"', 'to = "05:00"'),
        8,
        "gap: no band holds 05:00-06:00",
    ),
    "an overlap in the bands": (
        FLAT + TWO_BANDS.replace('to = "06:00"', 'to = "07:30"'),
        8,
        "overlap: bands day and night both hold 06:00-07:30",
    ),
    "a band with two prices": (
        FLAT + TWO_BANDS.replace("percent = -10", "percent = -10\nadd = 1"),
        13,
        "exactly one of",
    ),
    "a band that pays for use": (
        FLAT + TWO_BANDS.replace("percent = -10", "add = -5.01"),
        17,
        "more off than the cheapest slab",
    ),
    "no time of day": (
        FLAT + TWO_BANDS.replace('from = "22:00"', 'from = "25:00"'),
        15,
        "no time of day",
    ),
    "bands on a day type nobody defined": (
        FLAT + TWO_BANDS + 'days = ["sunday"]\n',
        18,
        "no day type",
    ),
    "own rates beside slabs": (
        FLAT + TWO_BANDS.replace("percent", "rate").replace("-10", "10"),
        8,
        "takes the place of slabs",
    ),
    "own rates without a settlement band": (
        TWO_BANDS.replace("percent", "rate").replace("-10", "10"),
        7,
        "`settlement_band` must name",
    ),
    "holidays without a calendar": (
        FLAT + '[[day_types]]\nname = "rest"\nholidays = true\n',
        9,
        "needs a `calendar`",
    ),
    "a levy of what comes later": (
        FLAT + '[[levies]]\nname = "a"\nkind = "duty"\npercent = 5\nof = ["b"]\n'
        '[[levies]]\nname = "b"\nkind = "duty"\npercent = 5\nof = ["energy"]\n',
        11,
        "'b' is no component charged before it",
    ),
    "a rebate written with a minus": (
        FLAT + '[[levies]]\nname = "a"\nkind = "rebate"\npercent = -2\nof = ["energy"]\n',
        10,
        "wrong sign",
    ),
    "a levy of no kind": (
        FLAT + '[[levies]]\nname = "a"\nkind = "tax"\npercent = 2\nof = ["energy"]\n',
        9,
        "wanted one of duty, surcharge, rebate, subsidy",
    ),
    "a reserved name": (FLAT + '[[fixed]]\nname = "energy"\namount = 1\n', 8, "taken or reserved"),
    "a minimum of nothing known": (
        FLAT + '[minimum]\namount = 5\nof = ["nothing"]\n',
        9,
        "no component charged before it",
    ),
    "rounding to nothing": (FLAT + "[rounding.energy]\nto = 0\n", 8, "wanted more than zero"),
    "rounding of no component": (FLAT + "[rounding.total]\nto = 1\n", 7, "is no component"),
    "a span that ends before it begins": (
        "effective_to = 2019-12-31\n" + FLAT,
        6,
        "is before 2020-01-01",
    ),
    "net metering with bands": (
        FLAT + TWO_BANDS + '[export]\nmode = "net"\n',
        19,
        "not supported",
    ),
    "a billing day some months lack": (FLAT + "[billing]\nday = 29\n", 8, "wanted 1 to 28"),
    "a bill due before it is made": (
        FLAT + "[billing]\ndue_days = -1\n",
        8,
        "wanted 0 to 366",
    ),
    "demand billing per connection": (
        FLAT + '[[fixed]]\nname = "f"\namount = 1\ndemand_floor_percent = 75\n',
        10,
        "needs `per` kw or kva",
    ),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_what_cannot_be_charged_is_refused_with_its_line(case: str) -> None:
    text, line, reason = REFUSED[case]
    with pytest.raises(RulesError) as refusal:
        parse(HEAD + text, "t.toml")
    assert any(
        problem.startswith(f"t.toml:{line}:") and reason in problem
        for problem in refusal.value.problems
    ), refusal.value


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(RulesError) as refusal:
        parse(HEAD + "[[slabs]]\nrate = -3\n[rounding.total]\nto = 0\n", "t.toml")
    assert len(refusal.value.problems) == 3


def test_no_toml_and_no_file() -> None:
    with pytest.raises(RulesError, match="not TOML"):
        parse("name = ")
    with pytest.raises(RulesError, match="cannot be read"):
        load(Path("/nonexistent/tariff.toml"))


def test_the_id_names_the_content_not_the_layout() -> None:
    plain = parse(HEAD + FLAT)
    assert parse(HEAD + "# a comment\nslabs = [ {rate=5.00} ]\n").id == plain.id
    assert parse(HEAD + "slabs = [{ rate = 5.000001 }]\n").id != plain.id


def test_the_version_that_began_last_is_in_force() -> None:
    first = parse(HEAD + FLAT)
    second = parse(HEAD.replace("2020-01-01", "2026-04-01") + FLAT)
    third = parse(HEAD.replace("2020-01-01", "2026-04-01") + "revision = 1\n" + FLAT)
    book = TariffBook([third, first, second])
    assert book.at("t", date(2019, 12, 31)) is None
    assert book.at("t", date(2026, 3, 31)) is first
    assert book.at("t", date(2026, 4, 1)) is third
    assert book.at("other", date(2026, 4, 1)) is None
    ended = parse(HEAD + "effective_to = 2020-12-31\n" + FLAT)
    assert TariffBook([ended]).at("t", date(2021, 1, 1)) is None


def test_a_version_is_never_changed() -> None:
    book = TariffBook([parse(HEAD + FLAT)])
    assert book.clashes(parse(HEAD + FLAT)) is None
    assert "never changed" in str(book.clashes(parse(HEAD + "slabs = [{ rate = 6 }]\n")))
    assert book.clashes(parse(HEAD + "revision = 1\nslabs = [{ rate = 6 }]\n")) is None


@pytest.mark.parametrize(
    "name", ["flat.toml", "domestic-slabs.toml", "commercial-time-of-day.toml"]
)
def test_the_examples_are_good_and_say_that_they_are_examples(name: str) -> None:
    version = load(EXAMPLES / name)
    assert version.title.startswith("EXAMPLE")
    assert version.id in tariffs_check(EXAMPLES / name)


def test_showing_a_tariff_tells_what_a_month_comes_to() -> None:
    shown = tariffs_show(EXAMPLES / "domestic-slabs.toml")
    assert "up to 100: 3.35 per kWh" in shown
    assert " 100 units: 495.45  (energy 335.00" in shown
    unpriced = tariffs_show(EXAMPLES / "commercial-time-of-day.toml")
    assert "not priced: the tariff needs its calendar" in unpriced


def test_a_calendar_knows_its_span_and_refuses_what_is_outside() -> None:
    text = "name = 'c'\ncovers_from = 2026-01-01\ncovers_to = 2026-12-31\n"
    holiday = "[[holidays]]\ndate = 2026-01-26\nname = 'Republic Day'\n"
    assert parse_calendar(text + holiday).covers(date(2026, 12, 31))
    assert not parse_calendar(text + holiday).covers(date(2027, 1, 1))
    with pytest.raises(RulesError, match="stands twice"):
        parse_calendar(text + holiday + holiday)
    with pytest.raises(RulesError, match="outside the file's span"):
        parse_calendar(text + holiday.replace("2026-01", "2027-01"))


FUEL = 'name = "f"\ntariffs = ["t"]\nbase_month = "2026-05"\ncharge_month = "2026-07"\n'


def test_a_fuel_notice_is_signed_and_of_an_earlier_month() -> None:
    down = load_fuel(EXAMPLES / "fuel-2026-07.toml")
    assert (down.percent_ppm, down.charge_month) == (-140_000, date(2026, 7, 1))
    per_unit = parse_fuel(FUEL + "per_kwh = -0.12\n")
    assert fuel_share(per_unit, 0, 100_000 * 10**6, Rounding(unit=1)).amount == -12_000_000


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (FUEL, 1, "exactly one of `percent` and `per_kwh`"),
        (FUEL.replace("2026-07", "2026-05") + "percent = 1\n", 4, "wanted after `base_month`"),
        (FUEL.replace("2026-07", "2026-13") + "percent = 1\n", 4, "is no month"),
        (FUEL.replace('"t"', "") + "percent = 1\n", 2, "is empty"),
        (FUEL + "percent = 1.00001\n", 5, "more than 4 decimals"),
    ],
)
def test_a_fuel_notice_that_cannot_be_charged_is_refused(text: str, line: int, reason: str) -> None:
    with pytest.raises(RulesError) as refusal:
        parse_fuel(text, "f.toml")
    problems = refusal.value.problems
    assert any(p.startswith(f"f.toml:{line}:") and reason in p for p in problems), problems
