"""The embedded store's disk runs full: heard, waited for, and nothing acknowledged is lost."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.store.blocks import Range, range_of, reads
from tests.store.conftest import Recorder

from meteringest.store.clickhouse import Store, open_store
from meteringest.store.faults import EngineUnavailable
from meteringest.store.insertion import insert_range
from meteringest.store.migrate import migrate
from meteringest.store.queries import reads_in
from meteringest.store.settings import StoreSettings

BASE = 1 << 40
ROWS = 200 * 48
RANGES_MAX = 400


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", tmp_path],  # noqa: S607
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting wants root")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)  # noqa: S607


def first(at: int) -> int:
    return BASE + at * 20_000


def day_range(at: int) -> Range:
    return range_of(first(at), reads(first(at), 200, day=at))


def fill(store: Store, recorder: Recorder) -> tuple[int, EngineUnavailable]:
    """Inserts ranges until one is not taken; how many were."""
    for at in range(RANGES_MAX):
        try:
            insert_range(store, 1, day_range(at), recorder)
        except EngineUnavailable as full:
            return at, full
    raise AssertionError


def test_a_full_disk_is_waited_for(small_disk: Path, recorder: Recorder) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(os.urandom(24 << 20))
    store = open_store(StoreSettings(), small_disk)
    try:
        migrate(store, StoreSettings())
        acknowledged, full = fill(store, recorder)
        assert full.code == 243
        assert acknowledged > 3
        assert reads_in(store, BASE, first(acknowledged)) == acknowledged * ROWS
        ballast.unlink()
        insert_range(store, 1, day_range(acknowledged), recorder)
        assert reads_in(store, BASE, first(acknowledged + 1)) == (acknowledged + 1) * ROWS
        assert store.ask("SELECT count() FROM m.batches FINAL").rows == [(acknowledged + 1,)]
    finally:
        store.close()
