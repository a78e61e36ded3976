"""Disconnection policy: every cut and every non-cut with its clause, on the example policies."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tariff_days import EXAMPLES, RUPEE

from meteringest.errors import RulesError
from meteringest.prepaid.calendar_file import load_calendar
from meteringest.prepaid.command import policy_check
from meteringest.prepaid.decision import AccountState, Action, Decision, decide
from meteringest.prepaid.policy import PolicyBook
from meteringest.prepaid.policy_file import load_policy, parse_policy
from meteringest.prepaid.tariff import Payment

UP = load_policy(EXAMPLES / "policy-uttar-pradesh.toml")
BIHAR = load_policy(EXAMPLES / "policy-bihar.toml")
MEGHALAYA = load_policy(EXAMPLES / "policy-meghalaya.toml")
CALENDAR = load_calendar(EXAMPLES / "calendar-2026.toml")
IST = timedelta(hours=5, minutes=30)
HEAD = 'name = "p"\ntitle = "p"\narea = "UP"\neffective_from = 2026-01-01\n'


def ist(day: int, clock: str, month: int = 5) -> int:
    """An instant in 2026 by the Indian clock."""
    local = datetime(2026, month, day, int(clock[:2]), int(clock[3:]), tzinfo=UTC)
    return int((local - IST).timestamp())


TUESDAY_NOON = ist(5, "12:00")


def state(at_s: int = TUESDAY_NOON, **changed: object) -> AccountState:
    """Long below zero, nothing to protect it, everything about it known."""
    plain = AccountState(
        account=1,
        area="UP",
        balance=-500 * RUPEE,
        balance_at_s=at_s - 60,
        below_since_s=at_s - 30 * 86_400,
        load_w=2_000,
    )
    return msgspec.structs.replace(plain, **changed)


def at(policy: object, at_s: int, **changed: object) -> Decision:
    return decide(state(at_s, **changed), policy, at_s, CALENDAR)  # type: ignore[arg-type]


def test_a_cut_names_its_clause_and_its_evidence() -> None:
    decision = at(UP, TUESDAY_NOON)
    assert (decision.action, decision.clause.place) == (Action.CUT, "cut.below")
    assert decision.policy == UP.id
    assert decision.evidence["balance"] == "-500.00"
    assert decision.evidence["local_time"] == "2026-05-05 12:00"


@pytest.mark.parametrize(
    ("at_s", "clause", "until_s"),
    [
        (ist(5, "07:59"), "no_cut[0]", ist(5, "08:00")),
        (ist(5, "18:00"), "no_cut[0]", ist(6, "08:00")),
        (ist(3, "12:00"), "no_cut[1]", ist(4, "08:00")),
        (ist(9, "12:00"), "no_cut[2]", ist(11, "08:00")),
        (ist(2, "10:00", month=10), "no_cut[3]", ist(3, "08:00", month=10)),
    ],
)
def test_up_protects_nights_sundays_second_saturdays_and_holidays(
    at_s: int, clause: str, until_s: int
) -> None:
    decision = at(UP, at_s)
    assert (decision.action, decision.clause.place) == (Action.KEEP, clause)
    assert decision.until_s == until_s
    assert at(UP, until_s).action is Action.CUT


@pytest.mark.parametrize("at_s", [ist(5, "08:00"), ist(5, "17:59"), ist(2, "12:00")])
def test_up_cuts_in_working_hours_also_on_a_first_saturday(at_s: int) -> None:
    assert at(UP, at_s).action is Action.CUT


@pytest.mark.parametrize(
    ("changed", "clause"),
    [
        ({"balance": 0}, "cut.below"),
        ({"account_class": "hospital"}, "exempt[0]"),
        ({"converted_on": date(2026, 4, 6)}, "grace"),
        ({"below_since_s": TUESDAY_NOON - 72 * 3_600 + 1}, "emergency_credit[0]"),
        ({"balance_at_s": TUESDAY_NOON - 86_401}, "evidence.balance_age_hours"),
        ({"held_reads": 1}, "evidence.cut_with_held_reads"),
        ({"payment": Payment.POSTPAID, "unpaid_bills": 1}, "postpaid"),
        ({"connected": False}, "reconnect"),
    ],
)
def test_up_keeps_with_a_clause(changed: dict[str, object], clause: str) -> None:
    decision = at(UP, TUESDAY_NOON, **changed)
    assert (decision.action, decision.clause.place) == (Action.KEEP, clause)


@pytest.mark.parametrize(
    "changed",
    [
        {"converted_on": date(2026, 4, 5)},
        {"below_since_s": TUESDAY_NOON - 72 * 3_600},
        {"balance_at_s": TUESDAY_NOON - 86_400},
        {"account_class": "home"},
        {"payment": Payment.POSTPAID, "unpaid_bills": 2},
        {"payment": Payment.POSTPAID, "arrears": 10_000 * RUPEE + 1},
    ],
)
def test_up_cuts_when_what_protected_is_over(changed: dict[str, object]) -> None:
    assert at(UP, TUESDAY_NOON, **changed).action is Action.CUT


def test_supply_comes_back_at_any_time_when_the_balance_allows() -> None:
    night = ist(5, "23:00")
    decision = at(UP, night, connected=False, balance=RUPEE)
    assert decision.action is Action.RECONNECT
    assert at(UP, night, connected=False, balance=0).clause.place == "reconnect.at_or_above"


def test_who_has_become_exempt_gets_supply_back() -> None:
    decision = at(UP, TUESDAY_NOON, connected=False, account_class="hospital")
    assert (decision.action, decision.clause.place) == (Action.RECONNECT, "exempt[0]")


def test_bihar_runs_below_zero_until_eleven_of_the_next_working_day() -> None:
    friday_evening = ist(14, "17:30", month=8)
    decision = at(BIHAR, friday_evening)
    assert decision.clause.place == "no_cut[0]"
    assert "happy hours" in decision.clause.says
    assert decision.until_s == ist(17, "11:00", month=8)
    assert at(BIHAR, ist(14, "17:29", month=8)).action is Action.CUT


def test_meghalaya_gives_credit_by_class_and_a_limit_inside_grace() -> None:
    noon = TUESDAY_NOON
    assert at(MEGHALAYA, noon, balance=-200 * RUPEE).clause.place == "emergency_credit[1]"
    assert at(MEGHALAYA, noon, balance=-200 * RUPEE - 1).action is Action.CUT
    general = {"account_class": "general purpose", "balance": -2_000 * RUPEE}
    assert at(MEGHALAYA, noon, **general).clause.place == "emergency_credit[0]"
    government = {"account_class": "government", "balance": -150 * RUPEE}
    assert at(MEGHALAYA, noon, **government).clause.place == "cut.classes[0].below"
    converted = {"converted_on": date(2026, 4, 30)}
    assert at(MEGHALAYA, noon, balance=-300 * RUPEE, **converted).clause.place == "grace"
    assert at(MEGHALAYA, noon, balance=-301 * RUPEE, **converted).action is Action.CUT
    sixth_working_day = {"converted_on": date(2026, 4, 29)}
    assert at(MEGHALAYA, noon, **sixth_working_day).clause.place != "grace"
    assert at(MEGHALAYA, noon, net_metered=True).clause.place == "exempt[0]"


def test_without_a_policy_or_a_calendar_nobody_is_cut() -> None:
    assert at(None, TUESDAY_NOON).clause.place == "none"
    unknown = decide(state(), UP, TUESDAY_NOON, None)
    assert (unknown.action, unknown.clause.place) == (Action.KEEP, "calendar")


def test_notices_come_once_and_the_sharpest_only() -> None:
    def told(balance: int, *already: str) -> list[str]:
        decision = at(
            UP,
            TUESDAY_NOON,
            balance=balance * RUPEE,
            last_recharge=1_000 * RUPEE,
            told=frozenset(already),
        )
        return [notice.id for notice in decision.notices]

    assert told(301) == []
    assert told(300) == ["percent:300000"]
    assert told(300, "percent:300000") == []
    assert told(100, "percent:300000") == ["percent:100000"]
    assert told(0) == ["percent:0"]
    assert told(-5, "percent:0") == []
    assert told(300, "percent:100000") == []
    never_recharged = at(UP, TUESDAY_NOON, balance=1).notices
    assert never_recharged == ()
    assert [each.id for each in at(UP, TUESDAY_NOON, balance=0).notices] == ["percent:0"]
    notice = at(UP, TUESDAY_NOON, balance=0, last_recharge=RUPEE).notices[0]
    assert notice.covers == ("percent:100000", "percent:300000")


def test_notices_at_amounts_and_hours_left() -> None:
    amounts = at(MEGHALAYA, TUESDAY_NOON, balance=100 * RUPEE, last_recharge=RUPEE).notices
    assert [notice.id for notice in amounts] == ["amount:100000000"]
    hours = at(BIHAR, TUESDAY_NOON, balance=100 * RUPEE, hours_left=24).notices
    assert [notice.id for notice in hours] == ["hours:24"]
    assert hours[0].covers == ("hours:72",)
    assert at(UP, TUESDAY_NOON, payment=Payment.POSTPAID, last_recharge=RUPEE).notices == ()


def test_the_policy_of_the_nearest_area_on_that_day() -> None:
    later = msgspec.structs.replace(UP, effective_from=date(2026, 4, 1), revision=1)
    city = msgspec.structs.replace(UP, area="UP/Lucknow", effective_from=date(2026, 5, 1))
    book = PolicyBook([city, later, UP])
    assert book.at("UP", date(2025, 8, 31)) is None
    assert book.at("UP/Lucknow/East", date(2026, 3, 31)) is UP
    assert book.at("UP/Lucknow/East", date(2026, 4, 30)) is later
    assert book.at("UP/Lucknow/East", date(2026, 5, 1)) is city
    assert book.at("UP/Agra", date(2026, 5, 1)) is later
    assert book.at("BR", date(2026, 5, 1)) is None


def test_small_homes_are_spared_by_a_version_that_ends() -> None:
    text = 'effective_to = 2026-06-30\n[[exempt]]\nname = "heat"\nload_max_kw = 1\n'
    heat = parse_policy(HEAD + text)
    assert decide(state(load_w=1_000), heat, TUESDAY_NOON).clause.place == "exempt[0]"
    assert decide(state(load_w=1_001), heat, TUESDAY_NOON).action is Action.CUT
    assert PolicyBook([heat]).at("UP", date(2026, 7, 1)) is None
    assert PolicyBook([heat, UP]).at("UP", date(2026, 6, 30)) is heat
    assert PolicyBook([heat, UP]).at("UP", date(2026, 7, 1)) is UP


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('[[no_cut]]\nname = "never"\n', 5, "forbids every cut for ever"),
        ('[[no_cut]]\nname = "x"\nfrom = "18:00"\n', 5, "both `from` and `to`"),
        ('[[no_cut]]\nname = "x"\nfrom = "18:00"\nto = "8:00"\n', 8, "no time of day"),
        ('[[no_cut]]\nname = "x"\nholidays = true\n', 7, "needs a `calendar`"),
        ('[[exempt]]\nname = "all"\n', 5, "exempts everybody"),
        ("[[emergency_credit]]\n", 5, "without end"),
        ("[[emergency_credit]]\namount = -5\n", 6, "wrong sign"),
        ("[grace]\ndays = 3\nworking_days = 3\n", 5, "exactly one of"),
        ("[cut]\nbelow = 0.005\n", 6, "more than 2 decimals"),
        ("[reconnect]\nat_or_above = -5\n", 6, "it would be cut again"),
        ("[notices]\npercent_of_last_recharge = [130]\n", 6, "wanted 0 to 100 each"),
        ("[notices]\npercent_of_last_recharge = [10, -5]\n", 6, "wanted 0 to 100 each"),
        ("[notices]\npercent_of_last_recharge = [10, 10.0]\n", 6, "a number stands twice"),
        ("[notices]\namounts = [100, 50, 100.00]\n", 6, "a number stands twice"),
        ("[notices]\nhours_left = [24, 24]\n", 6, "a number stands twice"),
        ("[notices]\nhours_left = [-1]\n", 6, "wanted 0 to 8784"),
        ("[postpaid]\nunpaid_bills = 0\n", 6, "wanted 1 to 120"),
        ("[evidence]\nheld_days = -1\n", 6, "wanted 0 to 366"),
        ("[notice]\n", 5, "unknown field `notice`"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(text: str, line: int, reason: str) -> None:
    with pytest.raises(RulesError) as refusal:
        parse_policy(HEAD + text, "p.toml")
    problems = refusal.value.problems
    assert any(p.startswith(f"p.toml:{line}:") and reason in p for p in problems), problems


def test_the_examples_say_that_they_are_examples_and_list_their_clauses() -> None:
    for file in EXAMPLES.glob("policy-*.toml"):
        assert load_policy(file).title.startswith("EXAMPLE")
        assert "no_cut[0]" in policy_check(file)


@settings(max_examples=2_000)
@given(
    policy=st.sampled_from([UP, BIHAR, MEGHALAYA]),
    at_s=st.integers(ist(1, "00:00", month=1), ist(31, "23:59", month=12)),
    rupees=st.integers(-3_000, 500),
    connected=st.booleans(),
    below_hours=st.integers(0, 100),
)
def test_nobody_is_cut_above_the_threshold_or_in_a_protected_time(
    *, policy: object, at_s: int, rupees: int, connected: bool, below_hours: int
) -> None:
    """Against a clock and calendar of the standard library alone."""
    decision = at(
        policy,
        at_s,
        balance=rupees * RUPEE,
        connected=connected,
        below_since_s=at_s - below_hours * 3_600,
    )
    assert decision.clause.says
    local = datetime.fromtimestamp(at_s, UTC) + IST
    if decision.action is Action.CUT:
        assert connected
        assert rupees < 0
        assert local.strftime("%A") != "Sunday"
        assert (local.month, local.day) not in {(1, 26), (8, 15), (10, 2)}
        opens, closes = {UP.id: (800, 1800), BIHAR.id: (1100, 1730), MEGHALAYA.id: (1100, 1400)}[
            decision.policy
        ]
        assert opens <= local.hour * 100 + local.minute < closes
        if decision.policy == UP.id:
            assert below_hours >= 72
            assert not (local.weekday() == 5 and 8 <= local.day <= 14)
    if decision.until_s is not None:
        later = at(
            policy,
            decision.until_s,
            balance=rupees * RUPEE,
            below_since_s=ist(1, "00:00", 1) - 10**7,
        )
        assert not later.clause.place.startswith("no_cut")
