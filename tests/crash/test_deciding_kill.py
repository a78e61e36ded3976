"""kill -9 of whoever decides, at any moment: every notice and every switch once in effect.

What stands in the end is held against a store on which the same was decided undisturbed.
"""

import random
import signal
from pathlib import Path

import pytest
from tests.store.children import start

from meteringest.store.clickhouse import open_store
from meteringest.store.settings import StoreSettings

STEPS = 9
KILLS = 4
SWITCHES = (
    "SELECT account, kind, count() FROM m.outbox FINAL WHERE kind != 'notice' "
    "GROUP BY account, kind ORDER BY account, kind"
)


@pytest.mark.timeout(300)
def test_a_killed_decider_loses_and_doubles_nothing(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)  # noqa: S311 (printed, so that a failure can be repeated)
    print("seed", seed)  # noqa: T201
    rng = random.Random(seed)  # noqa: S311
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    step = 0
    for _ in range(KILLS):
        child = start(_WORK, killed, step, STEPS)
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(1 + rng.randrange(3))]
        signal.sigtimedwait([], rng.random() * 0.1)
        child.kill()
        rest, _ = child.communicate()
        told = [*lines, *rest.splitlines()]
        step = max([step, *(int(line) for line in told if line.strip().isdigit())])
    for folder, begin in ((killed, step), (whole, 0)):
        child = start(_WORK, folder, begin, STEPS)
        said, _ = child.communicate()
        assert child.returncode == 0, said
    ids = "SELECT account, id, kind, place, at FROM m.outbox FINAL ORDER BY account, id"
    found, wanted = ([_asked(folder, sql) for sql in (ids, SWITCHES)] for folder in (killed, whole))
    assert found == wanted
    kinds = {str(row[1]) for row in wanted[1]}
    assert kinds == {"disconnect", "reconnect"}


def _asked(folder: Path, sql: str) -> list[tuple[object, ...]]:
    store = open_store(StoreSettings(), folder)
    try:
        return list(store.ask(sql).rows)
    finally:
        store.close()


# A day a step: everybody runs out of money, is told, is cut when the emergency credit has
# ended, pays, is connected again. A step that was cut short is done again from its beginning.
_WORK = """
import sys
from datetime import date, timedelta
from pathlib import Path
from tests.store.money_world import World, ist
from meteringest.prepaid.deciding import awake
from meteringest.store.clickhouse import open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

awake.FEW = 0
FIRST = date(2026, 5, 4)
ACCOUNTS = range(10, 19)
store = open_store(StoreSettings(), Path(sys.argv[1]))
migrate(store, StoreSettings())
world = World(store, ist(FIRST, "06:00"))
begun = {row[0] for row in store.ask("SELECT account FROM m.account_terms").rows}
for account in ACCOUNTS:
    if account not in begun:
        world.account(account, date(2026, 4, 1))
print("ready", flush=True)
for step in range(int(sys.argv[2]), int(sys.argv[3])):
    world.now_s = ist(FIRST + timedelta(days=step), "12:00")
    world._ver = 100 * (step + 1)
    if step == 0:
        for account in ACCOUNTS:
            world.pay(account, str(account * 4), world.now_s - 100)
    world.charge_days(
        [(account, FIRST + timedelta(days=step - 1), 30 + account % 5) for account in ACCOUNTS]
    )
    if step > 5:
        for account in ACCOUNTS[step % 3 :: 3]:
            world.pay(account, "400", world.now_s - 50)
    for hours in (0, 12):
        world.decider.work(list(ACCOUNTS), world.now_s + hours * 3_600)
    print(step + 1, flush=True)
store.close()
"""
