"""Files of rules that nobody can mean: told with file, line and reason, never an error of ours."""

from collections.abc import Callable

import pytest
from tests.unit.tariff_days import HEAD

from meteringest.errors import RulesError
from meteringest.prepaid.calendar_file import parse_calendar
from meteringest.prepaid.fuel_file import parse_fuel
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
