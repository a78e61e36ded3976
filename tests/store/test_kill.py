"""kill -9 at random moments, a full disk: what was acknowledged is there once, the rest follows."""

import os
import random
import signal
from pathlib import Path

import pytest
from tests.store.children import start
from tests.store.journal import BASE, RecordedJournal
from tests.store.test_writer import assert_equal_to_truth

from meteringest.store.clickhouse import open_store
from meteringest.store.settings import StoreSettings

RECORDS = 120
KILLS = int(os.environ.get("METERINGEST_KILLS", "4"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("catch_up", ["oldest", "newest"])
def test_every_acknowledged_row_is_there_once(tmp_path: Path, catch_up: str) -> None:
    seed = random.randrange(1 << 32)  # noqa: S311 (printed, so that a failure can be repeated)
    print("seed", seed)  # noqa: T201
    rng = random.Random(seed)  # noqa: S311
    # How far it came may be nothing: what goes ahead moves no mark.
    marks = [BASE, *(_run_and_kill(tmp_path, rng, catch_up) for _ in range(KILLS))]
    assert marks == sorted(marks)
    child = start(_WRITE, tmp_path, RECORDS, catch_up)
    assert child.stdout is not None
    assert child.stdout.read().endswith("all\n")
    child.stdout.close()
    assert child.wait() == 0
    store = open_store(StoreSettings(), tmp_path)
    try:
        assert_equal_to_truth(store, RECORDS)
    finally:
        store.close()


def _run_and_kill(folder: Path, rng: random.Random, catch_up: str) -> int:
    """Lets a writer work for a while, kills it, and returns the mark it had acknowledged."""
    child = start(_WRITE, folder, RECORDS, catch_up)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    for _ in range(rng.randrange(3)):
        child.stdout.readline()
    signal.sigtimedwait([], rng.random() * 0.1)
    child.kill()
    child.wait()
    child.stdout.close()
    return RecordedJournal(folder, RECORDS).stored()


_WRITE = """
import sys
from pathlib import Path
import trio
from meteringest.offload import ThreadOffload
from meteringest.store.clickhouse import open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings
from meteringest.store.writer import Writer
from tests.store.journal import ROWS, RecordedJournal

class Told:
    def emit(self, event):
        print(event, flush=True)

folder, records, catch_up = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
settings = StoreSettings(rows_max=4 * ROWS, freshness_s=0.01, catch_up=catch_up)
store = open_store(settings, folder)
migrate(store, settings)
journal = RecordedJournal(folder, records, grows=catch_up == "newest")
print("ready", flush=True)
writer = Writer(store, journal, node=7, settings=settings, offload=ThreadOffload(), observer=Told())

async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        while journal.grow():
            await trio.sleep(0.005)  # records come in meanwhile
        while journal.stored() < journal.durable():
            await trio.sleep(0.005)
        nursery.cancel_scope.cancel()

trio.run(main)
store.close()
print("all", flush=True)
"""
