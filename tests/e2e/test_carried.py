"""Pushes in HDLC segments, in M-Bus segments and in blocks, made by a stranger, end as reads."""

import struct
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.crash.running import decoded_log
from tests.e2e import stranger as own
from tests.e2e.test_stranger_reads import MIDNIGHT, Utility

RETIRED_KEY = 128


@pytest.fixture(scope="module")
def utility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Utility]:
    running = Utility(tmp_path_factory.mktemp("carried"))
    running.house.start()
    yield running
    assert running.house.stop() == 0


def wrapped_blocks(apdu: bytes) -> bytes:
    return b"".join(map(own.wrapped, own.in_blocks(apdu)))


def hdlc_blocks(apdu: bytes) -> bytes:
    return b"".join(map(own.hdlc, own.in_blocks(apdu)))


@pytest.mark.parametrize("carried", [own.hdlc, own.mbus, wrapped_blocks, hdlc_blocks])
@pytest.mark.parametrize("cut", [1, 37, 1 << 20])
def test_a_push_is_the_same_however_it_is_carried_and_cut(
    utility: Utility, carried: Callable[[bytes], bytes], cut: int
) -> None:
    meter = utility.meter()
    body = meter.body([row.packed() for row in own.half_hours(MIDNIGHT, 12)])
    octets = carried(meter.sealed(own.notification(body)))
    utility.send(*(octets[at : at + cut] for at in range(0, len(octets), cut)))
    assert [imp for _, imp in utility.reads(meter)] == list(range(100, 112))


def test_an_aborted_run_of_blocks_is_a_reject_and_the_next_run_is_read(utility: Utility) -> None:
    meter = utility.meter()
    body = meter.body([row.packed() for row in own.half_hours(MIDNIGHT, 12)])
    blocks = own.in_blocks(meter.sealed(own.notification(body)))
    aborted = b"".join(map(own.wrapped, blocks[:2]))
    utility.send(aborted + b"".join(map(own.wrapped, blocks)))
    assert len(utility.reads(meter)) == 12
    kept = utility.query(
        "SELECT kind, hex(raw) FROM m.rejects_v WHERE layer = 'block_transfer' "
        "ORDER BY position DESC LIMIT 1"
    )
    assert kept == [("bad_sequence", aborted.hex().upper())]


def test_general_ciphering_is_opened_with_the_meters_key(utility: Utility) -> None:
    meter = utility.meter()
    plain = own.notification(meter.body([own.Row(MIDNIGHT, 77).packed()]))
    fields = b"\x02\x00\x07\x08" + meter.title + b"\x03HES\x00\x00"
    head = b"\x30" + struct.pack(">I", 9)
    aad = b"\x30" + meter.authentication_key + fields
    ciphered = AESGCM(meter.encryption_key).encrypt(meter.title + head[1:], plain, aad)[:-4]
    contents = head + ciphered
    apdu = b"\xdd" + fields + b"\x01\x00\x00" + own.sized(len(contents)) + contents
    utility.send(own.wrapped(apdu))
    assert [imp for _, imp in utility.reads(meter)] == [77]


def test_a_meter_under_a_wrong_key_is_named_once_it_keeps_failing(utility: Utility) -> None:
    meter = utility.meter()
    meter.encryption_key = bytes(16)
    for _ in range(4):
        utility.send(meter.push([own.Row(MIDNIGHT, 5)]))
    said = [line for line in decoded_log(utility.house.folder) if line["event"] == "wrong_key"]
    assert [(line["meter"], line["frames_in_a_row"]) for line in said] == [(meter.number, 3)]


def test_an_encrypt_only_meter_may_repeat_its_counter(utility: Utility) -> None:
    meter = utility.meter(security="encrypt")
    for place in range(3):
        row = own.Row(MIDNIGHT + place * own.HALF_HOUR, 5 + place)
        utility.send(meter.push([row], control=0x20, counter=0))
    assert [imp for _, imp in utility.reads(meter)] == [5, 6, 7]


def test_a_meter_turns_to_its_next_key_and_the_old_one_has_its_overlap(utility: Utility) -> None:
    meter = utility.meter()
    old = meter.encryption_key
    first, late = (meter.push([own.Row(MIDNIGHT + at * own.HALF_HOUR, 10 + at)]) for at in range(2))
    utility.send(first)
    following = bytes(range(100, 116))
    head = "serial,next_encryption_key"
    utility.import_csv(f"{head}\n{meter.serial},{following.hex()}\n")
    meter.encryption_key, meter.counter = following, 0
    turned = [meter.push([own.Row(MIDNIGHT + at * own.HALF_HOUR, 10 + at)]) for at in (2, 3)]
    utility.send(turned[0], late, turned[1])
    flags = utility.reads(meter, "imp_wh, flags")
    assert [row[1:] for row in flags] == [(10, 0), (11, RETIRED_KEY), (12, 0), (13, 0)]
    utility.house.kill()
    utility.house.start()
    meter.encryption_key, meter.counter = old, 1
    utility.send(meter.push([own.Row(MIDNIGHT, 99)]))
    assert utility.rejects(meter, "kind") == [("replayed_counter",)], "its counter survived"
    shown = utility.house.command("meters", "list", meter.serial, "--json")
    assert following.hex() not in shown.lower()
