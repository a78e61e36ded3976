"""Files of rules that nobody can mean: told with file, line and reason, never an error of ours."""

from collections.abc import Callable
from datetime import date

import pytest
from tests.unit.tariff_days import HEAD

from meteringest.errors import RulesError
from meteringest.prepaid.calendar_file import parse_calendar
from meteringest.prepaid.fuel_file import parse_fuel
from meteringest.prepaid.ledger.loading import RuleFile, Stamp, load
from meteringest.prepaid.ledger.rules import Rule, RuleKind, Rules
from meteringest.prepaid.policy_file import parse_policy
from meteringest.prepaid.tariff_file import parse

FLAT = "slabs = [{ rate = 5 }]\n"
POLICY = 'name = "p"\ntitle = "p"\narea = "UP"\neffective_from = 2026-01-01\n'
CALENDAR = 'name = "c"\ncovers_from = 2026-01-01\ncovers_to = 2026-12-31\n'
FUEL = (
    'name = "f"\ntariffs = ["t"]\nbase_month = "2026-05"\ncharge_month = "2026-07"\npercent = 1\n'
)
Parse = Callable[[str, str], object]


def refused(read: Parse, text: str) -> tuple[str, ...]:
    with pytest.raises(RulesError) as refusal:
        read(text, "r.toml")
    return refusal.value.problems


@pytest.mark.parametrize("read", [parse, parse_policy, parse_calendar, parse_fuel])
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\nx = " + "9" * 5_000, "r.toml:2: a whole number is too large to be meant"),
        ("\n[x]\ny = [1, " + "9" * 4_000 + "]", "r.toml:3: x.y[1]: is too large to be meant"),
        ("x = 0x" + "f" * 9_000, "r.toml:1: x: is too large to be meant"),
        ("x = " + "[" * 5_000, "r.toml: not TOML: nested too deep to be meant"),
        ("x = " + "{ y = " * 5_000, "r.toml: not TOML: nested too deep to be meant"),
    ],
    ids=["endless", "long", "hexadecimal", "lists", "tables"],
)
def test_what_no_reader_can_hold_is_a_problem_of_the_file(
    read: Parse, text: str, problem: str
) -> None:
    assert refused(read, text) == (problem,)


@pytest.mark.parametrize("rate", ["1e99999999999999999999", "-1e-99999999999999999999"])
def test_an_exponent_no_decimal_holds_is_told_at_its_field(rate: str) -> None:
    (problem,) = refused(parse, HEAD + f"[[slabs]]\nrate = {rate}\n")
    assert problem == "r.toml:7: slabs[0].rate: 1E+999999 is too large to be meant"


DAYS = "wanted 1970-01-01 to 2149-06-06"
MONTHS = "wanted 1970-01 to 2149-05"
TARIFF = HEAD + FLAT


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        (parse, TARIFF.replace("2020", "1969"), f"5: effective_from: 1969-01-01; {DAYS}"),
        (parse, TARIFF.replace("2020", "2150"), f"5: effective_from: 2150-01-01; {DAYS}"),
        (
            parse,
            HEAD + "effective_to = 9999-12-31\n" + FLAT,
            f"6: effective_to: 9999-12-31; {DAYS}, the last day there is",
        ),
        (parse_policy, POLICY.replace("2026", "1969"), f"4: effective_from: 1969-01-01; {DAYS}"),
        (
            parse_policy,
            POLICY + "effective_to = 2149-06-07\n",
            f"5: effective_to: 2149-06-07; {DAYS}, the last day there is",
        ),
        (
            parse_calendar,
            CALENDAR.replace("2026-01-01", "1969-12-31"),
            f"2: covers_from: 1969-12-31; {DAYS}",
        ),
        (
            parse_calendar,
            CALENDAR.replace("2026-12-31", "9999-12-31"),
            f"3: covers_to: 9999-12-31; {DAYS}, the last day there is",
        ),
        (parse_fuel, FUEL.replace("2026-05", "1969-12"), f"3: base_month: 1969-12; {MONTHS}"),
        (parse_fuel, FUEL.replace("2026-05", "0000-01"), f"3: base_month: 0000-01; {MONTHS}"),
        (parse_fuel, FUEL.replace("2026-07", "2149-06"), f"4: charge_month: 2149-06; {MONTHS}"),
    ],
)
def test_a_day_the_store_cannot_hold_is_told(read: Parse, text: str, problem: str) -> None:
    assert refused(read, text) == (f"r.toml:{problem}",)


