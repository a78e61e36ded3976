"""Decisions as rows: the same decision has the same id, notices once between two recharges."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.tariff_days import EXAMPLES, RUPEE
from tests.unit.test_policy import TUESDAY_NOON, UP, state

from meteringest.columns import rows_block
from meteringest.prepaid.calendar_file import load_calendar
from meteringest.prepaid.deciding.outbox import (
    OUTBOX_COLUMNS,
    Facts,
    OutboxRow,
    outbox_rows,
    remembered,
    written,
)
from meteringest.prepaid.decision import decide, quiet
from meteringest.prepaid.policy_file import load_policy

CALENDAR = load_calendar(EXAMPLES / "calendar-2026.toml")
POLICIES = [UP, *(load_policy(EXAMPLES / f"policy-{n}.toml") for n in ("bihar", "meghalaya"))]


def rows(facts: Facts, *meters: int) -> list[OutboxRow]:
    decision = decide(facts.state, UP, TUESDAY_NOON, CALENDAR)
    return list(outbox_rows(facts, decision, meters or (7,)))


def after(facts: Facts, written_rows: list[OutboxRow]) -> Facts:
    """The same account once the rows stand in the outbox."""
    seen = remembered([row.id for row in written_rows], facts.recharge)
    known = msgspec.structs.replace(facts.state, told=seen.told, connected=seen.connected)
    return msgspec.structs.replace(facts, state=known, switches=seen.switches)


def test_a_disconnect_names_meter_clause_policy_and_evidence() -> None:
    notice, cut = rows(Facts(state=state()))
    assert (notice.id, notice.place) == ("notice/percent:0/none", "notices.percent")
    assert (cut.id, cut.kind, cut.meter, cut.place) == ("switch/1/7", "disconnect", 7, "cut.below")
    assert cut.policy == UP.id
    assert cut.evidence["balance"] == "-500.00"
    rows_block(OUTBOX_COLUMNS, [written(cut)])


def test_every_meter_of_the_account_is_switched() -> None:
    found = rows(Facts(state=state(told=frozenset({"percent:0"}))), 7, 8)
    assert [row.id for row in found] == ["switch/1/7", "switch/1/8"]


def test_what_stands_in_the_outbox_is_not_decided_again() -> None:
    facts = Facts(state=state())
    done = rows(facts)
    assert rows(after(facts, done)) == []
    assert [row.id for row in rows(facts)] == [row.id for row in done]


def test_a_recharge_brings_supply_back_and_notices_anew() -> None:
    facts = Facts(state=state())
    done = rows(facts)
    paid = msgspec.structs.replace(facts, recharge="p1")
    paid = after(paid, done)
    paid = msgspec.structs.replace(
        paid, state=msgspec.structs.replace(paid.state, balance=RUPEE, last_recharge=501 * RUPEE)
    )
    found = rows(paid)
    assert [row.id for row in found] == ["notice/percent:100000/p1", "switch/2/7"]
    assert found[0].evidence["covers"] == "percent:300000"
    again = after(paid, [*done, *found])
    spent = msgspec.structs.replace(
        again, state=msgspec.structs.replace(again.state, balance=-RUPEE)
    )
    assert [row.id for row in rows(spent)] == ["notice/percent:0/p1", "switch/3/7"]


@given(
    policy=st.sampled_from(POLICIES),
    rupees=st.integers(-400, 400),
    recharge=st.integers(0, 1_000),
    hours=st.none() | st.integers(0, 100),
    connected=st.booleans(),
)
def test_what_is_quiet_needs_no_decision(
    *, policy: object, rupees: int, recharge: int, hours: int | None, connected: bool
) -> None:
    facts = Facts(
        state=state(
            balance=rupees * RUPEE,
            last_recharge=recharge * RUPEE,
            hours_left=hours,
            connected=connected,
        )
    )
    decision = decide(facts.state, policy, TUESDAY_NOON, CALENDAR)  # type: ignore[arg-type]
    if quiet(facts.state, policy):  # type: ignore[arg-type]
        assert list(outbox_rows(facts, decision)) == []
