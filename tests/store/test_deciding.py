"""Policy at work on the real store: what is decided, written once, and why, at any instant."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import count

import pytest
from tests.store.money_world import World, ist

from meteringest.prepaid.deciding.work import Decided
from meteringest.prepaid.decision import Action
from meteringest.prepaid.tariff import Payment
from meteringest.store.clickhouse import open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

MAY = date(2026, 5, 1)
TUESDAY = date(2026, 5, 5)
NOON = ist(TUESDAY, "12:00")
HOUR_S = 3_600
NUMBERS = count(100, 10)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One store for all tests here; each has accounts of its own."""
    store = open_store(StoreSettings(), tmp_path_factory.mktemp("deciding"))
    migrate(store, StoreSettings())
    yield World(store, NOON)
    store.close()


@pytest.fixture
def account(world: World) -> int:
    """A prepaid home in Uttar Pradesh that recharged with 100 and used ten a day for four days."""
    return prepaid(world)


def prepaid(world: World, area: str = "UP", account_class: str = "home") -> int:
    number = next(NUMBERS)
    world.account(number, date(2026, 4, 1), area=area, account_class=account_class)
    world.pay(number, "100", ist(MAY, "06:00"))
    world.charge_days([(number, MAY + timedelta(days=n), 10) for n in range(4)])
    return number


def ids(world: World, account: int) -> list[object]:
    sql = f"SELECT id FROM m.outbox FINAL WHERE account = {account} ORDER BY at, id"  # noqa: S608
    return [row[0] for row in world.rows(sql)]


def decided(world: World, account: int, at_s: int) -> Decided:
    (one,) = world.decider.dry_run([account], at_s)
    return one


def recharge(world: World, account: int) -> str:
    sql = f"SELECT argMax(id, paid_at) FROM m.entries_v WHERE account = {account}"  # noqa: S608
    return str(world.rows(sql)[0][0])


def test_from_the_first_notice_to_reconnection(world: World, account: int) -> None:
    """60 left of 100; then 30, 10 and below nothing; three days later the cut; then a payment."""
    assert world.decider.work([account], NOON) == []
    first = recharge(world, account)
    for used, notice in ((30, "percent:300000"), (50, "percent:100000"), (61, "percent:0")):
        world.charge(account, TUESDAY, used, up_to_s=NOON - HOUR_S + used)
        (row,) = world.decider.work([account], NOON)
        assert row.id == f"notice/{notice}/{first}"
        assert world.decider.work([account], NOON) == []
    fell_s = NOON - HOUR_S + 61
    world.charge(account, TUESDAY, 61)
    for n in range(1, 3):
        world.charge(account, TUESDAY + timedelta(days=n), 1)
    ends_s = fell_s + 72 * HOUR_S
    world.charge(account, date(2026, 5, 8), 1, up_to_s=ends_s - 600)
    kept = decided(world, account, ends_s - 1)
    assert kept.decision.clause.place == "emergency_credit[0]"
    (cut,) = world.decider.work([account], ends_s)
    assert (cut.id, cut.kind, cut.place) == (f"switch/1/{account}", "disconnect", "cut.below")
    assert cut.evidence["below_since"] == "2026-05-05T05:31:01Z"
    assert world.decider.work([account], ends_s + 60) == []
    world.pay(account, "3.99", ends_s + 100)
    assert [row.kind for row in world.decider.work([account], ends_s + 101)] == ["notice"]
    world.pay(account, "0.02", ends_s + 102)
    rows = world.decider.work([account], ends_s + 103)
    assert [row.id for row in rows if row.kind != "notice"] == [f"switch/2/{account}"]
    assert rows[-1].kind == "reconnect"


def test_doubled_and_repeated_workers_write_nothing_twice(world: World) -> None:
    accounts = [prepaid(world) for _ in range(5)]
    day = date(2026, 5, 5)
    world.charge_days([(account, day, 75) for account in accounts], up_to_s=NOON - 60)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(world.decider.work, accounts, NOON + n) for n in range(8)]:
            done.result()
    for account in accounts:
        assert ids(world, account) == [f"notice/percent:0/{recharge(world, account)}"]


def test_the_dry_run_writes_nothing_and_names_a_clause_for_everybody(world: World) -> None:
    poor, hospital = prepaid(world), prepaid(world, account_class="hospital")
    bihar, nowhere = prepaid(world, "BR"), prepaid(world, "XX")
    day = date(2026, 5, 5)
    world.charge_days([(each, day, 99) for each in (poor, hospital, bihar, nowhere)])
    later = date(2026, 5, 11)
    world.charge_days([(each, later, 0) for each in (poor, hospital, bihar, nowhere)])
    at_s = ist(later + timedelta(days=1), "10:00")
    found = world.decider.dry_run([poor, hospital, bihar, nowhere], at_s)
    assert [(each.decision.action, each.decision.clause.place) for each in found] == [
        (Action.CUT, "cut.below"),
        (Action.KEEP, "exempt[0]"),
        (Action.KEEP, "no_cut[0]"),
        (Action.KEEP, "none"),
    ]
    assert found[2].decision.until_s == ist(later + timedelta(days=1), "11:00")
    assert ids(world, poor) == []


