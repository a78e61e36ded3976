"""The whole path in two processes on this machine: socket, decode, journal, ack, ClickHouse rows.

The clock runs from the generator's start until the last read can be queried. Hold it against the
bare raw_insert of test_store.py in the same run: the same engine with nothing before it.
"""

import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from tests.crash.running import House

from meteringest_sim.report import read_report

METERS = 20_000
FLEET = ("--meters", str(METERS), "--dcus", "20", "--seed", "3", "--uniform")
TIMEOUT_S = 300
LOADS = {
    "48-interval pushes": ("--days", "8", "--push", "48"),
    "one-interval pushes": ("--slots", "24", "--push", "1"),
}


@pytest.mark.parametrize("load", LOADS)
def test_whole_path(benchmark: BenchmarkFixture, tmp_path: Path, load: str) -> None:
    """Reads a minute from the socket to ClickHouse, half of the links acked uplinks."""
    house = House(tmp_path)
    house.register(*FLEET)
    house.start()
    ports = ("--port", str(house.port), "--uplink-port", str(house.uplink_port))
    benchmark.group = f"whole path, {load}"

    def run() -> None:
        house.command("simulate", *FLEET, *ports, *LOADS[load], "--report", "r.json")
        until_stored(house)

    benchmark.pedantic(run, rounds=1)
    report = read_report(tmp_path / "r.json")
    with house.reader() as store:
        ((rows,),) = store.ask("SELECT count() FROM m.reads_v").rows
    assert rows == report.total.distinct
    assert house.stop() == 0
    benchmark.extra_info.update(who="meteringest", unit="reads", amount=report.total.reads_stored)
    benchmark.extra_info["reads_per_minute"] = round(
        report.total.reads_stored / benchmark.stats.stats.median * 60
    )


def until_stored(house: House) -> None:
    """Everything received stands in the store."""
    deadline = time.monotonic() + TIMEOUT_S
    while (status := house.status()).stored < status.appended or not status.frames:
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
