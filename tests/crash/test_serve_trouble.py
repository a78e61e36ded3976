"""The whole service when things around it go wrong: disk, store, clock, a second self, SIGTERM."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.crash.running import PROGRAM, House, decoded_log
from tests.crash.servers import Server
from tests.crash.test_serve_kill import assert_all_there
from tests.wire.scrape import Watch

FLEET = ("--meters", "300", "--dcus", "4", "--seed", "13")
LIVE = ("--pace", "live", "--days", "40", "--speed", "691200")
SOON_S = 60
AWAY_S = float(os.environ.get("METERINGEST_AWAY_S", "3"))


@contextmanager
def sending(house: House, *how: str) -> Iterator[subprocess.Popen[bytes]]:
    ports = ("--port", "0", "--uplink-port", str(house.uplink_port), "--report", "r.json")
    with house.simulating(*FLEET, *ports, *how) as fleet:
        yield fleet


def done(fleet: subprocess.Popen[bytes]) -> None:
    _, words = fleet.communicate(timeout=300)
    assert fleet.returncode == 0, words.decode()


def soon(true: Callable[[], bool]) -> None:
    """Another process tells nobody how far it is, so it is asked."""
    deadline = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small filesystem wants root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)  # noqa: S607


@pytest.mark.timeout(300)
def test_a_full_disk_stops_acknowledging_and_goes_on_by_itself(
    tmp_path: Path, small_disk: Path
) -> None:
    house = House(
        tmp_path,
        settings="[journal]\ndisk_reserve_bytes = 33554432\nsegment_bytes = 4194304\n"
        "[intake]\ndrain_timeout_s = 2\n",
    )
    settings = tmp_path / "meteringest.toml"
    settings.write_text(settings.read_text() + "held_patience_s = 0.2\n")
    house.register(*FLEET)
    house.start()
    watch = Watch(house)
    with sending(house, *LIVE) as fleet:
        soon(lambda: house.status().reads_accepted > 0)
        ballast = fill(small_disk, house)
        soon(lambda: house.status().intake_held != "")
        held = house.status()
        assert "bytes are free on this disk" in held.intake_held
        assert held.durable == house.status().durable, "nothing more is taken"
        full = {"disk_below_reserve", "journal_full", "intake_held"}
        soon(lambda: not_ready_because(watch) == full)
        ballast.unlink()
        soon(lambda: house.status().intake_held == "")
        assert not_ready_because(watch) == set()
        done(fleet)
    assert_all_there(house)
    fill(small_disk, house)
    with sending(house, "--days", "1"):
        soon(lambda: house.status().intake_held != "")
        house.ask_to_stop()
        # What is in has nowhere to go, so the draining lasts until its deadline.
        soon(lambda: "draining" in not_ready_because(watch))
        assert house.ended() == 0


def fill(small_disk: Path, house: House) -> Path:
    """A file that leaves less than the journal's reserve."""
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file:
        while house.status().disk_free_bytes > 33_554_432:
            file.write(bytes(1 << 20))
            file.flush()
    return ballast


def not_ready_because(watch: Watch) -> set[str]:
    status, said = watch.ask("/readyz")
    kinds = {each["kind"] for each in json.loads(said)["reasons"]}
    assert (status == 200) == (not kinds)
    return kinds


@pytest.mark.timeout(300)
def test_a_stop_under_load_loses_nothing_and_the_fleet_goes_on_with_the_next(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    house.register(*FLEET)
    house.start()
    with sending(house, *LIVE) as fleet:
        for _ in range(2):
            soon(lambda: house.status().reads_accepted > 0)
            assert house.stop() == 0
            house.start()
        done(fleet)
    assert_all_there(house)
    assert house.stop() == 0


def test_a_second_service_on_the_folder_says_who_has_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.start()
    second = subprocess.run(
        [*PROGRAM, "serve"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert second.returncode != 0
    assert "process" in second.stderr
    assert house.alive
    assert house.status().running
    assert house.stop() == 0


@pytest.mark.timeout(600)
def test_a_clickhouse_that_goes_away_costs_freshness_only(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server")
    server.start()
    house = House(tmp_path, settings=f'[store]\nurl = "{server.url}"\nretry_max_s = 1\n')
    house.register(*FLEET)
    server.kill()
    try:
        with house.starting(until="store_awaited"):
            server.start()
        with sending(house, *LIVE) as fleet:
            soon(lambda: house.status().reads_accepted > 0)
            server.kill()
            soon(lambda: house.status().store_trouble != "")
            away = house.status()
            time.sleep(AWAY_S)  # this long it is away
            behind = house.status()
            assert behind.stored == away.stored
            assert behind.durable > away.durable, "intake goes on"
            house.kill()
            server.start()
            house.start()
            done(fleet)
        assert_all_there(house, server.url)
        assert house.status().store_trouble == ""
        assert house.stop() == 0
    finally:
        server.kill()


CLOCK = (sys.executable, "-m", "tests.crash.jumping_clock")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("jump_s", ["3600", "-3600"])
def test_a_clock_that_jumps_loses_and_doubles_nothing(tmp_path: Path, jump_s: str) -> None:
    # By a clock an hour behind, the newest intervals are an hour ahead.
    tolerant = "[checks]\nfuture_tolerance_s = 7_200\n"
    house = House(tmp_path, settings=f"[store]\nfreshness_s = 0.1\n{tolerant}")
    house.register(*FLEET)
    house.start(program=(*CLOCK, jump_s, "20"))
    with sending(house, "--days", "20") as fleet:
        done(fleet)
    assert_all_there(house)
    house.kill()
    house.start()
    assert_all_there(house)
    assert house.stop() == 0
    assert not [line for line in decoded_log(tmp_path) if line["level"] == "error"]
