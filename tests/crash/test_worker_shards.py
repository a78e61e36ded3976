"""`meteringest worker --shard I/N` as processes on a ClickHouse over HTTP, one of them killed."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.crash.servers import Server
from tests.property.slow_model import SlowRead
from tests.store.children import environment
from tests.store.worker_store import Arriving
from tests.store.worker_world import OPEN_S, Account, Link, Terms, midnight

from meteringest.clock import WallClock
from meteringest.prepaid.calendar import IST_OFFSET_MIN, local_day
from meteringest.prepaid.worker.shards import SHARDS, shards_of
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

ACCOUNTS = range(1, 31)
PATIENCE_S = 60
TEN = """
name = "ten"
title = "ten a unit"
currency = "INR"
effective_from = 2020-01-01
slabs = [{ rate = 10 }]
"""


@pytest.mark.timeout(240)
def test_two_workers_share_the_accounts_and_one_may_be_killed(tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    server.start()
    settings = StoreSettings(url=server.url)
    (tmp_path / "meteringest.toml").write_text(
        f'data_dir = "data"\n[store]\nurl = "{server.url}"\n[worker]\npoll_s = 0.2\ngap_s = 0.0\n'
    )
    with closing(open_store(settings, tmp_path)) as store:
        migrate(store, settings)
        arriving = Arriving(store)
        yesterday = _set_up(arriving)
        of_second = {each for each in ACCOUNTS if each % SHARDS in shards_of(2, 2)}
        assert 0 < len(of_second) < len(ACCOUNTS)
        with _worker(tmp_path, "1/2") as first, _worker(tmp_path, "2/2") as second:
            _arrive(arriving, yesterday, 0)
            _until(store, dict.fromkeys(ACCOUNTS, 10.0))
            second.kill()
            _arrive(arriving, yesterday, 1)
            _until(store, {each: 10.0 if each in of_second else 20.0 for each in ACCOUNTS})
            with _worker(tmp_path, "2/2"):
                _arrive(arriving, yesterday, 2)
                _until(store, dict.fromkeys(ACCOUNTS, 30.0))
            assert first.poll() is None
        for each in ACCOUNTS:
            also = set() if each in of_second else {20.0}
            assert _versions(store, each) >= {10.0, 30.0} | also
    server.kill()


def _versions(store: Store, account: int) -> set[object]:
    """What its day was charged, now and before."""
    sql = "SELECT toFloat64(amount) FROM m.v1_charge_versions WHERE account = {account:UInt64}"
    return {row[0] for row in store.ask(sql, {"account": account}).rows}


def _set_up(arriving: Arriving) -> date:
    yesterday = local_day(WallClock().now_s(), IST_OFFSET_MIN) - timedelta(days=1)
    everybody = [
        Account(each, [Terms(yesterday, "prepaid", "ten", 1_000)], [], 1_800) for each in ACCOUNTS
    ]
    arriving.rules(TEN)
    arriving.everybodys_links(
        [(each, Link(each.number, 0, OPEN_S, 1_000_000)) for each in everybody]
    )
    arriving.everybodys_terms([(each, each.terms[0]) for each in everybody])
    return yesterday


def _arrive(arriving: Arriving, day: date, slot: int) -> None:
    """A kWh of every account."""
    at_s = midnight(day) + slot * 1_800
    arriving.reads([SlowRead(each, at_s, 1_800, 1_000, 0, 1_000, 0, 0) for each in ACCOUNTS])


def _until(store: Store, wanted: dict[int, float]) -> None:
    """A store tells nobody that charges are written, so it is asked."""
    sql = "SELECT account, toFloat64(sum(amount)) FROM m.charge_days FINAL GROUP BY account"
    deadline = time.monotonic() + PATIENCE_S
    while (found := dict(store.ask(sql).rows)) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


@contextmanager
def _worker(folder: Path, share: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "meteringest", "worker", "--shard", share],
        cwd=folder,
        env=environment(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
