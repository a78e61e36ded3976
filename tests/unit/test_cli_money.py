"""Commands about money: each explains itself, and what it prints says all there is."""

from datetime import date

import pytest

from meteringest.cli.account_text import account_text, day_text, list_text, statement_text
from meteringest.cli.outcome import Outcome, outcome_of
from meteringest.cli.parser import parser
from meteringest.control.messages import Failed
from meteringest.errors import RulesError, UsageError
from meteringest.prepaid.arrears import RecoveryPlan
from meteringest.prepaid.ledger.entries import Balance, Book
from meteringest.prepaid.ledger.statement import Statement, StatementLine
from meteringest.prepaid.ledger.terms import OPEN_S, Terms
from meteringest.prepaid.showing.pages import (
    AccountListed,
    AccountShown,
    DayAgain,
    IntervalLine,
    MeterShown,
    Outlook,
)
from meteringest.prepaid.tariff import Payment

COMMANDS = [
    *(["accounts", each] for each in ("import", "meters", "list", "show", "statement", "convert")),
    *(["payments", each] for each in ("take", "import")),
    *([each] for each in ("accounts", "payments", "adjust", "transfer", "refund", "reverse")),
    *(["tariffs", each] for each in ("check", "show", "load")),
    *(["policy", each] for each in ("check", "load", "dry-run")),
]
DAY = date(2026, 11, 20)
NOON_S = 1_795_156_200  # 2026-11-20 12:00 IST
MICRO = 1_000_000
TERMS = "prepaid on flat from 2026-11-20, UP, 2.5 kW, 25 % of a recharge to arrears"


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_has_an_example(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([*arguments, "--help"])
    assert ended.value.code == 0
    assert f"meteringest {arguments[0]}" in capsys.readouterr().out.partition("examples:")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["accounts", "show", "one"],
        ["accounts", "convert", "1", "later", "--from", "2026-11-20"],
        ["accounts", "convert", "1", "prepaid", "--from", "20.11.2026"],
        ["adjust", "1", "5"],
        ["accounts", "show", "0"],
        ["accounts", "show", "18446744073709551616"],
        ["accounts", "show", "9" * 5_000],
        ["policy", "dry-run", "--account", "-1"],
        ["bills", "issue", "--account", "1_0"],
        ["charges", "recompute", "--account", "\u0661", "--from", "2026-11-01"],
        ["payments", "take", "1", "5", "--origin", "upi", "--reference", " "],
        ["payments", "take", "1", "5", "--origin", "", "--reference", "1"],
        ["payments", "take", "1", "5", "--origin", "upi", "--reference", "\udcff"],
        ["adjust", "1", "5", "--reference", "1", "--reason", "a\nb"],
        [
            *("accounts", "convert", "1", "prepaid", "--from", "2026-11-20", "--reference", "1"),
            *("--reason", "x", "--recover-percent", "1e999999"),
        ],
        ["reverse", "conversion", "--reference", "1", "--reason", "x"],
        ["charges", "sweep", "--days", "3651"],
        ["charges", "sweep", "--days", "-1"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)
    assert ended.value.code == 2


def test_a_sweep_names_how_far_back_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    assert parser().parse_args(["charges", "sweep", "--days", "3650"]).days == 3_650
    with pytest.raises(SystemExit):
        parser().parse_args(["charges", "sweep", "--days", "9" * 30])
    assert "wanted a number of days from 0 to 3650" in capsys.readouterr().err


def test_what_the_service_finds_cannot_be_meant_is_status_2_too() -> None:
    there = UsageError("--on 9999-12-31", "is after today; wanted 2026-11-20 or a day before")
    error = Failed.of(there).error()
    assert (outcome_of(error), str(error)) == (Outcome.USAGE, str(there))


def account(**more: object) -> AccountShown:
    terms = Terms(
        account=7,
        effective_from=DAY,
        payment=Payment.PREPAID,
        tariff="flat",
        area="UP",
        load_w=2_500,
        recovery=RecoveryPlan(share_ppm=250_000, instalment=100 * MICRO),
    )
    whole: dict[str, object] = {
        "account": 7,
        "known": True,
        "today": DAY,
        "terms": terms,
        "others": [],
        "tariff": "abcd",
        "balance": Balance(prepaid=-1, arrears=-5 * MICRO, charged_to_s=NOON_S),
        "meters": [
            MeterShown(serial="S1", meter=1, from_s=NOON_S, to_s=OPEN_S, multiplier_ppm=60 * MICRO)
        ],
        "outlook": Outlook(units_uwh=8_500 * MICRO, runs_out_s=NOON_S, hours=8, beyond=True),
    }
    return AccountShown(**{**whole, **more})  # type: ignore[arg-type]


def test_an_account_on_a_page() -> None:
    assert account_text(account()).splitlines() == [
        "account     7",
        f"terms       {TERMS}, 100.00 a month to arrears",
        "tariff      abcd",
        "balance     -0.000001 prepaid, 0.00 postpaid",
        "arrears     5.00 owed",
        "charged to  2026-11-20 12:00 IST",
        "left        at least 8.5 kWh, 8 h, until 2026-11-20 12:00 IST",
        "meter       S1, from 2026-11-20 12:00 IST, x 60",
    ]
    bare = account(terms=None, tariff="", meters=[], outlook=Outlook(unknown="no terms"))
    assert "its reads are held" in account_text(bare)
    assert "left        not known: no terms" in account_text(bare)
    assert "unknown" in account_text(account(known=False))


def test_a_list_of_accounts_can_be_read_by_programs() -> None:
    listed = AccountListed(
        account=7,
        payment="prepaid",
        tariff="flat",
        account_class="",
        area="UP",
        load_w=2_000,
        prepaid=5 * MICRO,
        postpaid=0,
        arrears=-1,
    )
    head, row = list_text([listed]).splitlines()
    assert dict(zip(head.split("\t"), row.split("\t"), strict=True)) == {
        "account": "7",
        "payment": "prepaid",
        "tariff": "flat",
        "class": "",
        "area": "UP",
        "load_kw": "2",
        "prepaid": "5.00",
        "postpaid": "0.00",
        "arrears": "-0.000001",
    }


def test_a_statement_shows_the_balance_after_every_line() -> None:
    def line(kind: str, amount: int, **more: object) -> StatementLine:
        return StatementLine(
            **{
                "day": DAY,
                "book": Book.PREPAID,
                "kind": kind,
                "amount": amount * MICRO,
                "of_day": DAY,
                **more,
            }  # type: ignore[arg-type]
        )

    found = Statement(
        account=7,
        first=DAY,
        last=DAY,
        opening={Book.PREPAID: 10 * MICRO, Book.POSTPAID: 0, Book.ARREARS: 0},
        lines=(
            line("payment", 5, reference="upi r1"),
            line("charges", -3, components={"energy": 3 * MICRO}, energy_uwh=500 * MICRO),
            line("correction", 1, components={"energy": -MICRO}, of_day=date(2026, 11, 2)),
        ),
        closing={Book.PREPAID: 13 * MICRO, Book.POSTPAID: 0, Book.ARREARS: 0},
        held={DAY: ("no_register 1",)},
    )
    text = statement_text(found)
    rows = [" ".join(each.split()) for each in text.splitlines()]
    assert rows == [
        "account 7, statement from 2026-11-20 to 2026-11-20",
        "",
        "prepaid",
        "2026-11-20 opening 10.00",
        "2026-11-20 payment upi r1 5.00 15.00",
        "2026-11-20 charges for 0.5 units: energy 3.00 -3.00 12.00",
        "2026-11-20 correction of 2026-11-02: energy -1.00 1.00 13.00",
        "2026-11-20 closing 13.00",
        "",
        "not charged on 2026-11-20: no_register 1",
    ]


def test_a_day_charged_again_says_whether_it_is_as_posted() -> None:
    step = IntervalLine(
        kind="accrual",
        start_s=NOON_S,
        component="energy",
        amount=3 * MICRO,
        energy_uwh=500 * MICRO,
        estimated=True,
    )
    whole = DayAgain(day=DAY, lines=(step,), computed=3 * MICRO, posted=3 * MICRO, differs=())
    assert day_text(whole).rstrip().endswith("as posted")
    assert "12:00  accrual energy estimated" in day_text(whole)
    other = DayAgain(day=DAY, lines=(step,), computed=1, posted=2 * MICRO, differs=("energy",))
    assert "posted was 2.00: it differs in energy; what was posted counts" in day_text(other)
    none = DayAgain(day=DAY, lines=(), computed=0, posted=None, differs=())
    assert "nothing was posted" in day_text(none)


def test_a_refused_file_of_rules_comes_back_over_the_socket_as_it_was() -> None:
    error = RulesError("t.toml", ("t.toml:3: slabs: out of order",))
    again = Failed.of(error).error()
    assert isinstance(again, RulesError)
    assert str(again) == str(error)
