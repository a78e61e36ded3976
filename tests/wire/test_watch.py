"""What those who watch are told by the real service, and that it is the truth."""

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from tests.crash.running import House, decoded_log
from tests.store.serve import PASSWORD, USER
from tests.store.serving import serving
from tests.wire.scrape import Watch, open_house, parsed

from meteringest.observe.catalogue import CATALOGUE

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"
SETTINGS = """
[store]
freshness_s = 0.1
[journal]
disk_reserve_bytes = 0
"""
WATCH_SETTINGS = "connections_max = 3\nstall_timeout_s = 0.5\nidle_timeout_s = 30.0\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("watched")
    house = House(folder, settings=SETTINGS)
    written = folder / "meteringest.toml"
    written.write_text(written.read_text() + WATCH_SETTINGS)
    fleet = ("--meters", "40", "--dcus", "2")
    house.register(*fleet)
    house.start()
    ports = ("--port", str(house.port), "--uplink-port", str(house.uplink_port))
    house.command("simulate", *fleet, *ports, "--days", "1", "--fault", "corrupt=0.2")
    until_stored(house)
    yield house
    assert house.stop() == 0


@pytest.fixture
def watch(house: House) -> Watch:
    return Watch(house)


def until_stored(house: House) -> None:
    deadline = time.monotonic() + 30
    while (status := house.status()).stored < status.appended:
        assert time.monotonic() < deadline, status
        time.sleep(0.05)  # the position moves in another process, which tells nobody


def test_a_scrape_is_what_prometheus_reads_and_agrees_with_status(
    house: House, watch: Watch
) -> None:
    metrics = watch.metrics()
    status = house.status()
    figure = {
        name.removeprefix("meteringest_"): next(iter(metric.samples.values()))
        for name, metric in metrics.items()
        if metric.samples
    }
    assert figure["frames_total"] == status.frames > 0
    assert figure["reads_accepted_total"] == status.reads_accepted == figure["store_reads_total"]
    assert figure["journal_stored_rows"] == figure["journal_appended_rows"] == status.appended
    assert figure["journal_disk_bytes"] == status.journal_bytes
    assert figure["memory_resident_bytes"] > 50 << 20
    assert figure["cpu_seconds_total"] > 0
    rejected = metrics["meteringest_rejected_total"].samples
    assert {dict(labels)["kind"]: count for (_, labels), count in rejected.items()} == (
        status.rejected
    )
    assert len(rejected) > 0
    lags = metrics["meteringest_lag_reads"].samples
    assert {dict(labels)["to"]: lag for (_, labels), lag in lags.items()} == {
        "durable": 0,
        "stored": 0,
    }
    acks = metrics["meteringest_ack_latency_seconds"]
    assert acks.kind == "histogram"
    assert acks.samples["meteringest_ack_latency_seconds_count", ()] > 0


def test_every_metric_that_needs_no_occasion_is_there(watch: Watch) -> None:
    metrics = {
        name.removeprefix("meteringest_")
        for name, metric in watch.metrics().items()
        if metric.samples
    }
    unlabelled = {name for name, metric in CATALOGUE.items() if not metric.labels}
    assert unlabelled - metrics == set()
    # What has happened here has its meaning in the catalogue, but for what only a log is for.
    assert {name for name in metrics - CATALOGUE.keys() if not name.endswith("_total")} == set()


def test_alive_and_ready(watch: Watch) -> None:
    assert watch.ask("/healthz") == (200, '{"alive":true}\n')
    assert watch.ask("/readyz") == (200, '{"ready":true,"reasons":[]}\n')
    assert watch.ask("/nowhere")[0] == 404
    assert watch.value("ready") == 1


def test_only_questions_are_answered(watch: Watch) -> None:
    connection = http.client.HTTPConnection(watch.url.removeprefix("http://"), timeout=10)
    for method, status in (("HEAD", 200), ("POST", 405), ("GET", 200)):
        connection.request(method, "/metrics")
        answer = connection.getresponse()
        assert answer.status == status
        assert (answer.read() == b"") == (method == "HEAD")
    connection.close()


def test_a_flood_of_watchers_is_closed_at_the_door(watch: Watch) -> None:
    address = ("127.0.0.1", int(watch.url.rpartition(":")[2]))
    held = [socket.create_connection(address, timeout=10) for _ in range(3)]
    late = [socket.create_connection(address, timeout=10) for _ in range(20)]
    for peer in late:
        with suppress(ConnectionResetError):
            assert peer.recv(1) == b""
    for peer in (*held, *late):
        peer.close()
    deadline = time.monotonic() + 10
    while True:
        with suppress(OSError, http.client.HTTPException):
            assert watch.value("watch_refused_total", rule="connections_max") >= 20
            return
        assert time.monotonic() < deadline


