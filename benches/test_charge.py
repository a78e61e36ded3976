"""A day of many accounts charged, beside a bare `SELECT sum` over the same reads.

METERINGEST_BENCH_ACCOUNTS=1000000 is the size that is promised; without it fewer, to be quick.
METERINGEST_BENCH_DAY=20 is the day of November; the days before it are charged too, mostly without
reads. On the first, the default, there is nothing of the month to go on from.
The pass is the service's own: what is new by position, terms and meters, sums, tariffs (slabs with
duty, time of day, flat), the month to date of the day before, charges and closings, synced. It
begins once the engine has merged what it was given: in no service do 48 million reads come at once.
"""

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter, process_time, sleep

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from tests.store.blocks import DAY0, SLOTS, Range, block, reads
from tests.store.conftest import Recorder
from tests.store.worker_store import Arriving
from tests.unit.tariff_days import EXAMPLES

from meteringest.columns import block_of
from meteringest.prepaid.worker.charge_pass import Charger
from meteringest.prepaid.worker.settings import WorkerSettings
from meteringest.prepaid.worker.shards import SHARDS
from meteringest.store.clickhouse import Store, Table, open_store
from meteringest.store.insertion import insert_range
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

ACCOUNTS = int(os.environ.get("METERINGEST_BENCH_ACCOUNTS", "20000"))
ROUNDS = 3 if ACCOUNTS <= 100_000 else 1
DAY = int(os.environ.get("METERINGEST_BENCH_DAY", "1"))
LAST = DAY + ROUNDS - 1
METERS_A_BLOCK = 20_000
MERGED_AFTER = 4
IST_S = 19_800
FIRST = date(2026, 10, 31)
BAND = """
name = "evening"
title = "slabs, dearer in the evening"
currency = "INR"
effective_from = 2026-01-01
slabs = [{ up_to_kwh = 100, rate = 3.35 }, { rate = 5.5 }]
bands = [{ name = "evening", from = "18:00", to = "22:00", add = 0.9 },
{ name = "rest", from = "22:00", to = "18:00", add = 0 }]
fixed = [{ name = "fixed", amount = 90, per = "kw", load_step = 1 }]
levies = [{ name = "duty", kind = "duty", percent = 5, of = ["energy", "fixed"] }]
"""
TARIFFS = ("example-domestic", "evening", "example-flat")


class Watched:
    """A store that remembers what it was asked."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.asked: list[str] = []

    def ask(self, sql: str, parameters: Mapping[str, object] | None = None, /) -> Table:
        return self.store.ask(sql, parameters)

    def text(self, sql: str, output: str, /) -> bytes:
        self.asked.append(sql)
        return self.store.text(sql, output)

    def insert(self, table: str, rows: bytes, token: str, /) -> int:
        return self.store.insert(table, rows, token)

    def rows_read(self) -> int:
        """Of m.reads, by the engine's own estimate from its index."""
        found = 0
        for sql in self.asked:
            if "FROM m.reads" in sql:
                rows = self.store.ask(f"EXPLAIN ESTIMATE {sql}").rows
                found += sum(int(str(row[3])) for row in rows)
        return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(StoreSettings(), tmp_path_factory.mktemp("charge"))
    migrate(store, StoreSettings())
    arriving = Arriving(store)
    arriving.rules(*(_example(name) for name in ("flat", "domestic-slabs")), BAND)
    _accounts(store)
    yield store
    store.close()


@pytest.mark.timeout(3_600)
def test_charge_a_day(benchmark: BenchmarkFixture, store: Store) -> None:
    benchmark.group = f"charge: a day of {ACCOUNTS:,} accounts"
    benchmark.extra_info.update(who="a pass of the worker", unit="accounts", amount=ACCOUNTS)
    watched = Watched(store)
    charger = Charger(watched, WorkerSettings(), range(SHARDS), told=lambda _: None)
    _day(store, 0)
    charger.charge(_after(0))
    if DAY > 1:
        _day(store, 1)
        charger.charge(_after(DAY - 1))
    days = iter(range(DAY, LAST + 1))
    cpu_s: list[float] = []
    wall_s: list[float] = []

    def setup() -> tuple[tuple[int], dict[str, object]]:
        day = next(days)
        _day(store, day)
        _merged(store)
        watched.asked.clear()
        Path("/proc/self/clear_refs").write_text("5")
        return (day,), {}

    def timed(day: int) -> None:
        begun = perf_counter(), process_time()
        done = charger.charge(_after(day))
        wall_s.append(perf_counter() - begun[0])
        cpu_s.append(process_time() - begun[1])
        assert done is not None
        assert done.days >= ACCOUNTS

    benchmark.pedantic(timed, setup=setup, rounds=ROUNDS)
    ((charged,),) = store.ask(
        "SELECT count() FROM m.charge_days FINAL WHERE over = 1 AND day = {day:Date}",
        {"day": FIRST + timedelta(days=LAST)},
    ).rows
    assert charged == ACCOUNTS
    benchmark.extra_info.update(
        cpu_s=min(cpu_s), rows_read=watched.rows_read(), peak_mib=_peak_mib()
    )
    print(  # noqa: T201 (what the table has no column for)
        f"\n{ACCOUNTS:,} accounts: {min(wall_s):.2f} s, {min(cpu_s):.2f} cpu-s, "
        f"{watched.rows_read():,} rows of m.reads read of {ACCOUNTS * SLOTS:,} new, "
        f"{_peak_mib():,} MiB at the most"
    )


