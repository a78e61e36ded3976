"""Putting a gathered range into the embedded store, beside a bare raw_insert of the same block.

The bare insert goes into a table of the same engine, columns and fsync settings, with no token, no
checks and no m.batches row: what is left between the two is what safety costs.
"""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from time import process_time

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from pytest_benchmark.fixture import BenchmarkFixture
from tests.store.blocks import block, range_of, reads
from tests.store.conftest import Recorder

from meteringest.store.clickhouse import Store, open_store
from meteringest.store.insertion import insert_range
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

ROUNDS = 5
SLOTS = 48
METERS = {"100k rows": 2_083, "960k rows": 20_000}
_days = count()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(StoreSettings(), tmp_path)
    migrate(store, StoreSettings())
    store.run("CREATE TABLE m.bare AS m.reads")
    yield store
    store.close()


def bare_client(store: Store) -> Client:
    path, _, options = store.engine_address.partition("?config-file=")
    config = options.replace("%2F", "/")
    return clickhouse_connect.get_client(
        interface="chdb", path=path, chdb_options={"config-file": config}
    )


@pytest.mark.parametrize("size", METERS)
@pytest.mark.parametrize("way", ["insert_range", "bare raw_insert"])
def test_insert(benchmark: BenchmarkFixture, store: Store, way: str, size: str) -> None:
    benchmark.group = f"store: {size} into the embedded ClickHouse"
    meters = METERS[size]
    benchmark.extra_info.update(who=way, unit="rows", amount=meters * SLOTS)
    if way == "insert_range":
        _measure(benchmark, lambda first, day: _ranged(store, first, meters, day))
        return
    client = bare_client(store)
    _measure(benchmark, lambda first, day: _bare(client, first, meters, day))
    client.close()


def _measure(
    benchmark: BenchmarkFixture, prepare: Callable[[int, int], Callable[[], None]]
) -> None:
    def setup() -> tuple[tuple[Callable[[], None]], dict[str, object]]:
        day = next(_days)
        return (prepare((1 << 40) + day * 10**7, day),), {}

    cpu_s: list[float] = []

    def timed(insert: Callable[[], None]) -> None:
        begun = process_time()
        insert()
        cpu_s.append(process_time() - begun)

    benchmark.pedantic(timed, setup=setup, rounds=ROUNDS, warmup_rounds=1)
    # Of all threads, so merges that happen to run are in it; the least is the firmest figure.
    benchmark.extra_info["cpu_s_per_million_rows"] = (
        min(cpu_s) * 1e6 / benchmark.extra_info["amount"]
    )


def _ranged(store: Store, first: int, meters: int, day: int) -> Callable[[], None]:
    gathered = range_of(first, reads(first, meters, day=day))
    return lambda: insert_range(store, 1, gathered, Recorder())


def _bare(client: Client, first: int, meters: int, day: int) -> Callable[[], None]:
    rows = block(reads(first, meters, day=day))

    def insert() -> None:
        client.raw_insert("m.bare", insert_block=rows, fmt="Native")

    return insert
