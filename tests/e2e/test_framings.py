"""Every framing at the same port of a real service, datagrams beside it, and what junk may cost."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.crash.running import free_ports
from tests.e2e import stranger as own
from tests.e2e.utility import Utility

VECTORS = Path(__file__).parents[1] / "vectors" / "dlms.jsonl"
MIDNIGHT = own.midnight_ist()
BUDGET = 300_000
METERS = 14
FLOOD = "127.0.0.9"
LISTENERS = """
[[intake.listeners]]
name = "datagrams"
transport = "udp"
port = {port}
datagram_bytes_max = 4000
[[intake.listeners]]
name = "prime"
framing = "prime-dc"
port = {prime}
"""


class Framed(Utility):
    """A utility with a UDP listener at the number of its TCP port, and one for PRIME."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, settings=f"[limits]\nrejects_bytes_per_peer_day_max = {BUDGET}\n")
        (self.prime_port,) = free_ports(1)
        settings = folder / "meteringest.toml"
        more = LISTENERS.format(port=self.house.port, prime=self.prime_port)
        settings.write_text(settings.read_text() + more)
        self._fleet = [own.Meter(f"F{number:04}", number) for number in range(1, METERS + 1)]

    def register(self) -> None:
        """All meters at once: an import takes a second."""
        rows = "".join(f"{meter.csv('DCU-1')}\n" for meter in self._fleet)
        self.import_csv(f"{own.CSV_HEAD}\n{rows}")

    def meter(self, **_shape: object) -> own.Meter:
        """A meter that nobody has used yet."""
        return self._fleet.pop()

    def post(self, *datagrams: bytes, answers: int = 0, host: str = "127.0.0.1") -> list[bytes]:
        """Sends each datagram from one socket, and takes so many answers."""
        with socket.socket(type=socket.SOCK_DGRAM) as letters:
            letters.settimeout(own.TIMEOUT_S)
            letters.bind((host, 0))
            letters.connect(("127.0.0.1", self.house.port))
            for datagram in datagrams:
                letters.send(datagram)
            return [letters.recv(65_536) for _ in range(answers)]

    def kept_of(self, *raws: bytes) -> list[tuple[object, object]]:
        """Kind and raw bytes of the rejects that have one of these."""
        listed = ", ".join(f"unhex('{raw.hex()}')" for raw in raws)
        rows = self.query(
            f"SELECT kind, hex(raw) FROM m.rejects_v WHERE raw IN ({listed}) ORDER BY position"  # noqa: S608
        )
        return [(kind, bytes.fromhex(str(raw))) for kind, raw in rows]


@pytest.fixture(scope="module")
def utility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Framed]:
    running = Framed(tmp_path_factory.mktemp("framings"))
    running.house.start()
    running.register()
    yield running
    assert running.house.stop() == 0


def vectors(*ids: str) -> list[bytes]:
    lines = map(json.loads, VECTORS.read_text().splitlines())
    by_id = {line["id"]: bytes.fromhex(line["hex"]) for line in lines}
    return [by_id[each] for each in ids]


def confirm(invoke: int, *, source: int = 64, destination: int = 1) -> bytes:
    apdu = b"\x10" + (0x40000000 | invoke).to_bytes(4, "big") + b"\x00"
    return own.wrapped(apdu, source=source, destination=destination)


def sealed(meter: own.Meter, row: own.Row, invoke: int) -> bytes:
    body = meter.body([row.packed()])
    return meter.sealed(own.notification(body, invoke=invoke, confirmed=True))


def read(value: int) -> list[tuple[object, ...]]:
    return [(int(MIDNIGHT.timestamp()) - 1800, value)]


def test_a_datagram_of_two_pushes_is_stored_and_each_is_answered(utility: Framed) -> None:
    first, second = utility.meter(), utility.meter()
    pushes = [
        meter.push([own.Row(MIDNIGHT, value)], confirmed=True, invoke=value)
        for meter, value in ((first, 11), (second, 22))
    ]
    assert utility.post(b"".join(pushes), answers=2) == [confirm(11), confirm(22)]
    assert (utility.reads(first), utility.reads(second)) == (read(11), read(22))


def test_a_datagram_sent_again_is_a_duplicate_that_is_answered_again(utility: Framed) -> None:
    meter = utility.meter()
    push = meter.push([own.Row(MIDNIGHT, 5)], confirmed=True, invoke=5)
    assert utility.post(push, answers=1) == utility.post(push, answers=1) == [confirm(5)]
    assert utility.reads(meter) == read(5)


def test_a_cut_datagram_is_a_reject_and_the_next_one_is_not_tainted(utility: Framed) -> None:
    meter = utility.meter()
    push = meter.push([own.Row(MIDNIGHT, 7)], confirmed=True, invoke=7)
    whole, cut, over = push, push[:-3], push[:20] + b"\x00" * 4_000
    assert utility.post(cut, over, whole, answers=1) == [confirm(7)]
    assert utility.kept_of(cut, over[:4_000]) == [("truncated", cut), ("too_long", over[:4_000])]
    assert utility.reads(meter) == read(7)


