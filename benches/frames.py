"""Frames for the benches, sealed by `cryptography`: no encoder of ours is in the loop.

Shapes are those of a real block-load push: structure{device id, push logical name, clock, rows},
each row structure{clock, voltage, four energies, current}, general-glo-ciphering, suite 0, 0x30.
"""

import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MS_PER_DAY = 86_400_000
# 2026-11-02T00:00:00+05:30, the first local midnight of the bench's days.
FIRST_DAY_S = 1_793_644_200
AUTHENTICATE_ENCRYPT = 0x30
AUTHENTICATION_KEY = bytes(range(16, 32))
TAG_BYTES = 12


@dataclass(frozen=True, slots=True)
class Meter:
    """One bench meter: its dense id, serial, system title and encryption key."""

    number: int
    serial: str
    title: bytes
    key: bytes


def meters(count: int) -> list[Meter]:
    """`count` meters, each with a key of its own."""
    return [
        Meter(
            number,
            f"LNT{number:05d}",
            b"LNT" + number.to_bytes(5, "big"),
            number.to_bytes(4, "big") * 4,
        )
        for number in range(1, count + 1)
    ]


def clock(day: int, minute: int) -> bytes:
    """IST `minute` of November 2026's `day`, with the deviation that Indian meters send."""
    return b"\x09\x0c" + struct.pack(
        ">HBBBBBBBhB", 2026, 11, day, 0xFF, minute // 60, minute % 60, 0, 0, 330, 0
    )


def row(day: int, slot: int, salt: int) -> bytes:
    """One interval of `slot` (0..47), stamped with the end of the block."""
    end = (slot + 1) * 30
    stamp = clock(day + end // 1440, end % 1440)
    energies = b"".join(b"\x06" + struct.pack(">I", v) for v in (512 + slot + salt, 0, 530, 0))
    volt, curr = struct.pack(">H", 2301 + slot), struct.pack(">H", 223)
    return b"\x02\x07" + stamp + b"\x12" + volt + energies + b"\x12" + curr


def notification(meter: Meter, day: int, slots: range, invoke_id: int) -> bytes:
    """The clear data-notification carrying `slots` of `day`."""
    rows = b"".join(row(day, slot, meter.number % 97) for slot in slots)
    body = (
        b"\x02\x04\x09\x08"
        + meter.serial.encode()
        + b"\x09\x06\x00\x05\x19\x09\x00\xff"
        + clock(day, 0)
        + b"\x01"
        + bytes([len(slots)])
        + rows
    )
    return b"\x0f" + invoke_id.to_bytes(4, "big") + b"\x00" + body


def sealed(meter: Meter, plain: bytes, counter: int) -> bytes:
    """`plain` under general-glo-ciphering, in a wrapper frame."""
    iv = meter.title + counter.to_bytes(4, "big")
    aad = bytes([AUTHENTICATE_ENCRYPT]) + AUTHENTICATION_KEY
    cipher = AESGCM(meter.key).encrypt(iv, plain, aad)[: TAG_BYTES - 16]
    inner = bytes([AUTHENTICATE_ENCRYPT]) + counter.to_bytes(4, "big") + cipher
    count = len(inner)
    length = bytes([count]) if count < 0x80 else b"\x82" + count.to_bytes(2, "big")
    apdu = b"\xdb\x08" + meter.title + length + inner
    return struct.pack(">HHHH", 1, 1, 64, len(apdu)) + apdu


def pushes(fleet: list[Meter], *, per_push: int, rounds: int) -> list[bytes]:
    """`rounds` pushes of every meter, round after round, of `per_push` (1 or 48) intervals."""
    out: list[bytes] = []
    for number in range(rounds):
        day, slot = (1 + number, 0) if per_push == 48 else (1 + number // 48, number % 48)
        slots = range(slot, slot + per_push)
        out.extend(
            sealed(each, notification(each, day, slots, number + 1), number + 1) for each in fleet
        )
    return out
