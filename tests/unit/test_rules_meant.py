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
