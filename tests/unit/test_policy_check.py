"""What `policy check` lists, and that a stricter check takes no policy out of force."""

from datetime import date
from pathlib import Path

from tests.unit.test_policy import HEAD

from meteringest.prepaid.command import policy_check
from meteringest.prepaid.ledger.rules import Rule, RuleKind, Rules
from meteringest.prepaid.policy import Policy


def test_a_check_lists_every_clause_that_may_decide(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(HEAD)
    assert clauses(file) == [
        "cut.below: 0.00",
        "notices: none",
        "postpaid: nobody is cut",
        "reconnect.at_or_above: 0.000001",
        "evidence.balance_age_hours: any age",
        "evidence.cut_with_held_reads: false",
        "evidence.held_days: 35",
    ]
    file.write_text(f"""{HEAD}
        calendar = "2026"
        grace = {{ days = 30, below = -300 }}
        notices = {{ percent_of_last_recharge = [30, 0], amounts = [100], hours_left = [24] }}
        postpaid = {{ unpaid_bills = 2, arrears_over = 10000 }}
        reconnect = {{ at_or_above = 0.01 }}
        evidence = {{ balance_age_hours = 24, cut_with_held_reads = true }}
    """)
    assert clauses(file) == [
        "calendar: 2026; nobody is cut on a day it does not cover",
        "cut.below: 0.00",
        "grace: 30 days after conversion, not below -300.00",
        "notices: 30 %, 0 %, 100.00, 24 h",
        "postpaid.unpaid_bills: 2 consecutive",
        "postpaid.arrears_over: 10000.00",
        "reconnect.at_or_above: 0.01",
        "evidence.balance_age_hours: 24",
        "evidence.cut_with_held_reads: true",
    ]


def clauses(file: Path) -> list[str]:
    return [line.strip() for line in policy_check(file).splitlines()[1:]]


def test_a_policy_that_was_loaded_before_it_was_refused_stays_in_force() -> None:
    text = f"{HEAD}[notices]\npercent_of_last_recharge = [130, 10, 10]\n"
    row = Rule(
        kind=RuleKind.POLICY,
        name="p",
        id="as loaded",
        effective_from=date(2026, 1, 1),
        text=text,
        loaded_by="a",
        loaded_at=0,
        ver=1,
    )
    assert isinstance(Rules([row]).standing[0][1], Policy)