def test_the_first_and_the_last_day_are_days() -> None:
    parse(TARIFF.replace("2020-01-01", "1970-01-01\neffective_to = 2149-06-06"), "r.toml")
    parse_fuel(FUEL.replace("2026-05", "1970-01").replace("2026-07", "2149-05"), "r.toml")


@pytest.mark.parametrize("revision", [-1, 2**32])
@pytest.mark.parametrize(
    ("read", "text"),
    [(parse, TARIFF), (parse_policy, POLICY), (parse_calendar, CALENDAR), (parse_fuel, FUEL)],
)
def test_a_revision_the_store_cannot_hold_is_told(read: Parse, text: str, revision: int) -> None:
    (problem,) = refused(read, f"revision = {revision}\n" + text)
    assert problem == f"r.toml:1: revision: {revision}; wanted 0 to 4294967295"


ENDLESS = 99_999_999_999
COUNTS = [
    (parse, TARIFF + "[billing]\ndue_days = {}\n", "billing.due_days", 0, 366),
    (
        parse,
        TARIFF + "[late_payment]\npercent_per_month = 1\ngrace_days = {}\n",
        "late_payment.grace_days",
        0,
        366,
    ),
    (parse_policy, POLICY + "[grace]\ndays = {}\n", "grace.days", 0, 366),
    (parse_policy, POLICY + "[grace]\nworking_days = {}\n", "grace.working_days", 0, 366),
    (parse_policy, POLICY + "[evidence]\nheld_days = {}\n", "evidence.held_days", 0, 366),
    (
        parse_policy,
        POLICY + "[evidence]\nbalance_age_hours = {}\n",
        "evidence.balance_age_hours",
        0,
        8_784,
    ),
    (
        parse_policy,
        POLICY + "[[emergency_credit]]\nhours = {}\n",
        "emergency_credit[0].hours",
        1,
        8_784,
    ),
    (parse_policy, POLICY + "[notices]\nhours_left = [{}]\n", "notices.hours_left", 0, 8_784),
    (parse_policy, POLICY + "[postpaid]\nunpaid_bills = {}\n", "postpaid.unpaid_bills", 1, 120),
]


@pytest.mark.parametrize(
    ("read", "text", "path", "least", "most"), COUNTS, ids=[path for _, _, path, _, _ in COUNTS]
)
def test_days_hours_and_bills_have_an_end(
    read: Parse, text: str, path: str, least: int, most: int
) -> None:
    for good in (least, most):
        read(text.replace("{}", str(good)), "r.toml")
    for bad in (least - 1, most + 1, ENDLESS):
        (problem,) = refused(read, text.replace("{}", str(bad)))
        assert problem.endswith(f": {path}: {bad}; wanted {least} to {most}")


def _loaded_once(kind: RuleKind, text: str) -> Rule:
    return Rule(
        kind=kind,
        name="t",
        id="0123456789abcdef",
        effective_from=date(2020, 1, 1),
        text=text,
        loaded_by="somebody",
        loaded_at=0,
        ver=1,
    )


def test_what_stands_with_an_endless_count_keeps_nobody_from_a_bill() -> None:
    tariff = _loaded_once(RuleKind.TARIFF, TARIFF + f"[billing]\ndue_days = {ENDLESS}\n")
    policy = _loaded_once(RuleKind.POLICY, POLICY + f"[evidence]\nheld_days = {ENDLESS}\n")
    rules = Rules([tariff, policy])
    assert [each.billing.due_days for each in rules.tariffs] == [366]
    found = rules.policy("UP", date(2026, 1, 1))
    assert found is not None
    assert found.held_days == 366