def test_a_watcher_that_stalls_is_cut_off(watch: Watch) -> None:
    address = ("127.0.0.1", int(watch.url.rpartition(":")[2]))
    for sent in (b"GET /met", b"GET /metrics HTTP/1.1\r\nHost: " + b"x" * 20_000):
        with socket.create_connection(address, timeout=10) as peer:
            began = time.monotonic()
            with suppress(ConnectionError):
                peer.sendall(sent)
                assert peer.recv(1) == b""
            assert time.monotonic() - began < 5


def test_every_log_line_is_an_object(house: House) -> None:
    lines = (house.folder / "serve.log").read_bytes().splitlines()
    assert len(lines) > 3
    for line in lines:
        fields = msgspec.json.decode(line, type=dict[str, object])
        assert {"at", "level", "event"} <= fields.keys(), line
    assert decoded_log(house.folder)[-1]["level"] in {"info", "warning", "debug", "error"}


def not_ready_because(watch: Watch) -> list[str]:
    status, said = watch.ask("/readyz")
    kinds = [each["kind"] for each in msgspec.json.decode(said)["reasons"]]
    assert (status == 200) == (not kinds)
    return kinds


def test_a_disk_without_room_is_not_ready(tmp_path: Path) -> None:
    house, watch = open_house(
        tmp_path, settings="[journal]\ndisk_reserve_bytes = 1_000_000_000_000_000\n"
    )
    assert not_ready_because(watch) == ["disk_below_reserve"]
    assert watch.value("ready") == 0
    assert watch.ask("/healthz")[0] == 200
    assert house.stop() == 0


def test_a_store_that_went_away_is_not_ready_and_its_lag_is_told(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server", mode="write", request_bytes_max=64 << 20) as port:
        store = f"http://{USER}:{quote(PASSWORD)}@127.0.0.1:{port}"
        settings = f'[store]\nurl = "{store}"\nfreshness_s = 0.1\nretry_max_s = 0.2\n'
        house = House(tmp_path, settings=settings)
        written = tmp_path / "meteringest.toml"
        written.write_text(written.read_text() + "store_patience_s = 0.5\n")
        house.register("--meters", "20", "--dcus", "1")
        house.start()
        watch = Watch(house)
        assert not_ready_because(watch) == []
    load = ("simulate", "--meters", "20", "--dcus", "1", "--days", "1")
    house.command(*load, "--port", str(house.port), "--uplink-port", str(house.uplink_port))
    deadline = time.monotonic() + 20
    while not_ready_because(watch) != ["store_takes_nothing"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)  # patience runs out in another process, which tells nobody
    assert watch.value("lag_reads", to="stored") > 0
    assert watch.value("lag_seconds", to="stored") > 0.5
    assert watch.value("store_retries_total") > 1
    assert watch.value("store_trouble_seconds") > 0.5
    assert watch.value("lag_reads", to="durable") == 0
    assert house.stop() == 0


def expressions() -> list[str]:
    """Of every alert and every panel."""
    rules = re.findall(r"^ +expr: (.+)$", (OPERATIONS / "alerts.yml").read_text(), re.MULTILINE)
    panels = json.loads((OPERATIONS / "dashboard.json").read_text())["panels"]
    return rules + [target["expr"] for panel in panels for target in panel["targets"]]


def test_rules_and_dashboard_ask_for_what_there_is(watch: Watch) -> None:
    metrics = watch.metrics()
    assert len(expressions()) > 50
    for expression in expressions():
        asked = re.findall(r"\b(meteringest_\w+)(?:\{([^}]*)\})?", expression)
        assert asked or "up{" in expression, expression
        for name, matchers in asked:
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            metric = name if name in metrics else base
            assert metric in metrics, f"{name} in {expression}"
            assert metric == name or metrics[base].kind == "histogram"
            labels = set(re.findall(r"(\w+)=", matchers)) - {"instance"}
            assert labels <= set(CATALOGUE[metric.removeprefix("meteringest_")].labels), expression


def test_every_alert_has_its_place_on_the_page() -> None:
    rules, page = (OPERATIONS / name for name in ("alerts.yml", "README.md"))
    alerts = re.findall(r"- alert: (\w+)$", rules.read_text(), re.MULTILINE)
    runbooks = re.findall(r'runbook: "README.md#(\w+)"', rules.read_text())
    assert [name.lower() for name in alerts] == runbooks
    headings = re.findall(r"^### (\w+)$", page.read_text(), re.MULTILINE)
    assert headings == alerts


def test_a_bad_scrape_would_be_seen() -> None:
    for text in (
        "meteringest_a_total 1\n",
        "# TYPE meteringest_a counter\nmeteringest_a 1\n",
        '# TYPE meteringest_a_total counter\nmeteringest_a_total{b="c} 1\n',
        "# TYPE meteringest_a_bytes gauge\nmeteringest_b_bytes 1\n",
        "# TYPE meteringest_depth gauge\nmeteringest_depth 1\n",
    ):
        with pytest.raises(AssertionError):
            parsed(text)
