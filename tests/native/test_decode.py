"""Frames that dlms-cosem and cryptography encode come out as the values that went in."""

from datetime import datetime

import pytest
from tests.native.frames import INTERVAL, NOON, Meter, ends
from tests.native.records import parse
from tests.native.setting_up import decode, decoder, row

UNAUTHENTICATED = 32
SINGLE = {"volt": 2_314, "imp_wh": 250, "imp_vah": 261, "exp_wh": 3, "exp_vah": 4, "curr": 413}
THREE = {
    "curr_r": 11, "curr_y": 12, "curr_b": 13, "volt_r": 2_301, "volt_y": 2_302, "volt_b": 2_303,
    "imp_wh": 21, "exp_wh": 22, "varh_q1": 23, "varh_q2": 24, "varh_q3": 25, "varh_q4": 26,
    "imp_vah": 27, "exp_vah": 28,
}  # fmt: skip


def expected(meter: Meter, counter: int, end: datetime, values: dict[str, int]) -> dict[str, int]:
    """The row that should be stored: volts in 0.01 V, amperes in 0.001 A."""
    scaled = {}
    for name, value in values.items():
        quantity, _, phase = name.partition("_")
        if quantity == "volt":
            scaled["_".join(filter(None, (quantity, phase, "cv")))] = value * 10
        elif quantity == "curr":
            scaled["_".join(filter(None, (quantity, phase, "ma")))] = value * 10
        else:
            scaled[name] = value
    return scaled | {
        "meter": meter.number,
        "interval_start": int((end - INTERVAL).timestamp()),
        "interval_s": 1_800,
        "present": 0b11_1111 if meter.phases == 1 else 0b1111_1111_1100_1111,
        "quality": 0,
        "flags": 0 if meter.control & 0x10 else UNAUTHENTICATED,
        "status": 0,
        "deviation_min": 330,
        "clock_status": 0,
        "dcu": 2,
        "counter": counter if meter.control else 0,
    }


@pytest.mark.parametrize("phases", [1, 3])
@pytest.mark.parametrize("control", [0x30, 0x20, 0x10, 0x00])
@pytest.mark.parametrize("count", [1, 48])
def test_every_protection_and_layout_comes_out_as_it_went_in(
    phases: int, control: int, count: int
) -> None:
    meter = Meter(number=77, control=control, phases=phases)
    values = SINGLE if phases == 1 else THREE
    rows = [(end, values | {"imp_wh": at}) for at, end in enumerate(ends(count))]
    batch = decode(decoder(meter), meter.frame(9, rows))
    assert batch.counts["reads_accepted"] == count
    assert parse(batch.record).reads == [expected(meter, 9, end, value) for end, value in rows]


@pytest.mark.parametrize("control", [0x20, 0x10, 0x00])
def test_less_protection_than_the_registry_demands_is_refused(control: int) -> None:
    meter = Meter(number=5, control=control)
    made = decoder()
    made.upsert_meters([row(meter, "encrypt+authenticate")])
    frame = meter.frame(1, [(NOON, SINGLE)])
    batch = decode(made, frame)
    layer = "ciphering" if control else "apdu"
    assert parse(batch.record).rejects == [(layer, "security_policy", frame)]


def test_a_batch_counts_frames_and_reads_by_what_became_of_them() -> None:
    meter, stranger = Meter(number=5), Meter(number=6)
    first = meter.frame(2, [(end, SINGLE) for end in ends(3)])
    frames = (
        first,
        first,
        meter.frame(1, [(NOON, SINGLE)]),
        meter.frame(3, [(NOON, SINGLE | {"imp_wh": 9}), (NOON + INTERVAL * 2, SINGLE)]),
        stranger.frame(1, [(NOON, SINGLE)]),
    )
    batch = decode(decoder(meter), *frames)
    assert batch.counts == {
        "frames": 5,
        "frames_accepted": 2,
        "frames_quarantined": 2,
        "frames_duplicate": 1,
        "reads": 8,
        "reads_accepted": 4,
        "reads_quarantined": 1,
        "reads_duplicate": 3,
        "reads_changed": 1,
        "registers": 0,
        "events": 0,
        "rejected": {"replayed_counter": 1, "future_timestamp": 1, "unknown_meter": 1},
    }
    assert batch.rows == 4 + 3 + 1


def test_a_confirmed_push_is_owed_an_answer() -> None:
    meter = Meter(number=5)
    frame = meter.seal(1, meter.push([(NOON, SINGLE)], confirmed=True))
    batch = decode(decoder(meter), frame)
    assert batch.replies == [(4, bytes.fromhex("0001 0040 0001 0006 10 40000005 00"))]


def test_an_empty_decode_leaves_nothing_to_journal() -> None:
    batch = decode(decoder())
    assert (batch.rows, batch.record, batch.replies, batch.uplink) == (0, b"", [], [])
