"""What waits outlives the service: blocks, counters under every key, and the count of failures."""

import struct
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from tests.crash.running import decoded_log
from tests.e2e import stranger as own
from tests.e2e.test_stranger_reads import MIDNIGHT, Utility

KEK = bytes(range(200, 216))
BROADCAST = bytes(range(32, 48))
OTHER_KEY = 256


@pytest.fixture(scope="module")
def utility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Utility]:
    running = Utility(tmp_path_factory.mktemp("waiting"))
    running.house.start()
    yield running
    assert running.house.stop() == 0


def windowed(apdu: bytes, *, window: int, size: int = 100) -> list[bytes]:
    """general-block-transfer whose sender waits for an acknowledgement after each window."""
    parts = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    frames = []
    for number, part in enumerate(parts, 1):
        last = 0x80 if number == len(parts) else 0
        streaming = 0 if last or number % window == 0 else 0x40
        head = bytes([0xE0, last | streaming | window]) + struct.pack(">HH", number, 0)
        frames.append(own.wrapped(head + own.sized(len(part)) + part))
    return frames


def twelve(meter: own.Meter) -> bytes:
    rows = [row.packed() for row in own.half_hours(MIDNIGHT, 12)]
    return meter.sealed(own.notification(meter.body(rows)))


def acknowledged(wire: own.Wire) -> int:
    """The highest block that the next answer names."""
    answer = wire.exactly(15)
    assert answer[:10] == bytes.fromhex("00010040000100 07e0bf".replace(" ", ""))
    return int.from_bytes(answer[12:14])


def test_a_lost_block_is_asked_for_and_sent_again(utility: Utility) -> None:
    meter = utility.meter()
    frames = windowed(twelve(meter), window=3)
    assert len(frames) >= 4
    with own.Wire(utility.house.port) as wire:
        wire.send(frames[0], frames[2])
        assert acknowledged(wire) == 1
        wire.send(*frames[1:3])
        assert acknowledged(wire) == 3
        wire.send(*frames[3:])
        highest = 3
        while highest < len(frames):
            highest = acknowledged(wire)
    assert [imp for _, imp in utility.reads(meter)] == list(range(100, 112))


def test_an_envelopes_blocks_outlive_their_batch_and_the_service(utility: Utility) -> None:
    meter = utility.meter()
    blocks = [own.wrapped(block) for block in own.in_blocks(twelve(meter))]
    for sequence, block in enumerate(blocks, 1):
        with own.Concentrator(utility.house.uplink_port, "DCU-1") as sender:
            sender.hello()
            sender.envelope(sequence, block, meter=meter.serial)
            sender.until_acked(sequence)
        if sequence == 2:
            utility.house.kill()
            utility.house.start()
    assert [imp for _, imp in utility.reads(meter)] == list(range(100, 112))
    rejected = "SELECT count() FROM m.rejects_v WHERE layer = 'block_transfer'"
    assert utility.query(rejected) == [(0,)]


def wrapped_key_push(meter: own.Meter, key: bytes, counter: int, row: own.Row) -> bytes:
    """general-ciphering under a key of its own, wrapped with the master key."""
    plain = own.notification(meter.body([row.packed()]))
    fields = b"\x02\x00\x07\x08" + meter.title + b"\x03HES\x00\x00"
    head = b"\x30" + struct.pack(">I", counter)
    aad = b"\x30" + meter.authentication_key + fields
    contents = head + AESGCM(key).encrypt(meter.title + head[1:], plain, aad)[:-4]
    wrapped = aes_key_wrap(KEK, key)
    info = b"\x01\x01\x00" + own.sized(len(wrapped)) + wrapped
    return own.wrapped(b"\xdd" + fields + info + own.sized(len(contents)) + contents)


def test_counters_under_other_keys_survive_a_kill(utility: Utility) -> None:
    meter = utility.meter()
    head = "serial,broadcast_key,kek"
    utility.import_csv(f"{head}\n{meter.serial},{BROADCAST.hex()},{KEK.hex()}\n")
    unicast, key = meter.encryption_key, bytes(range(70, 86))

    def broadcast(counter: int, place: int) -> bytes:
        meter.encryption_key = BROADCAST
        row = own.Row(MIDNIGHT + place * own.HALF_HOUR, place)
        frame = meter.push([row], control=0x70, counter=counter)
        meter.encryption_key = unicast
        return frame

    def wrapped(counter: int, place: int) -> bytes:
        row = own.Row(MIDNIGHT + place * own.HALF_HOUR, place)
        return wrapped_key_push(meter, key, counter, row)

    utility.send(broadcast(9, 1), wrapped(9, 2))
    # Nobody is owed an answer for these, so their link may close before they are durable.
    while len(utility.reads(meter)) < 2:
        pass
    utility.house.kill()
    utility.house.start()
    utility.send(broadcast(8, 3), wrapped(8, 4), broadcast(10, 5), wrapped(10, 6))
    flags = [row[1:] for row in utility.reads(meter, "imp_wh, flags")]
    assert flags == [(place, OTHER_KEY) for place in (1, 2, 5, 6)]
    assert utility.rejects(meter, "kind") == [("replayed_counter",)] * 2
    shown = utility.house.command("meters", "list", meter.serial, "--json")
    assert KEK.hex() not in shown.lower()


def test_an_alarm_is_neither_forgotten_nor_raised_anew_by_a_kill(utility: Utility) -> None:
    meter = utility.meter()
    meter.encryption_key = bytes(16)

    def said() -> list[object]:
        log = decoded_log(utility.house.folder)
        mine = [line for line in log if line["event"] == "wrong_key"]
        return [line["frames_in_a_row"] for line in mine if line["meter"] == meter.number]

    for frames, expected in ((2, []), (1, [3]), (2, [3]), (1, [3, 6])):
        for _ in range(frames):
            utility.send(meter.push([own.Row(MIDNIGHT, 5)]))
        assert utility.rejects(meter, "kind")[-1] == ("bad_authentication",)
        assert said() == expected
        utility.house.kill()
        utility.house.start()