FIXED = '[[fixed]]\nname = "f"\n'
LOAD = FIXED + 'amount = 1\nper = "kw"\n'
DUTY = '[[levies]]\nname = "d"\nkind = "duty"\n'
MINIMUM = '[minimum]\nof = ["energy"]\n'
BAND = '[[bands]]\nname = "b"\nfrom = "00:00"\nto = "24:00"\n'
LIMITS = {
    "slab": (parse, HEAD + "[[slabs]]\nrate = {}\n", 1_000_000),
    "band": (parse, HEAD + 'settlement_band = "b"\n' + BAND + "rate = {}\n", 1_000_000),
    "band added": (parse, TARIFF + BAND + "add = {}\n", 1_000_000),
    "band percent": (parse, TARIFF + BAND + "percent = {}\n", 1_000),
    "fixed per day": (parse, TARIFF + FIXED + 'every = "day"\namount = {}\n', 1_000_000),
    "fixed per kW": (parse, TARIFF + FIXED + 'per = "kw"\namount = {}\n', 1_000_000),
    "fixed per month": (parse, TARIFF + FIXED + "amount = {}\n", 100_000_000),
    "load step": (parse, TARIFF + LOAD + "load_step = {}\n", 1_000_000),
    "least load": (parse, TARIFF + LOAD + "load_min = {}\n", 1_000_000),
    "minimum": (parse, TARIFF + MINIMUM + "amount = {}\n", 100_000_000),
    "minimum per kVA": (parse, TARIFF + MINIMUM + 'per = "kva"\namount = {}\n', 1_000_000),
    "levy per unit": (parse, TARIFF + DUTY + "slabs = [{ rate = {} }]\n", 1_000_000),
    "levy": (parse, TARIFF + DUTY + 'of = ["energy"]\npercent = {}\n', 1_000),
    "export": (parse, TARIFF + '[export]\nmode = "credit"\nrate = {}\n', 1_000_000),
    "late": (parse, TARIFF + "[late_payment]\npercent_per_month = {}\n", 1_000),
    "rounding": (parse, TARIFF + "[rounding.energy]\nto = {}\n", 1_000_000),
    "fuel": (parse_fuel, FUEL.replace("percent = 1", "per_kwh = {}"), 1_000_000),
    "fuel percent": (parse_fuel, FUEL.replace("percent = 1", "percent = {}"), 1_000),
}


@pytest.mark.parametrize("case", LIMITS)
def test_a_rate_too_large_to_be_meant_is_told(case: str) -> None:
    read, text, most = LIMITS[case]
    read(text.replace("{}", str(most)), "r.toml")
    for bad in (f"{most}.01", "999999999"):
        (problem,) = refused(read, text.replace("{}", bad))
        assert problem.endswith(f": {bad} is too large to be meant; wanted {most} at the most")


def test_a_rate_that_stands_is_charged_by_as_it_was() -> None:
    text = HEAD + "slabs = [{ rate = 2000000 }]\n"
    (found,) = Rules([_loaded_once(RuleKind.TARIFF, text)]).tariffs
    assert found.slabs[0].rate == 2_000_000 * 10**6


@pytest.mark.parametrize("kind", ["rebate", "subsidy"])
def test_no_more_is_given_than_was_charged(kind: str) -> None:
    text = TARIFF + DUTY.replace("duty", kind) + 'of = ["energy"]\npercent = '
    parse(text + "100", "r.toml")
    (problem,) = refused(parse, text + "100.0001")
    assert problem.endswith("levies[0].percent: 100.0001; wanted 0 to 100: more than all was given")


@pytest.mark.parametrize("written", ['"5"', '"1_0"', '"٣"', '"five"', "true", "[5]"])
def test_a_number_is_no_text(written: str) -> None:
    for read, text, path in [
        (parse, HEAD + f"[[slabs]]\nrate = {written}\n", "7: slabs[0].rate"),
        (parse_policy, POLICY + f"[reconnect]\nat_or_above = {written}\n", "reconnect.at_or_above"),
        (parse_policy, POLICY + f"[notices]\namounts = [{written}]\n", "notices.amounts[0]"),
        (parse_fuel, FUEL.replace("percent = 1", f"percent = {written}"), "5: percent"),
    ]:
        (problem,) = refused(read, text)
        assert problem.endswith(f"{path}: wanted a number, without quotes")


def test_a_number_in_quotes_that_stands_is_charged_by() -> None:
    text = HEAD + '[[slabs]]\nrate = "1_0"\n'
    (found,) = Rules([_loaded_once(RuleKind.TARIFF, text)]).tariffs
    assert found == parse(HEAD + "[[slabs]]\nrate = 10\n", "r.toml")


