"""Days, spans, instants and counts of a command line: what cannot be meant is refused there."""

from datetime import date

import pytest

from meteringest.cli.parser import parser
from meteringest.prepaid.calendar import local_day

ORDER = ("--reference", "r", "--reason", "why")
COUNTS = [
    ("accounts", "list", "--limit"),
    ("bills", "list", "--limit"),
    ("outbox", "list", "--limit"),
    ("meters", "list", "--limit"),
    ("arrears", "list", "--unpaid"),
]
DAYS = [
    ("accounts", "statement", "1", "--from"),
    ("accounts", "statement", "1", "--to"),
    ("accounts", "convert", "1", "prepaid", *ORDER, "--from"),
    ("bills", "issue", "--on"),
    ("bills", "list", "--on"),
    ("arrears", "list", "--on"),
    ("charges", "recompute", "--all", "--from"),
]
TIMES = [("policy", "dry-run", "--at"), ("outbox", "list", "--since")]
SPANS = [("accounts", "statement", "1"), ("arrears", "recovery")]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", COUNTS, ids=" ".join)
@pytest.mark.parametrize("given", ["0", "-1", "-5", "10000001", "1" * 5_000, "²", "", "2.0"])
def test_a_count_is_one_or_more_and_has_an_end(
    command: tuple[str, ...], given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, *command[:-1], f"{command[-1]}={given}")
    assert "wanted a whole number from 1 to " in said


@pytest.mark.parametrize("command", COUNTS, ids=" ".join)
def test_a_count_within_bounds_is_taken(command: tuple[str, ...]) -> None:
    args = parser().parse_args([*command, "0012"])
    assert 12 in vars(args).values()


@pytest.mark.parametrize("command", DAYS, ids=" ".join)
@pytest.mark.parametrize("given", ["0001-01-01", "1999-12-31", "2100-01-02", "9999-12-31"])
def test_a_day_outside_two_centuries_is_refused(
    command: tuple[str, ...], given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "wanted from 2000-01-01 to 2100-01-01" in refused(capsys, *command, given)


@pytest.mark.parametrize("command", TIMES, ids=" ".join)
@pytest.mark.parametrize(
    "given",
    [
        "0001-01-01T00:00",
        "0001-01-01T00:00+23:59",
        "1999-12-31T23:59",
        "2000-01-01T00:00+05:31",
        "2100-01-01T00:01",
        "9999-12-31T23:59+00:00",
        "9999-12-31T23:59-23:59",
    ],
)
def test_an_instant_outside_two_centuries_is_refused(
    command: tuple[str, ...], given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "wanted from 2000-01-01 to 2100-01-01" in refused(capsys, *command, given)


@pytest.mark.parametrize("given", ["2000-01-01", "2100-01-01", "2026-11-23T11:00"])
def test_an_instant_within_bounds_has_its_local_day(given: str) -> None:
    args = parser().parse_args(["policy", "dry-run", "--at", given])
    assert local_day(args.at) == date.fromisoformat(given[:10])


@pytest.mark.parametrize("command", SPANS, ids=" ".join)
def test_the_first_day_of_a_span_is_not_after_its_last(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    first, last = ("--from", "2026-11-05"), ("--to", "2026-11-01")
    for span in ((*first, *last), (*last, *first)):
        assert "--from 2026-11-05 is after --to 2026-11-01" in refused(capsys, *command, *span)
    args = parser().parse_args([*command, *first, "--to", "2026-11-05"])
    assert (args.first, args.last) == (date(2026, 11, 5), date(2026, 11, 5))
