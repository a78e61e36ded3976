"""What an insert holds is let go of when it fails: a store that is away never grows memory."""

import gc
import logging
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from tests.crash.servers import Server

from meteringest.errors import StoreUnavailable
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.settings import StoreSettings


@pytest.fixture
def gone(tmp_path: Path) -> Iterator[Store]:
    server = Server(tmp_path)
    server.start()
    store = open_store(StoreSettings(url=server.url), tmp_path)
    server.kill()
    yield store
    store.close()


@pytest.mark.parametrize("count", [1, 2])
def test_blocks_do_not_wait_for_the_collector(
    gone: Store, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    # What is told of an error here holds the error, and that its frames.
    for name in ("clickhouse_connect", "urllib3"):
        caplog.set_level(logging.CRITICAL + 1, name)
    blocks = [bytes([at]) * 100 for at in range(count)]
    before = [sys.getrefcount(each) for each in blocks]
    gc.collect()
    gc.disable()
    try:
        assert fails(gone, blocks)
        assert [sys.getrefcount(each) for each in blocks] == before
    finally:
        gc.enable()


def fails(store: Store, blocks: Sequence[bytes]) -> bool:
    try:
        store.side_by_side([partial(store.insert, "m.reads", each, "t") for each in blocks])
    except StoreUnavailable:
        return True
    return False
