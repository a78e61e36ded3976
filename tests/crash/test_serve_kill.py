"""I3, I4: whatever moment the service is killed at, every acknowledged read is there once."""

import os
import random
import time
from pathlib import Path

import pytest
from tests.crash.running import House

from meteringest_sim.reconcile import Query, arrived, differences, look
from meteringest_sim.report import read_report

KILLS = int(os.environ.get("METERINGEST_KILLS", "4"))
FLEET = ("--meters", "600", "--dcus", "4", "--seed", "11")
ARRIVAL_TIMEOUT_S = 60


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(max(1, KILLS // 4)))
def test_every_acknowledged_read_is_there_once_whatever_is_killed(
    tmp_path: Path, seed: int
) -> None:
    house = House(tmp_path, settings="[store]\nfreshness_s = 0.2\nrows_max = 20000\n")
    house.register(*FLEET)
    chance = random.Random(seed)  # noqa: S311
    house.start()
    load = (*FLEET, "--port", "0", "--uplink-port", str(house.uplink_port), "--report", "r.json")
    # 40 days in about ten seconds, so that every kill finds the fleet sending.
    pace = ("--days", "40", "--pace", "live", "--speed", "345600", "--fault", "changed=0.001")
    with house.simulating(*load, *pace) as fleet:
        kills = 0
        while kills < min(KILLS, 4):
            time.sleep(chance.uniform(0.05, 0.8))  # a random moment is what is tried here
            assert fleet.poll() is None, f"only {kills} kills before the fleet was done"
            house.kill()
            kills += 1
            house.start()
        _, words = fleet.communicate(timeout=300)
        assert fleet.returncode == 0, words.decode()
    assert_all_there(house)
    assert house.stop() == 0


def assert_all_there(house: House, url: str = "") -> None:
    """What the fleet was told is safe stands in the store once, with its values."""
    report = read_report(house.folder / "r.json")
    assert report.complete
    wait_until_stored(house)
    with house.reader(url) as store:

        def query(sql: str) -> object:
            return store.ask(sql).rows

        assert differences(report, query, exact_frames=False) == []
        ((doubled,),) = store.ask(
            "SELECT count() FROM (SELECT meter, interval_start FROM m.reads_v "
            "GROUP BY meter, interval_start HAVING count() > 1)"
        ).rows
        assert doubled == 0


def wait_until_stored(house: House, patience_s: float = ARRIVAL_TIMEOUT_S) -> None:
    deadline = time.monotonic() + patience_s
    while (status := house.status()).stored < status.appended:
        assert time.monotonic() < deadline, status
        time.sleep(0.1)  # the position moves in another process, which tells nobody


def test_a_stopped_service_leaves_nothing_behind_and_starts_where_it_ended(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.register(*FLEET)
    house.start()
    ports = ("--port", str(house.port), "--uplink-port", str(house.uplink_port))
    house.command("simulate", *FLEET, *ports, "--days", "2", "--confirmed", "--report", "r.json")
    assert house.stop() == 0
    house.start()
    with house.reader() as store:
        query: Query = lambda sql: store.ask(sql).rows  # noqa: E731
        report = read_report(tmp_path / "r.json")
        wait_until_stored(house)
        assert arrived(report, look(query))
        assert differences(report, query) == []
    assert house.stop() == 0
