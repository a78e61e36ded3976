"""The acked uplink by its specification alone, and what survives when the service is killed."""

import random
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import clickhouse_connect
import pytest
from tests.crash.running import House
from tests.e2e import stranger as own

MIDNIGHT = own.midnight_ist()
METERS = 30
KILLS = 3
AHEAD = 200

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path, settings="[store]\nfreshness_s = 0.2\nrows_max = 5000\n")
    rows = "\n".join(own.Meter(f"K{n}", n).csv("DCU-K") for n in range(1, METERS + 1))
    (tmp_path / "meters.csv").write_text(f"{own.CSV_HEAD}\n{rows}\n")
    built.command("meters", "import", "meters.csv")
    built.start()
    yield built
    if built.alive:
        built.kill()


def ask(house: House, sql: str) -> list[tuple[object, ...]]:
    """Once everything appended is stored."""
    while (status := house.status()).stored < status.appended:
        time.sleep(0.05)  # the position moves in another process, which tells nobody
    client = clickhouse_connect.get_client(
        host="127.0.0.1",
        port=house.endpoint_port,
        username="reader",
        password="reader's password",  # noqa: S106 (of this test)
    )
    try:
        return [tuple(row) for row in client.query(sql).result_rows]
    finally:
        client.close()


def test_one_sequence_over_connections_resent_and_skipped(house: House) -> None:
    meter = own.Meter("K1", 1)
    frames = [meter.push([own.Row(MIDNIGHT - own.HALF_HOUR * n, n)]) for n in range(7)]
    with own.Concentrator(house.uplink_port, "DCU-K") as first:
        assert first.hello()["acked"] == 0
        for sequence in (1, 2, 3):
            first.envelope(sequence, frames[sequence], as_array=sequence == 2)
        first.until_acked(3)
        first.envelope(2, b"other bytes under a known number")
        first.envelope(4, frames[4] + frames[5], meter="K1")
        first.until_acked(4)
    with own.Concentrator(house.uplink_port, 1) as second:
        assert second.hello(resume=2)["acked"] == 4
        second.envelope(5, b"no frame at all")
        second.until_acked(5)
        second.envelope(7, frames[6])
        assert second.hear()["reason"] == "bad_stream"
    with own.Concentrator(house.uplink_port, 1) as third:
        assert third.hello(resume=5)["acked"] == 5
    stored = ask(house, "SELECT imp_wh FROM m.reads_v ORDER BY imp_wh")
    assert stored == [(1,), (2,), (3,), (4,), (5,)]
    assert ask(house, "SELECT DISTINCT dcu FROM m.rejects_v") == [(1,)]


def test_acknowledged_frames_of_meters_nobody_registered_are_kept_whole(house: House) -> None:
    stranger = own.Meter("NOBODY", 9_999)
    frames = [stranger.push(own.half_hours(MIDNIGHT, 200)) for _ in range(200)]
    with own.Concentrator(house.uplink_port, "DCU-K") as link:
        link.hello()
        for sequence, frame in enumerate(frames, start=1):
            link.envelope(sequence, frame)
        link.until_acked(len(frames))
    kept = ask(house, "SELECT kind, hex(raw), dcu FROM m.rejects_v ORDER BY position")
    assert kept == [("unknown_meter", frame.hex().upper(), 1) for frame in frames]


@pytest.mark.parametrize(
    ("hello", "reason"),
    [
        ({"protocol": 1, "dcu": 1}, "bad_hello"),
        ({"type": "hello", "protocol": 1, "dcu": 1.5}, "bad_hello"),
        ({"type": "hello", "protocol": 1, "dcu": 1, "resume": -1}, "bad_hello"),
        ({"type": "hello", "protocol": 7, "dcu": 1}, "unsupported_protocol"),
        ({"type": "hello", "protocol": 1, "dcu": 0}, "unknown_dcu"),
        ({"type": "hello", "protocol": 1, "dcu": "nobody"}, "unknown_dcu"),
    ],
)
def test_a_hello_that_is_none_is_told_why(
    shared: House, hello: dict[str, object], reason: str
) -> None:
    with own.Concentrator(shared.uplink_port, 1) as stranger:
        stranger.tell(hello)
        assert stranger.hear()["reason"] == reason