def test_the_past_is_asked_as_it_was(world: World, account: int) -> None:
    """Money that came later and charges of later intervals are not in an earlier balance."""
    world.charge(account, TUESDAY, 20, up_to_s=ist(TUESDAY, "08:00"))
    world.charge(account, TUESDAY, 90, up_to_s=ist(TUESDAY, "16:00"))
    world.charge(account, TUESDAY, 95)
    world.pay(account, "500", ist(TUESDAY, "20:00"))
    balances = {
        clock: decided(world, account, ist(TUESDAY, clock)).found.facts.state
        for clock in ("07:00", "12:00", "17:00", "21:00")
    }
    assert {clock: each.balance // 10**6 for clock, each in balances.items()} == {
        "07:00": 60,
        "12:00": 40,
        "17:00": -30,
        "21:00": 470,
    }
    assert balances["12:00"].balance_at_s == ist(TUESDAY, "08:00")
    assert balances["17:00"].last_recharge == 100 * 10**6


def test_a_held_read_protects_until_a_register_settles_it(world: World, account: int) -> None:
    world.charge(account, TUESDAY, 99, held=("quality_suspect",))
    at_s = ist(date(2026, 5, 12), "10:00")
    world.charge(account, date(2026, 5, 11), 0)
    assert decided(world, account, at_s).decision.clause.place == "evidence.cut_with_held_reads"
    world.charge(account, TUESDAY, 99)
    assert decided(world, account, at_s).decision.action is Action.CUT


def test_held_reads_are_told_by_days_however_many_reasons_a_day_has(
    world: World, account: int
) -> None:
    world.charge(account, TUESDAY, 99, held=("quality_suspect 3", "no_calendar"))
    world.charge(account, date(2026, 5, 11), 0)
    at_s = ist(date(2026, 5, 12), "10:00")
    decision = decided(world, account, at_s).decision
    assert decision.clause.says == "reads of 1 day are held uncharged"
    assert decision.evidence["held_reads"] == "1"
    world.charge(account, date(2026, 5, 11), 0, held=("quality_suspect 1",))
    again = decided(world, account, at_s).decision
    assert again.clause.says == "reads of 2 days are held uncharged"


def test_a_converted_account_has_its_grace(world: World, account: int) -> None:
    world.account(account, date(2026, 3, 1), Payment.POSTPAID)
    world.charge(account, TUESDAY, 99)
    at_s = ist(date(2026, 5, 6), "10:00")
    state = decided(world, account, at_s)
    assert state.found.facts.state.converted_on == date(2026, 4, 1)
    assert decided(world, account, ist(date(2026, 4, 30), "10:00")).decision.clause.place


def test_two_unpaid_bills_are_cut_and_a_payment_brings_supply_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "now_s", ist(date(2026, 6, 17), "10:00"))
    number = next(NUMBERS)
    april = date(2026, 4, 1)
    world.account(number, april, Payment.POSTPAID, account_class="government")
    days = [(number, april + timedelta(days=n), 10) for n in range(100)]
    world.charge_days(days, payment=Payment.POSTPAID)
    for on in (MAY, date(2026, 6, 1)):
        world.issue(on, account=number)
    early, late = ist(date(2026, 6, 16), "12:00"), ist(date(2026, 6, 17), "12:00")
    assert decided(world, number, early).decision.clause.place == "postpaid"
    (cut,) = world.decider.work([number], late)
    assert (cut.kind, cut.place) == ("disconnect", "postpaid.unpaid_bills")
    assert cut.evidence["unpaid_bills"] == "2"
    world.pay(number, "300", late + 10)
    (back,) = world.decider.work([number], late + 11)
    assert back.kind == "reconnect"


def test_a_day_without_energy_counts_from_its_beginning(world: World) -> None:
    number = prepaid(world)
    world.charge(number, TUESDAY, 99, up_to_s=0)
    late = ist(date(2026, 5, 8), "10:00")
    world.charge(number, date(2026, 5, 7), 0)
    found = decided(world, number, late)
    assert found.decision.evidence["below_since"] == "2026-05-04T18:30:00Z"
    assert found.decision.action is Action.CUT


def test_hours_left_at_what_the_last_days_cost_are_told(world: World) -> None:
    """60 left at 10 a day are 144 hours; after two dear days 10 at 15 a day are 16."""
    number = prepaid(world, "BR")
    assert world.decider.work([number], NOON) == []
    world.charge(number, TUESDAY, 25)
    world.charge(number, date(2026, 5, 6), 25)
    rows = world.decider.work([number], ist(date(2026, 5, 7), "10:00"))
    assert [row.subject for row in rows] == ["percent:100000", "hours:24"]
    assert rows[0].evidence["hours_left"] == "16"
    world.pay(number, "10", ist(date(2026, 5, 7), "10:01"))
    rows = world.decider.work([number], ist(date(2026, 5, 7), "10:02"))
    assert [row.subject for row in rows] == ["hours:72"]
    assert rows[0].evidence["hours_left"] == "32"


def test_closed_accounts_are_left_alone(world: World, account: int) -> None:
    columns = "(account, effective_from, payment, tariff, area, closed, ver)"
    row = f"({account}, '2026-05-03', 'prepaid', 'example-flat', 'UP', 1, 10000)"
    world.store.run(f"INSERT INTO m.account_terms {columns} VALUES {row}")  # noqa: S608
    world.charge(account, TUESDAY, 99)
    assert world.decider.dry_run([account], ist(date(2026, 5, 20), "12:00")) == []
    assert account in world.decider.accounts(account - 1, 1)
