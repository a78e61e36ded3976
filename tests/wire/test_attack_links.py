"""Hostile peers on the real service: bounded by a named limit, counted, and cheap; others go on."""

import random
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import trustme
from tests.crash.running import House, free_ports
from tests.e2e import stranger as own
from tests.wire.cost import costing
from tests.wire.scrape import Watch

LINKS = 250
RSS_MIB = 250
"""Generous: the embedded ClickHouse takes and gives back some tens by itself."""
PATIENCE_S = 30.0
SLOW, TLS = free_ports(2)
SETTINGS = f"""
[store]
freshness_s = 0.1
[limits]
transfers_bytes_max = 2_000_000
rejects_per_peer_max = 2_000
[intake]
pending_bytes_max = 8_388_608
[[intake.listeners]]
name = "slow"
port = {SLOW}
idle_timeout_s = 1.0
frame_bytes_max = 4_096
connections_per_peer_max = 300
[[intake.listeners]]
name = "tls"
port = {TLS}
handshake_timeout_s = 1.0
tls = {{ certificate = "server.pem", key = "server.key" }}
"""


class Attacked:
    """The house, its watcher, and an honest meter whose pushes must be answered throughout."""

    def __init__(self, folder: Path) -> None:
        server = trustme.CA().issue_cert("127.0.0.1")
        server.private_key_pem.write_to_path(folder / "server.key")
        server.cert_chain_pems[0].write_to_path(folder / "server.pem")
        self.house = House(folder, settings=SETTINGS)
        self.meter = own.Meter("HONEST01", 1)
        (folder / "meters.csv").write_text(f"{own.CSV_HEAD}\n{self.meter.csv('DCU-1')}\n")
        self.house.start()
        self.house.command("meters", "import", "meters.csv")
        self.watch = Watch(self.house)

    def answers_the_honest(self) -> None:
        """A confirmed push is acknowledged."""
        rows = own.half_hours(own.midnight_ist(), 2)
        assert own.exchange(self.house.port, self.meter.push(rows, confirmed=True)) != b""

    def until(self, least: float, name: str, **labels: str) -> None:
        """Waits until a counter has come so far."""
        deadline = time.monotonic() + PATIENCE_S
        while (seen := self.watch.value(name, **labels)) < least:
            assert time.monotonic() < deadline, f"{name} {labels}: {seen}, wanted {least}"
            time.sleep(0.05)  # it counts in another process, which tells nobody


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    attacked = Attacked(tmp_path_factory.mktemp("attacked"))
    yield attacked
    attacked.answers_the_honest()
    assert attacked.watch.ask("/readyz")[0] == 200
    assert attacked.house.stop() == 0


