"""kill -9 of a worker at any moment: charged once in effect, whatever stood half written."""

import random
import signal
from pathlib import Path

import pytest
from tests.store.children import start
from tests.store.worker_store import charged, charger, noon_ms
from tests.store.worker_truth import Truth
from tests.store.worker_world import World

from meteringest.store.clickhouse import open_store
from meteringest.store.settings import StoreSettings

SEED = "kill"
ACCOUNTS, DAYS = 6, 34
KILLS = 5


@pytest.mark.timeout(300)
def test_a_killed_worker_charges_nothing_twice_and_forgets_nothing(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)  # noqa: S311 (printed, so that a failure can be repeated)
    print("seed", seed)  # noqa: T201
    rng = random.Random(seed)  # noqa: S311
    for _ in range(KILLS):
        child = start(_WORK, tmp_path, SEED, ACCOUNTS, DAYS)
        assert child.stdout is not None
        for _ in range(1 + rng.randrange(4)):
            child.stdout.readline()
        signal.sigtimedwait([], rng.random() * 0.3)
        child.kill()
        child.wait()
        child.stdout.close()
    child = start(_WORK, tmp_path, SEED, ACCOUNTS, DAYS)
    assert child.stdout is not None
    assert child.stdout.read().count("charged") == ACCOUNTS
    child.stdout.close()
    assert child.wait() == 0
    world = World(SEED, ACCOUNTS, DAYS)
    store = open_store(StoreSettings(), tmp_path)
    try:
        assert charger(store).charge(noon_ms(world.days[-1]) + 86_400_000) is None
        found, truth = charged(store), Truth(world.tariffs, world.days)
        for account in world.accounts:
            reads = [read for read in account.sent if _linked(account.links, read.meter)]
            for place, read in enumerate(account.sent):
                read.ver = place
            assert found.get(account.number, {}) == truth.charges(account, reads)
    finally:
        store.close()


def _linked(links: list, meter: int) -> bool:  # type: ignore[type-arg]
    return any(link.meter == meter for link in links)


# Every run begins where the last one was killed: what has arrived is known by the watermark.
_WORK = """
import sys
from pathlib import Path
from tests.store.worker_store import Arriving, charger, noon_ms
from tests.store.worker_world import CALENDAR, FUEL, World
from meteringest.store.clickhouse import open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

store = open_store(StoreSettings(), Path(sys.argv[1]))
migrate(store, StoreSettings())
world = World(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
arriving = Arriving(store)
((stored,),) = store.ask("SELECT max(next) FROM m.batches").rows
((begun,),) = store.ask("SELECT count() FROM m.account_terms").rows
if not begun:
    arriving.rules(CALENDAR, FUEL, *(text for _, text in world.tariffs))
    for account in world.accounts:
        arriving.links(account, *account.links)
        arriving.terms(account, *account.terms)
print("ready", flush=True)
now_ms = noon_ms(world.days[-1]) + 86_400_000
for account in world.accounts:
    first = arriving.position
    midnights = [(meter, at_s, figures) for (meter, at_s), figures in account.registers.items()]
    if first >= stored:
        arriving.reads(account.sent, midnights)
    else:
        arriving.position += len(account.sent) + len(midnights) + 1
    charger(store, rows_max=40).charge(now_ms)
    print("charged", flush=True)
store.close()
"""