def test_datagrams_captured_from_strangers_are_kept_as_they_came(utility: Framed) -> None:
    captured = vectors("u9n-udp-glo-dn-0", "u9n-udp-glo-dn-2", "osgp-dsmr4-alarm")
    meter = utility.meter()
    last = meter.push([own.Row(MIDNIGHT, 9)], confirmed=True, invoke=9)
    utility.post(*captured, last, answers=1)
    kinds = ["unknown_meter", "unknown_meter", "bad_tag"]
    assert utility.kept_of(*captured) == list(zip(kinds, captured, strict=True))


def test_every_framing_comes_in_at_one_port(utility: Framed) -> None:
    # The addresses of the push, swapped, and the LLC of a request.
    head = b"\xa0\x12\x21\x03\x13"
    content = head + own.crc16(head) + b"\xe6\xe6\x00" + confirm(3)[8:]
    unnumbered = b"\x7e" + content + own.crc16(content) + b"\x7e"
    ways = ((own.wrapped, confirm(3)), (own.hdlc, unnumbered), (own.mbus, b""))
    for framed, expected in ways:
        meter = utility.meter()
        assert utility.send(framed(sealed(meter, own.Row(MIDNIGHT, 3), 3))) == expected
        assert utility.reads(meter) == read(3)


def test_links_of_different_framings_are_served_at_once(utility: Framed) -> None:
    meters = [utility.meter() for _ in range(3)]
    framings = (own.wrapped, own.hdlc, own.mbus)
    pushes = [
        framed(sealed(meter, own.Row(MIDNIGHT, 4), 4))
        for framed, meter in zip(framings, meters, strict=True)
    ]
    with ExitStack() as open_links:
        wires = [open_links.enter_context(own.Wire(utility.house.port)) for _ in pushes]
        for at in range(max(map(len, pushes))):
            for wire, push in zip(wires, pushes, strict=True):
                wire.send(push[at : at + 1])
        for wire in wires:
            wire.rest()
    assert [utility.reads(meter) for meter in meters] == [read(4)] * 3


def test_frames_captured_in_hdlc_and_m_bus_are_kept_as_they_came(utility: Framed) -> None:
    captured = vectors(
        "scs-lg_e450.ENCRYPTED_DATA_NO_PUSHLIST",
        "dlmsparser-hdlc_kamstrup_omnipower",
        "tirol-kaifa-mbus-suite1-encryptonly",
        "osgp-mx382-wakeup",
        "issue-osgp180-dsmr4-alarm",
    )
    for frame in captured:
        utility.send(frame)
    raws = utility.query("SELECT hex(raw) FROM m.rejects_v")
    kept = "".join(str(raw) for (raw,) in raws)
    missing = [frame.hex() for frame in captured if frame.hex().upper() not in kept]
    assert missing == []


def test_a_prime_concentrator_says_whose_the_frames_are(utility: Framed) -> None:
    meter = utility.meter()
    push = sealed(meter, own.Row(MIDNIGHT, 8), 8)
    untitled = b"\xdb\x00" + push[10:]
    name = meter.serial.encode()
    device = b"\x01\x00\x09\x00\x00" + bytes([len(name)]) + name + b"\x40\x40\x22\x00\x00\x09"
    answer = own.exchange(
        utility.prime_port,
        own.wrapped(device, source=0, destination=1),
        own.wrapped(untitled, source=9, destination=1),
    )
    assert answer == confirm(8, source=1, destination=9)
    assert utility.reads(meter) == read(8)


def test_a_flood_of_junk_is_bounded_on_the_disk_and_counted(utility: Framed) -> None:
    def counted() -> int:
        ((frames,),) = utility.query("SELECT sum(frames_quarantined) FROM m.conservation_v")
        return int(str(frames))

    def journal_bytes() -> int:
        files = (utility.house.folder / "data" / "journal").rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file())

    before, size = counted(), journal_bytes()
    for _ in range(4):
        flood = socket.create_connection(
            ("127.0.0.1", utility.house.port), source_address=(FLOOD, 0), timeout=own.TIMEOUT_S
        )
        with flood:
            flood.sendall(b"\x7e\xa0\x07\x03\x03\x93\x8c\x11\x7e" + b"\x55" * 5_000_000)
            flood.shutdown(socket.SHUT_WR)
            while flood.recv(65_536):
                pass
    utility.post(*[b"\x55" * 1_000] * 50, host=FLOOD)
    ((raw_bytes, told),) = utility.query(
        "SELECT sum(length(raw)), sumIf(offset, kind = 'too_many') FROM m.rejects_v "  # noqa: S608
        f"WHERE startsWith(peer, '{FLOOD}:')"
    )
    assert 100_000 < int(str(raw_bytes)) <= BUDGET
    # Each link: its sound frame without an APDU, and 5,000,000 bytes in runs of 65,543.
    assert counted() - before >= 4 * 78
    assert int(str(told)) > 0
    assert journal_bytes() - size < 2 * BUDGET