@contextmanager
def connected(port: int, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as over:
        yield [
            over.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            for _ in range(count)
        ]


def closed(peer: socket.socket) -> bool:
    with suppress(ConnectionError):
        return peer.recv(1) == b""
    return True


def test_slow_senders(attacked: Attacked) -> None:
    with (
        costing(
            attacked.watch,
            f"{LINKS} links that send a byte now and then and never a whole frame",
            "intake.listeners.idle_timeout_s",
            'links_closed_total{rule="idle"}',
            rss_mib=RSS_MIB,
            cpu_s=10,
        ) as cost,
        connected(SLOW, LINKS) as peers,
    ):
        for byte in struct.pack(">HHHH", 1, 1, 64, 400):
            for peer in peers:
                with suppress(ConnectionError):
                    peer.sendall(bytes([byte]))
            time.sleep(0.05)  # slowness is what is tried
        cost.look()
        attacked.answers_the_honest()
        assert all(closed(peer) for peer in peers)
        attacked.until(LINKS, "links_closed_total", listener="slow", rule="idle")


def test_more_links_than_one_address_may_have(attacked: Attacked) -> None:
    with (
        costing(
            attacked.watch,
            "900 links from one address at once",
            "intake.listeners.connections_per_peer_max",
            'links_refused_total{rule="connections_per_peer_max"}',
            rss_mib=RSS_MIB,
            cpu_s=10,
        ) as cost,
        connected(SLOW, 900),
    ):
        cost.look()
        attacked.until(600, "links_refused_total", rule="connections_per_peer_max")
        attacked.answers_the_honest()


def test_half_open_handshakes(attacked: Attacked) -> None:
    with (
        costing(
            attacked.watch,
            f"{LINKS} TLS handshakes that are begun and never go on",
            "intake.listeners.handshake_timeout_s",
            'links_refused_total{rule="handshake_timeout"}',
            rss_mib=RSS_MIB,
            cpu_s=10,
        ) as cost,
        connected(TLS, LINKS) as peers,
    ):
        for peer in peers[::2]:
            peer.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        cost.look()
        attacked.answers_the_honest()
        assert all(closed(peer) for peer in peers)
        attacked.until(LINKS, "links_refused_total", rule="handshake_timeout")


def test_a_flood_of_frames_from_a_stranger(attacked: Attacked) -> None:
    frames, size = 30_000, 1_000
    before = attacked.watch.value("frames_quarantined_total")
    draw = random.Random(7)  # noqa: S311
    bodies = [b"\xdb\x08" + draw.randbytes(size - 2) for _ in range(50)]
    flood = b"".join(own.wrapped(body) for body in bodies)
    with costing(
        attacked.watch,
        f"{frames:,} frames of {size:,} random bytes, as fast as they go",
        "intake.pending_bytes_max, limits.rejects_per_peer_max",
        "rejected_total, frames_quarantined_total",
        rss_mib=RSS_MIB,
        cpu_s=20,
    ) as cost:
        with own.Wire(attacked.house.port) as wire:
            for at in range(frames // len(bodies)):
                wire.send(flood)
                if at % 100 == 50:
                    cost.look()
                    attacked.answers_the_honest()
            wire.rest()
        attacked.until(before + frames, "frames_quarantined_total")


@pytest.mark.parametrize(
    ("what", "start"),
    [
        ("wrapper", struct.pack(">HHHH", 1, 1, 64, 0xFFFF)),
        ("hdlc", b"\x7e\xa7\xff\x03\x21\x13"),
        ("mbus", b"\x68\xff\xff\x68\x53\xff\x00\x01\x67"),
    ],
)
def test_huge_lengths(attacked: Attacked, what: str, start: bytes) -> None:
    with costing(
        attacked.watch,
        f"100 links whose {what} header promises the most it can",
        "intake.listeners.frame_bytes_max, .idle_timeout_s",
        "links_closed_total, rejected_total",
        rss_mib=RSS_MIB,
        cpu_s=10,
    ):
        before = attacked.watch.value("links_closed_total", listener="slow")
        with connected(SLOW, 100) as peers:
            for peer in peers:
                peer.sendall(start + b"\x00" * 50)
            assert all(closed(peer) for peer in peers)
            attacked.until(before + 100, "links_closed_total", listener="slow")


def test_huge_envelopes(attacked: Attacked) -> None:
    with costing(
        attacked.watch,
        "100 uplinks whose first message is said to have 4 GiB",
        "the hello's own 4 KiB",
        "links_refused_total",
        rss_mib=RSS_MIB,
        cpu_s=10,
    ):
        before = attacked.watch.value("links_refused_total", listener="uplink")
        with connected(attacked.house.uplink_port, 100) as peers:
            for peer in peers:
                peer.sendall(b"\xff\xff\xff\xff" + b"\x83" * 100)
            for peer in peers:
                while not closed(peer):
                    pass  # it is told why first
            attacked.until(before + 100, "links_refused_total", listener="uplink")


def test_messages_that_never_become_whole(attacked: Attacked) -> None:
    count, size = 4_000, 4_000
    with (
        costing(
            attacked.watch,
            f"{count:,} first blocks of {size:,} bytes whose messages never go on",
            "limits.transfers_bytes_max",
            'rejected_total{kind="too_many"}',
            rss_mib=RSS_MIB,
            cpu_s=15,
        ) as cost,
        own.Wire(attacked.house.port) as wire,
    ):
        for number in range(count):
            block = b"\xe0\x40" + struct.pack(">HH", 1, 0) + own.sized(size) + b"\x00" * size
            wire.send(own.wrapped(block, source=1 + number % 60_000))
        cost.look()
        attacked.until(1, "rejected_total", kind="too_many")
        attacked.answers_the_honest()
        wire.rest()


def test_a_concentrator_that_sends_for_meters_not_its_own(attacked: Attacked) -> None:
    """Whose read it is, its tag says and not the link: without the key nothing is taken."""
    rows = own.half_hours(own.midnight_ist(), 2)
    victim = attacked.meter
    before = attacked.watch.value("reads_accepted_total")
    forged = own.Meter(victim.serial, victim.number)
    forged.counter = victim.counter + 50
    forged.encryption_key = bytes(16)
    body = victim.body([row.packed() for row in rows])
    in_clear = own.wrapped(own.notification(body))
    with costing(
        attacked.watch,
        "2,000 pushes of a concentrator in another meter's name",
        "registry security, by tag",
        'rejected_total{kind="bad_authentication"}, {kind="security_policy"}',
        rss_mib=RSS_MIB,
        cpu_s=10,
    ):
        with own.Concentrator(attacked.house.uplink_port, 77) as link:
            link.hello()
            for at in range(1_000):
                link.envelope(2 * at + 1, forged.push(rows), meter=victim.serial)
                link.envelope(2 * at + 2, in_clear, meter=victim.serial)
            link.until_acked(2_000)
        attacked.until(1_000, "rejected_total", kind="bad_authentication")
        attacked.until(1_000, "rejected_total", kind="security_policy")
    assert attacked.watch.value("reads_accepted_total") == before
    attacked.answers_the_honest()