def test_times_are_written_in_plain_digits() -> None:
    zero = "\N{ARABIC-INDIC DIGIT ZERO}"
    band = TARIFF + BAND.replace("00:00", f"{zero}0:00") + "add = 1\n"
    (problem,) = refused(parse, band)
    assert problem.startswith("r.toml:9: bands[0].from: ")
    offset = HEAD + f'utc_offset = "+{zero}5:30"\n' + FLAT
    (problem,) = refused(parse, offset)
    assert problem.startswith("r.toml:6: utc_offset: ")
    rules = Rules(_loaded_once(RuleKind.TARIFF, text) for text in (band, offset))
    assert [each.offset_min for each in rules.tariffs] == [330, 330]


NAMED = {
    "tariff": (parse, TARIFF.replace('name = "t"', "name = {}")),
    "currency": (parse, TARIFF.replace('"INR"', "{}")),
    "its calendar": (parse, HEAD + "calendar = {}\n" + FLAT),
    "band": (parse, TARIFF + BAND.replace('"b"', "{}") + "add = 1\n"),
    "day type": (parse, TARIFF + '[[day_types]]\nname = {}\nweekdays = ["sunday"]\n'),
    "fixed charge": (parse, TARIFF + FIXED.replace('"f"', "{}") + "amount = 1\n"),
    "levy": (parse, TARIFF + DUTY.replace('"d"', "{}") + 'of = ["energy"]\npercent = 1\n'),
    "policy": (parse_policy, POLICY.replace('name = "p"', "name = {}")),
    "area": (parse_policy, POLICY.replace('"UP"', "{}")),
    "protected time": (parse_policy, POLICY + '[[no_cut]]\nname = {}\nweekdays = ["sunday"]\n'),
    "exemption": (parse_policy, POLICY + "[[exempt]]\nname = {}\nnet_metered = true\n"),
    "class": (parse_policy, POLICY + "[[cut.classes]]\nclasses = [{}]\nbelow = 0\n"),
    "calendar": (parse_calendar, CALENDAR.replace('"c"', "{}")),
    "holiday": (parse_calendar, CALENDAR + "[[holidays]]\ndate = 2026-01-26\nname = {}\n"),
    "fuel notice": (parse_fuel, FUEL.replace('"f"', "{}")),
    "tariff of a notice": (parse_fuel, FUEL.replace('"t"', "{}")),
}
NAMELESS = [
    "",
    " ",
    " x",
    "x ",
    "x\\u0000",
    "x\\ny",
    "\\u001b[2J",
    "x\\u202ey",
    "x\\u00a0y",
    "é" * 51,
]


@pytest.mark.parametrize("case", NAMED)
def test_a_name_can_be_read_and_typed(case: str) -> None:
    read, text = NAMED[case]
    read(text.replace("{}", f'"{"é" * 50}"'), "r.toml")
    for name in NAMELESS:
        (problem,) = refused(read, text.replace("{}", f'"{name}"'))
        assert "; wanted 1 to 100 printable bytes, without blanks around them" in problem
        assert problem.isprintable()


@pytest.mark.parametrize("line", ['"a\\u001b" = 1\n', '[rounding."a\\u001b"]\nto = 1\n'])
def test_a_refusal_moves_no_terminal(line: str) -> None:
    text = HEAD + line if line.startswith('"') else TARIFF + line
    for problem in refused(parse, text):
        assert problem.isprintable(), problem


def test_a_name_that_stands_is_still_charged_by() -> None:
    text = TARIFF.replace('name = "t"', 'name = "t "')
    (found,) = Rules([_loaded_once(RuleKind.TARIFF, text)]).tariffs
    assert found.name == "t "


@pytest.mark.parametrize("text", ["x = " + "9" * 5_000, "x = " + "[" * 5_000])
def test_loading_tells_it_like_checking(text: str) -> None:
    with pytest.raises(RulesError) as refusal:
        load(Rules(()), [RuleFile("r.toml", text)], Stamp("somebody", 0, 1))
    assert refusal.value.problems == refused(parse, text)