@pytest.mark.timeout(3_600)
def test_bare_sum(benchmark: BenchmarkFixture, store: Store) -> None:
    benchmark.group = f"charge: a day of {ACCOUNTS:,} accounts"
    benchmark.extra_info.update(who="bare SELECT sum", unit="accounts", amount=ACCOUNTS)
    low = DAY0 + LAST * 86_400 - IST_S
    sql = (
        "SELECT sum(imp_wh) FROM m.reads FINAL WHERE interval_start >= "  # noqa: S608 (numbers)
        f"toDateTime({low}, 'UTC') AND interval_start < toDateTime({low + 86_400}, 'UTC')"
    )
    benchmark.pedantic(lambda: store.ask(sql), rounds=5, warmup_rounds=1)


def _example(name: str) -> str:
    return (EXAMPLES / f"{name}.toml").read_text()


def _after(day: int) -> int:
    """Shortly after the local day has ended, in milliseconds."""
    return (DAY0 + (day + 1) * 86_400 - IST_S + 300) * 1_000


def _day(store: Store, day: int) -> None:
    """A local day of every meter, in large blocks sorted by meter."""
    first = (1 << 50) + day * ACCOUNTS * SLOTS
    for meter in range(1, ACCOUNTS + 1, METERS_A_BLOCK):
        count = min(METERS_A_BLOCK, ACCOUNTS + 1 - meter)
        columns = reads(first, count, day=day, from_meter=meter)
        columns["interval_start"] -= IST_S
        columns["imp_wh"] //= 8
        columns["present"][:] |= 2
        gathered = Range(first, first + count * SLOTS, [("m.reads", block(columns))], count * SLOTS)
        insert_range(store, 1, gathered, Recorder())
        first += count * SLOTS


def _merged(store: Store) -> None:
    """Returns once the engine has had nothing to merge for a while; it tells nobody when."""
    idle = 0
    while idle < MERGED_AFTER:
        sleep(0.5)
        ((running,),) = store.ask("SELECT count() FROM system.merges").rows
        idle = 0 if running else idle + 1


def _accounts(store: Store) -> None:
    """One meter each, numbered like their accounts less a thousand; a third on each tariff."""
    numbers = np.arange(1, ACCOUNTS + 1)
    meters = [
        ("meter", "UInt32", numbers.astype("<u4").tobytes()),
        ("account", "UInt64", (numbers + 1_000).astype("<u8").tobytes()),
        ("ver", "UInt64", np.ones(ACCOUNTS, "<u8").tobytes()),
    ]
    store.insert("m.meters", block_of(meters, ACCOUNTS), "meters")
    names = [bytes([len(name)]) + name.encode() for name in TARIFFS]
    terms = [
        ("account", "UInt64", (numbers + 1_000).astype("<u8").tobytes()),
        ("effective_from", "Date", np.full(ACCOUNTS, DAY0 // 86_400, "<u2").tobytes()),
        ("payment", "String", b"\x07prepaid" * ACCOUNTS),
        ("tariff", "String", b"".join(names[number % 3] for number in numbers.tolist())),
        ("load_w", "UInt32", np.full(ACCOUNTS, 2_000, "<u4").tobytes()),
        ("ver", "UInt64", np.full(ACCOUNTS, 2_000, "<u8").tobytes()),
    ]
    store.insert("m.account_terms", block_of(terms, ACCOUNTS), "terms")


def _peak_mib() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) // 1_024 if found else 0
