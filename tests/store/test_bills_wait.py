"""Bills wait until the charges know what was entered: terms, meters and rules."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.store.money_world import World, ist
from tests.unit.tariff_days import EXAMPLES

from meteringest.prepaid.billing.knowing import charged
from meteringest.prepaid.billing.work import BEHIND
from meteringest.prepaid.ledger.loading import RuleFile
from meteringest.prepaid.ledger.orders import Convert
from meteringest.prepaid.tariff import Payment
from meteringest.prepaid.worker.charge_pass import Charger
from meteringest.prepaid.worker.settings import WorkerSettings
from meteringest.prepaid.worker.shards import SHARDS
from meteringest.store.clickhouse import open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
CONVERTED = date(2026, 10, 21)
HOME, OTHER = 10, 11


@pytest.fixture
def entered(tmp_path: Path) -> Iterator[World]:
    """Two postpaid accounts from October on that nothing was charged to."""
    store = open_store(StoreSettings(), tmp_path)
    migrate(store, StoreSettings())
    made = World(store, ist(NOVEMBER, "10:00"))
    for account in (HOME, OTHER):
        made.account(account, OCTOBER, Payment.POSTPAID)
    yield made
    store.close()


@pytest.fixture
def world(entered: World) -> World:
    """The same, charged ten rupees a day in October."""
    days = [OCTOBER + timedelta(days=n) for n in range((NOVEMBER - OCTOBER).days)]
    for account in (HOME, OTHER):
        entered.charge_days([(account, day, 10) for day in days], payment=Payment.POSTPAID)
    return entered


def convert(world: World) -> None:
    order = Convert(
        account=HOME,
        to=Payment.PREPAID,
        from_day=CONVERTED,
        origin="office",
        reference="1",
        author="test",
        reason="asked for",
    )
    (done,) = world.ledger.enter([order])
    assert not done.refused, done


def waiting(world: World) -> dict[int, str]:
    return {each.account: each.reason for each in world.issue(NOVEMBER).waiting}


def test_a_conversion_into_the_past_keeps_its_bill_waiting_until_it_is_charged(
    world: World,
) -> None:
    convert(world)
    done = world.issue(NOVEMBER)
    assert [(each.account, each.reason) for each in done.waiting] == [(HOME, BEHIND)]
    assert done.bills == 1, "the other account's"
    prepaid = [CONVERTED + timedelta(days=n) for n in range((NOVEMBER - CONVERTED).days)]
    world.charge_days([(HOME, day, 12) for day in prepaid])
    assert waiting(world) == {}
    found = world.rows(f"SELECT version, charged FROM m.v1_bills WHERE account = {HOME}")  # noqa: S608
    assert found == [(1, 200)]


def test_whoever_wants_it_at_once_is_billed_all_the_same(world: World) -> None:
    convert(world)
    done = world.issue(NOVEMBER, unsafe_too=True)
    assert (done.bills, done.waiting) == (2, [])


def test_a_new_tariff_keeps_bills_waiting_and_a_policy_does_not(world: World) -> None:
    policy = (EXAMPLES / "policy-bihar.toml").read_text()
    world.ledger.load_rules([RuleFile("again", f"{policy}\n# again\n")], "test")
    assert not charged(world.store).behind(world.store, [HOME, OTHER])
    tariff = (EXAMPLES / "domestic-slabs.toml").read_text()
    world.ledger.load_rules([RuleFile("slabs", tariff)], "test")
    assert waiting(world) == dict.fromkeys((HOME, OTHER), BEHIND)


def test_more_terms_under_the_version_that_is_charged_are_seen(world: World) -> None:
    """A large file of terms comes in page by page under one version."""
    columns = "(account, effective_from, payment, tariff, ver)"
    newest = 9_000_000_000_000_000
    for account, behind in ((HOME, {HOME}), (OTHER, {OTHER, HOME})):
        row = f"({account}, '2026-10-05', 'postpaid', 'example-flat', {newest})"
        world.store.run(f"INSERT INTO m.account_terms {columns} VALUES {row}")  # noqa: S608
        known = charged(world.store)
        assert known.behind(world.store, [HOME, OTHER]) == behind
        world.pass_done()
        assert not charged(world.store).behind(world.store, [HOME, OTHER])


def test_a_workers_pass_is_what_bills_wait_for(entered: World) -> None:
    store, now_ms = entered.store, entered.now_s * 1_000
    worker = Charger(store, WorkerSettings(), range(SHARDS), told=lambda _: None)
    assert charged(store).behind(store, [HOME, OTHER]) == {HOME, OTHER}
    worker.charge(now_ms)
    assert not charged(store).behind(store, [HOME, OTHER])
    convert(entered)
    assert charged(store).behind(store, [HOME, OTHER]) == {HOME}
    worker.charge(now_ms)
    assert not charged(store).behind(store, [HOME, OTHER])
