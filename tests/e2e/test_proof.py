"""`reconcile` and `journal verify` as an operator types them: whole, then harmed on purpose."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.crash.running import PROGRAM, House
from tests.crash.test_serve_kill import wait_until_stored
from tests.store.serve import PASSWORD, USER
from tests.store.serving import serving

from meteringest.clock import WallClock
from meteringest.store.clickhouse import open_store
from meteringest.store.settings import StoreSettings

FLEET = ("--meters", "40", "--dcus", "2", "--seed", "5")
FAULTS = ("--fault", "changed=0.02", "--fault", "corrupt=0.05", "--fault", "duplicate=0.05")
SMALL = "[store]\nfreshness_s = 0.1\n[journal]\nsegment_bytes = 1_048_576\ncheckpoint_s = 3600\n"


def typed(house: House, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [*PROGRAM, *arguments], cwd=house.folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def today() -> str:
    return datetime.fromtimestamp(WallClock().now_s(), UTC).date().isoformat()


def send_two_days(house: House) -> None:
    ports = ("--port", str(house.port), "--uplink-port", str(house.uplink_port))
    house.command("simulate", *FLEET, *ports, "--days", "2", *FAULTS)
    wait_until_stored(house)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("proof"), settings=SMALL)
    house.register(*FLEET)
    house.start()
    send_two_days(house)
    yield house
    if house.alive:
        house.stop()


def test_a_day_is_whole_running_and_stopped_and_says_what_is_missing(house: House) -> None:
    status, told = typed(house, "reconcile", "--day", today(), "--json")
    report = json.loads(told)
    assert (status, report["problems"]) == (0, [])
    assert {each["dcu"] for each in report["dcus"]} >= {1, 2}
    reads = sum(each["reads_found"] for each in report["dcus"])
    assert reads == house.status().reads_accepted > 0
    assert sum(each["rejects_found"] for each in report["dcus"]) > 0
    assert sum(each["day"]["reads_changed"] for each in report["dcus"]) > 0

    status, told = typed(house, "reconcile", "--day", today(), "--dcu", "2")
    assert status == 0
    assert "whole: every frame and read is accounted for" in told
    status, told = typed(house, "journal", "verify", "--json")
    found = json.loads(told)
    assert (status, found["faults"]) == (0, [])
    assert found["records"] > 0

    assert house.stop() == 0
    assert typed(house, "reconcile", "--day", today())[0] == 0
    assert typed(house, "journal", "verify")[0] == 0

    store = open_store(StoreSettings(), house.folder / "data")
    store.run("DELETE FROM m.reads WHERE ver = (SELECT max(ver) FROM m.reads)")
    store.close()
    status, told = typed(house, "reconcile", "--day", today())
    assert status == 1
    assert "1 reads are in no table" in told


def test_an_altered_segment_is_named(house: House) -> None:
    if house.alive:
        house.stop()
    (segment,) = sorted((house.folder / "data" / "journal").glob("segment-*"))[:1]
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    segment.write_bytes(content)
    status, told = typed(house, "journal", "verify")
    assert status == 5
    assert segment.name in told


def test_a_day_on_a_server_is_counted_without_a_journal(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "auditor").mkdir()
    with serving(tmp_path / "server", mode="write", request_bytes_max=64 << 20) as port:
        url = f"http://{USER}:{quote(PASSWORD)}@127.0.0.1:{port}"
        house = House(tmp_path, settings=f'[store]\nurl = "{url}"\nfreshness_s = 0.1\n')
        house.register(*FLEET)
        house.start()
        send_two_days(house)
        assert house.stop() == 0
        settings = tmp_path / "auditor" / "meteringest.toml"
        settings.write_text(f'[store]\nurl = "{url}"\n')
        house.folder = tmp_path / "auditor"
        status, told = typed(house, "reconcile", "--day", today())
        assert (status, "whole" in told) == (0, True), told
        assert not (tmp_path / "auditor" / "data").exists()
