"""A sweep looks no further back than there is anything charged, and gives up when told to."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from tests.store.worker_store import Arriving, charger, noon_ms
from tests.store.worker_world import Account, Link, Terms

from meteringest.app.recharging import Recharging
from meteringest.clock import WallClock
from meteringest.control.charging import AskRecompute, AskSweep
from meteringest.errors import LinkError
from meteringest.prepaid.worker import sweep
from meteringest.prepaid.worker.ports import Engine, Ints
from meteringest.prepaid.worker.settings import SWEEP_DAYS_MAX, WorkerSettings
from meteringest.prepaid.worker.sums import load_sums
from meteringest.store.clickhouse import Store

FIRST = date(2026, 11, 3)
TODAY = FIRST + timedelta(days=4)
TEN = """
name = "ten"
title = "ten a unit"
currency = "INR"
effective_from = 2026-01-01
slabs = [{ rate = 10 }]
"""


class Then(WallClock):
    """Noon of one day."""

    def now_ms(self) -> int:
        return noon_ms(TODAY)


@pytest.fixture
def swept(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """Two accounts since the 3rd, charged up to the 7th; the days that are swept from now on."""
    arriving = Arriving(store)
    arriving.rules(TEN)
    for number in (5, 6):
        made = Account(number, [Terms(FIRST, "prepaid", "ten", 1_000)], [], 1_800)
        arriving.links(made, Link(number * 10, 0, 2**32 - 1, 1_000_000))
        arriving.terms(made, *made.terms)
    charger(store).charge(noon_ms(TODAY))
    days: list[date] = []

    def told(
        engine: Engine, meters: Ints, span: tuple[int, int], offset_min: int, more: Sequence[int]
    ) -> object:
        days.append(date(1970, 1, 1) + timedelta(days=span[0]))
        return load_sums(engine, meters, span, offset_min, more)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep, "load_sums", told)
    return days


def test_nothing_before_the_first_terms_is_looked_at(store: Store, swept: list[date]) -> None:
    done = Recharging(store, Then(), lambda: False).answer(AskSweep(SWEEP_DAYS_MAX))
    assert done.found == 0
    assert swept == [FIRST + timedelta(days=n) for n in range(5)]


def test_a_stopping_service_waits_for_a_day_of_a_sweep_only(
    store: Store, swept: list[date]
) -> None:
    with pytest.raises(LinkError, match="the service is stopping"):
        Recharging(store, Then(), lambda: len(swept) == 2).answer(AskSweep(SWEEP_DAYS_MAX))
    assert swept == [FIRST, FIRST + timedelta(days=1)]
    done = Recharging(store, Then(), lambda: False).answer(AskSweep(SWEEP_DAYS_MAX))
    assert (done.found, len(swept)) == (0, 7)


def test_a_stopping_service_waits_for_a_batch_of_charges_only(
    store: Store, swept: list[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    recharging = Recharging(store, Then(), lambda: True)
    monkeypatch.setattr(recharging, "_settings", WorkerSettings(accounts_max=1))
    asked = AskRecompute(accounts=[5, 6], first=FIRST)
    with pytest.raises(LinkError, match="the service is stopping"):
        recharging.answer(asked)
    assert swept == []
    again = Recharging(store, Then(), lambda: False).answer(asked)
    assert (again.accounts, again.changed) == (2, 0)
