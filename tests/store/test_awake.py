"""Who sleeps is left out of decisions, nobody else: the question against the exact function."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from itertools import chain, product
from random import Random

import msgspec
import pytest
from tests.store.money_world import World, ist

from meteringest.prepaid.deciding import awake as asking
from meteringest.prepaid.deciding.awake import awake
from meteringest.prepaid.deciding.hours import hours_left
from meteringest.prepaid.deciding.work import Decider
from meteringest.prepaid.policy import NoticeLevels, Policy
from meteringest.prepaid.tariff import Payment
from meteringest.store.clickhouse import open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

FIRST = date(2026, 4, 1)
FEWER = 40
DAY_S = 86_400
NOON = ist(date(2026, 5, 5), "12:00")
AREAS = ("UP", "BR", "ML", "UP/Lucknow", "XX")
LEVELS = NoticeLevels(percent_ppm=(300_000, 0), amounts=(50_000_000,), hours_left=(24, 72))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    store = open_store(StoreSettings(), tmp_path_factory.mktemp("awake"))
    migrate(store, StoreSettings())
    yield World(store, NOON)
    store.close()


@pytest.fixture(scope="module")
def accounts(world: World) -> list[int]:
    """Of every area, class and balance; some were told or cut before, some have no money at all."""
    draw = Random("awake")  # noqa: S311
    everybody = list(range(10, 130))
    days = []
    for account in everybody:
        payment = draw.choice((Payment.PREPAID, Payment.PREPAID, Payment.POSTPAID))
        kind = draw.choice(("home", "hospital", "government"))
        world.account(account, FIRST, payment, area=draw.choice(AREAS), account_class=kind)
        if draw.random() < 0.9:
            world.pay(account, "100", ist(FIRST, "06:00") + account)
        cost = draw.choice((0, 1, 2, 2.9, 3, 3.5))
        days += [(account, FIRST + timedelta(days=n), cost) for n in range(34)]
        if draw.random() < 0.2:
            world.pay(account, str(draw.randrange(1, 60)), NOON - 3_600)
    world.charge_days(days)
    # Three days later: some were told or cut, some of them have paid since.
    before = [account for account in everybody if draw.random() < 0.6]
    for ahead in range(3):
        world.decider.work(before[:FEWER], NOON + ahead * DAY_S - 4 * DAY_S)
        world.decider.work(before[FEWER:], NOON + ahead * DAY_S - 4 * DAY_S)
    for account in before[::5]:
        world.pay(account, "40", NOON - 60)
    return everybody


@pytest.mark.parametrize("levels", [None, LEVELS])
def test_whoever_is_left_out_has_nothing_to_be_decided(
    world: World, accounts: list[int], levels: NoticeLevels | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "FEW", 0)
    monkeypatch.setattr(asking, "ACCOUNTS_ASKED_MAX", 50)
    rules = world.ledger.rules()

    def policy_of(area: str, on: date) -> Policy | None:
        found = rules.policy(area, on)
        if found is None or levels is None:
            return found
        return msgspec.structs.replace(found, notices=levels)

    class Asked:
        policy = staticmethod(policy_of)
        calendar = rules.calendar

    hours = partial(hours_left, world.store)
    decider = Decider(world.store, Asked, world.biller.behind, hours)  # type: ignore[arg-type]
    dense, sparse = [each for each in accounts if each % 7], accounts[::7]
    whens = (NOON - DAY_S, NOON, NOON + 3 * DAY_S)
    for asked, at_s in product((sparse, dense), whens):
        found = set(chain(*awake(world.store, policy_of, asked, at_s)))
        decided = decider._decided(asked, at_s, quietly=True)  # noqa: SLF001
        wanted = {each.decision.account for each in decided}
        assert wanted
        assert wanted <= found <= set(asked)
    # Of the day before, what has been charged since makes everybody worth a look.
    assert len(found - wanted) <= len(asked) // 10, sorted(found - wanted)