@pytest.mark.parametrize(
    "message",
    [
        b"\x7f\xff\xff\xff" + b"z" * 99,
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x01\xc1",
        b"\x00\x00\x00\x03\x92\x01\x02",
    ],
)
def test_what_is_no_envelope_ends_the_link_at_once(shared: House, message: bytes) -> None:
    with own.Concentrator(shared.uplink_port, 1) as stranger:
        stranger.hello()
        stranger.send(message)
        assert stranger.hear()["reason"] == "bad_stream"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = House(tmp_path_factory.mktemp("hellos"))
    built.start()
    yield built
    built.stop()


class Store:
    """A concentrator's memory: every envelope it ever numbered, and up to where it was told."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311
        self.meters = [own.Meter(f"K{number}", number) for number in range(1, METERS + 1)]
        self.frames: list[bytes] = []
        self.values: dict[tuple[int, int], int] = {}
        self.told = 0
        self._next = {number: MIDNIGHT - timedelta(days=80) for number in range(1, METERS + 1)}

    def frame(self, sequence: int) -> bytes:
        """The envelope's frame, made when it is asked for first."""
        while len(self.frames) < sequence:
            self.frames.append(self._made())
        return self.frames[sequence - 1]

    def _made(self) -> bytes:
        meter = self.chance.choice(self.meters)
        start = self._next[meter.number]
        if start >= MIDNIGHT - timedelta(days=1):
            start = self._next[meter.number] = MIDNIGHT - timedelta(days=80)
        count = self.chance.choice((1, 2, 48))
        last = start + own.HALF_HOUR * count
        self._next[meter.number] = last
        rows = own.half_hours(last, count, first_imp=self.chance.randrange(10_000))
        for row in rows:
            began = int((row.end - own.HALF_HOUR).timestamp())
            self.values[meter.number, began] = row.imp
        return meter.push(rows)

    def drive(self, port: int, *, until: int | None = None) -> None:
        """Sends until the link is gone, or until everything up to `until` is acknowledged."""
        with own.Concentrator(port, "DCU-K") as link:
            acked = link.hello(resume=self.told)["acked"]
            assert acked >= self.told, "the service forgot what it had acknowledged"
            self.told = next_one = acked
            while until is None or self.told < until:
                while next_one < (until or self.told + AHEAD):
                    next_one += 1
                    link.envelope(next_one, self.frame(next_one), as_array=True)
                message = link.hear()
                assert message["type"] == "ack", message
                assert self.told < message["acked"] <= next_one
                self.told = message["acked"]


@pytest.mark.parametrize("seed", [1])
def test_every_acknowledged_read_is_there_once_whenever_it_is_killed(
    house: House, seed: int
) -> None:
    memory = Store(seed)

    def lived() -> None:
        try:
            memory.drive(house.uplink_port)
        except (TimeoutError, ConnectionError):
            return

    for _ in range(KILLS):
        sender = threading.Thread(target=lived)
        sender.start()
        time.sleep(memory.chance.uniform(0.1, 0.8))  # a random moment is what is tried here
        house.kill()
        sender.join()
        house.start()
    memory.drive(house.uplink_port, until=len(memory.frames))
    found = ask(house, "SELECT meter, toUnixTimestamp(interval_start), imp_wh FROM m.reads_v")
    assert len(found) == len(memory.values)
    assert {(meter, start): value for meter, start, value in found} == memory.values
    lost = "SELECT sum(frames_missing), sum(reads_missing) FROM m.conservation_v"
    assert ask(house, lost) == [(0, 0)]
    assert house.stop() == 0
