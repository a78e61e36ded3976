"""Any span of any accounts, whatever arrives when: charged as the slow model charges it.

METERINGEST_YEAR=1000 runs a year of a thousand accounts; without it two months of a few.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest
from tests.property.slow_model import SlowRead
from tests.store.worker_store import (
    Arriving,
    CutShortError,
    Delayed,
    Failing,
    Midnight,
    charged,
    charger,
    noon_ms,
)
from tests.store.worker_world import CALENDAR, FUEL, World

from meteringest.store.clickhouse import Store

ACCOUNTS = int(os.environ.get("METERINGEST_YEAR", "8"))
DAYS = int(os.environ.get("METERINGEST_YEAR_DAYS", "365" if ACCOUNTS > 100 else "45"))
PARTS = 26 if ACCOUNTS > 100 else 7
SIZES = {"rows_max": 100_000, "accounts_max": 400} if ACCOUNTS > 100 else {}


@pytest.mark.timeout(7_200)
def test_whatever_arrives_when_it_is_charged_as_the_slow_model_charges_it(store: Store) -> None:
    world = World("year 7", ACCOUNTS, DAYS)
    arriving = Arriving(store)
    _set_up(world, arriving)
    worker = charger(store, **SIZES)
    late: list[Delayed] = []
    for part, (reads, midnights, day) in enumerate(_parts(world)):
        arriving.reads(reads, midnights)
        arriving.again(world.random.sample(reads, len(reads) // 20))
        _learn(world, arriving, part)
        now_ms = noon_ms(world.days[0] + timedelta(days=day))
        match world.random.randrange(5):
            case 0:
                pass
            case 1:
                with suppress(CutShortError):
                    charger(Failing(store, world.random.randrange(12)), **SIZES).charge(now_ms)
            case 2:
                late.append(Delayed(store))
                charger(late[-1], **SIZES).charge(now_ms)
                worker.charge(now_ms)
            case _:
                worker.charge(now_ms)
        if late and world.random.random() < 0.5:
            late.pop(0).let_through()
    now_ms = noon_ms(world.days[-1] + timedelta(days=1))
    charger(store, **SIZES).charge(now_ms)
    for each in late:
        each.let_through()
    assert worker.charge(now_ms) is None
    _compare(store, world, arriving.arrived)


def _set_up(world: World, arriving: Arriving) -> None:
    arriving.rules(CALENDAR, *(text for after, text in world.tariffs if not after))
    everybody = world.accounts
    arriving.everybodys_links([(account, link) for account in everybody for link in account.links])
    arriving.everybodys_terms([(account, account.terms[0]) for account in everybody])


def _learn(world: World, arriving: Arriving, part: int) -> None:
    """What becomes known only on the way: other terms, a revised tariff, a fuel notice."""
    known = [each for each in world.accounts if each.number % PARTS == part]
    later = [(account, terms) for account in known for terms in account.terms[1:]]
    if later:
        arriving.everybodys_terms(later)
    if part == PARTS // 2:
        arriving.rules(*(text for after, text in world.tariffs if after), FUEL)


def _parts(world: World) -> Iterator[tuple[list[SlowRead], list[Midnight], int]]:
    """Everything that was sent, most of it about when it was, some of it much later."""
    draw = world.random
    parts: list[tuple[list[SlowRead], list[Midnight]]] = [([], []) for _ in range(PARTS)]
    per_part = -(-DAYS // PARTS)

    def when(at_s: int) -> int:
        day = (at_s + 19_800) // 86_400 - (world.first.toordinal() - 719_163)
        late = draw.randrange(PARTS) if draw.random() < 0.15 else 0
        return min(max(day, 0) // per_part + late, PARTS - 1)

    for account in world.accounts:
        for read in account.sent:
            parts[when(read.start_s)][0].append(read)
        for (meter, at_s), figures in account.registers.items():
            parts[when(at_s)][1].append((meter, at_s, figures))
    for part, (reads, midnights) in enumerate(parts):
        draw.shuffle(reads)
        yield reads, midnights, min((part + 1) * per_part, DAYS) - 1


def _compare(store: Store, world: World, arrived: list[SlowRead]) -> None:
    by_meter: dict[int, list[SlowRead]] = {}
    for read in arrived:
        by_meter.setdefault(read.meter, []).append(read)
    found = charged(store)
    for account in world.accounts:
        reads = [read for link in account.links for read in by_meter.get(link.meter, [])]
        assert found.get(account.number, {}) == world.truth(account, reads), account
    days = sum((world.days[-1] - account.terms[0].day).days + 1 for account in world.accounts)
    ((rows, parked, open_days, unequal),) = store.ask(
        "SELECT countIf(tariff != ''), countIf(held = ['no_terms']), "
        "countIf(over = 0 AND tariff != ''), countIf(amount != arraySum(amounts)) "
        "FROM m.charge_days FINAL"
    ).rows
    assert (rows, open_days, unequal) == (days, 0, 0)
    # Reads from before an account's first terms wait for somebody to enter some.
    assert parked == sum((account.terms[0].day - world.first).days for account in world.accounts)


def test_the_seed_says_what_happens() -> None:
    """Two worlds of one seed are one world, or nothing above could be tried again."""
    one, two = (World("x", 2, 5) for _ in range(2))
    assert one.accounts == two.accounts
    assert Random("x").random() == Random("x").random()  # noqa: S311
