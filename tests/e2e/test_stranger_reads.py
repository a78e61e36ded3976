"""What a stranger's meters send stands in the endpoint as it was sent, to the Wh and second."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.e2e import stranger as own
from tests.e2e.utility import Utility

SECURITIES = (
    ("encrypt+authenticate", 0x30),
    ("authenticate", 0x10),
    ("encrypt", 0x20),
)
UNAUTHENTICATED = 32
CHANGED = 1
MIDNIGHT = own.midnight_ist()


@pytest.fixture(scope="module")
def utility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Utility]:
    running = Utility(tmp_path_factory.mktemp("stranger"))
    running.house.start()
    yield running
    assert running.house.stop() == 0


def epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def confirm(invoke: int) -> bytes:
    """What the specification says a confirmed push is answered with, ports turned round."""
    apdu = b"\x10" + (0x40000000 | invoke).to_bytes(4, "big") + b"\x00"
    return own.wrapped(apdu, source=64, destination=1)


@pytest.mark.parametrize(("security", "control"), SECURITIES)
def test_a_day_of_half_hours_ends_at_midnight_and_belongs_to_the_day_before(
    utility: Utility, security: str, control: int
) -> None:
    meter = utility.meter(security=security)
    push = meter.push(own.half_hours(MIDNIGHT, 48), control=control, confirmed=True, invoke=77)
    assert utility.send(push) == confirm(77)
    first = epoch(MIDNIGHT) - 48 * 1800
    assert utility.reads(meter) == [(first + 1800 * place, 100 + place) for place in range(48)]
    flags = 0 if control & 0x10 else UNAUTHENTICATED
    values = "volt_cv, curr_ma, present, interval_s, deviation_min, dcu, counter, quality, flags"
    row = utility.query(f"SELECT {values} FROM m.reads_v WHERE meter = {meter.number} LIMIT 1")  # noqa: S608
    assert row == [(23010, 4120, 0b111111, 1800, 330, 1, 1, 0, flags)]


def test_a_frame_may_come_byte_by_byte_and_several_in_one_segment(utility: Utility) -> None:
    meter = utility.meter()
    rows = own.half_hours(MIDNIGHT, 3)
    first, second, third = (meter.push([row], confirmed=True) for row in rows)
    with own.Wire(utility.house.port) as wire:
        for byte in first:
            wire.send(bytes([byte]))
        wire.send(second + third)
        assert wire.rest() == 3 * confirm(1)
    assert [imp for _, imp in utility.reads(meter)] == [100, 101, 102]


def test_every_half_frame_is_kept_whole(utility: Utility) -> None:
    frame = utility.meter().push(own.half_hours(MIDNIGHT, 1))
    cuts = range(1, len(frame), 16)
    with own.Wire(utility.house.port) as wire:
        mine = wire.socket.getsockname()[1]
        wire.send(frame[: cuts[-1]])
        wire.rest()
    kept = utility.query(
        f"SELECT hex(raw), kind FROM m.rejects_v WHERE peer = '127.0.0.1:{mine}'"  # noqa: S608
    )
    assert [(bytes.fromhex(str(raw)), kind) for raw, kind in kept] == [
        (frame[: cuts[-1]], "truncated")
    ]
    for cut in cuts:
        utility.send(frame[:cut])
    ((halves,),) = utility.query("SELECT count() FROM m.rejects_v WHERE kind = 'truncated'")
    assert halves == len(cuts) + 1


@pytest.mark.parametrize(
    ("policy", "interval_s", "clock", "start"),
    [
        ("ist", 900, own.date_time(MIDNIGHT + own.IST), MIDNIGHT - timedelta(minutes=15)),
        ("ist", 3600, own.date_time(MIDNIGHT + own.IST), MIDNIGHT - timedelta(hours=1)),
        (
            "ist",
            1800,
            own.date_time(MIDNIGHT + own.IST, deviation=-0x8000, status=0xFF),
            MIDNIGHT - own.HALF_HOUR,
        ),
        (
            "standard",
            1800,
            own.date_time(MIDNIGHT + timedelta(hours=1), deviation=-60),
            MIDNIGHT - own.HALF_HOUR,
        ),
        ("indian", 1800, own.date_time(MIDNIGHT + own.IST), MIDNIGHT - own.HALF_HOUR),
        (
            "fixed:-0330",
            1800,
            own.date_time(MIDNIGHT - timedelta(hours=3, minutes=30), deviation=600),
            MIDNIGHT - own.HALF_HOUR,
        ),
    ],
)
@pytest.mark.parametrize("tag", [b"\x09\x0c", b"\x19"], ids=["octets", "date-time"])
def test_the_meters_policy_makes_utc_of_its_clock(
    utility: Utility, policy: str, interval_s: int, clock: bytes, start: datetime, tag: bytes
) -> None:
    meter = utility.meter(time_policy=policy, interval_s=interval_s)
    stamp = tag + clock
    body = meter.body([own.Row(MIDNIGHT, 7).packed(stamp)])
    utility.send(own.wrapped(meter.sealed(own.notification(body))))
    assert utility.reads(meter) == [(epoch(start), 7)]


def test_three_phases_in_their_own_columns(utility: Utility) -> None:
    meter = utility.meter(phase=3)
    stamp = own.octets(own.date_time(MIDNIGHT + own.IST))
    amps, volts = [own.u16(101 + n) for n in range(3)], [own.u16(2301 + n) for n in range(3)]
    energy = [own.u32(value) for value in (1000, 2, 11, 12, 13, 14, 1005, 3)]
    body = meter.body([own.structure(stamp, *amps, *volts, *energy)])
    utility.send(own.wrapped(meter.sealed(own.notification(body))))
    columns = (
        "curr_r_ma, curr_y_ma, curr_b_ma, volt_r_cv, volt_y_cv, volt_b_cv, "
        "imp_wh, exp_wh, varh_q1, varh_q2, varh_q3, varh_q4, imp_vah, exp_vah, volt_cv"
    )
    ((_, *values),) = utility.reads(meter, columns)
    expected = [1010, 1020, 1030, 23010, 23020, 23030, 1000, 2, 11, 12, 13, 14, 1005, 3, 0]
    assert values == expected


def test_integers_of_any_width_and_nulls_that_repeat_the_row_above(utility: Utility) -> None:
    meter = utility.meter()
    stamp = own.octets(own.date_time(MIDNIGHT - own.HALF_HOUR + own.IST))
    wide = (own.i32(2300), own.u64(123_456), b"\x11\x07", b"\x10\x00\x05", b"\x0f\x06", own.u32(9))
    null = b"\x00"
    body = meter.body(
        [own.structure(stamp, *wide), own.structure(null, null, own.u16(8), *4 * (null,))]
    )
    utility.send(own.wrapped(meter.sealed(own.notification(body))))
    columns = "volt_cv, imp_wh, imp_vah, exp_wh, exp_vah, curr_ma"
    later = epoch(MIDNIGHT) - 1800
    assert utility.reads(meter, columns) == [
        (later - 1800, 23000, 123_456, 7, 5, 6, 90),
        (later, 23000, 8, 7, 5, 6, 90),
    ]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (own.i32(-5), "bad_value"),
        (own.u64(1 << 33), "bad_value"),
        (b"\x17\x3f\xc0\x00\x00", "inexact_scale"),  # 1.5
    ],
)
def test_a_value_that_is_no_energy_is_never_stored(
    utility: Utility, value: bytes, kind: str
) -> None:
    meter = utility.meter()
    stamp = own.octets(own.date_time(MIDNIGHT + own.IST))
    row = own.structure(stamp, own.u16(2300), value, *3 * (own.u32(0),), own.u16(0))
    utility.send(own.wrapped(meter.sealed(own.notification(meter.body([row])))))
    assert utility.reads(meter) == []
    assert utility.rejects(meter, "layer, kind, counter") == [("layout", kind, 1)]


def test_what_no_check_lets_in_is_kept_and_the_rest_of_the_frame_is_stored(
    utility: Utility,
) -> None:
    meter = utility.meter()
    good = own.Row(MIDNIGHT, 5)
    minute_off = replace(good, end=MIDNIGHT + timedelta(minutes=7))
    ahead = replace(good, end=MIDNIGHT + timedelta(days=3))
    ancient = replace(good, end=MIDNIGHT - timedelta(days=200))
    utility.send(meter.push([minute_off, good, ahead, ancient]))
    assert utility.reads(meter) == [(epoch(MIDNIGHT) - 1800, 5)]
    kept = utility.rejects(meter, "layer, kind, counter, hex(raw)")
    assert [row[:3] for row in kept] == [
        ("check", "misaligned", 1),
        ("check", "future_timestamp", 1),
        ("check", "too_old", 1),
    ]
    assert [bytes.fromhex(str(row[3])) for row in kept] == [
        each.packed() for each in (minute_off, ahead, ancient)
    ]


def test_protection_below_the_policy_is_refused_whatever_else_is_right(utility: Utility) -> None:
    meter = utility.meter()
    row = own.Row(MIDNIGHT, 5)
    clear = own.wrapped(own.notification(meter.body([row.packed()]), confirmed=True))
    weaker = [meter.push([row], control=control, confirmed=True) for control in (0x20, 0x10)]
    assert utility.send(clear, *weaker) == b""
    assert utility.reads(meter) == []
    kept = utility.rejects(meter, "kind, counter, hex(raw)")
    assert [(kind, counter, bytes.fromhex(str(raw))) for kind, counter, raw in kept] == [
        ("security_policy", 0, clear),
        ("security_policy", 1, weaker[0]),
        ("security_policy", 2, weaker[1]),
    ]


def test_the_counter_moves_for_verified_frames_only(utility: Utility) -> None:
    meter = utility.meter()
    row = own.Row(MIDNIGHT, 5)
    frame = meter.push([row], counter=10, confirmed=True)
    forged = meter.push([row], counter=99, confirmed=True)
    broken = forged[:-1] + bytes([forged[-1] ^ 1])
    again = meter.push([row], counter=11, confirmed=True)
    older = meter.push([replace(row, end=MIDNIGHT - own.HALF_HOUR)], counter=10, confirmed=True)
    assert utility.send(frame, broken, again, older) == 2 * confirm(1)
    assert utility.send(again) == confirm(1), "sent again because its answer was lost"
    assert utility.reads(meter) == [(epoch(MIDNIGHT) - 1800, 5)]
    assert utility.rejects(meter, "layer, kind, counter") == [
        ("ciphering", "bad_authentication", 99),
        ("check", "replayed_counter", 10),
    ]


def test_another_value_is_a_version_and_what_it_replaced_is_history(utility: Utility) -> None:
    meter = utility.meter()
    for value in (10, 20, 20, 10):
        utility.send(meter.push([own.Row(MIDNIGHT, value)]))
        utility.query("SELECT 1")
    start = epoch(MIDNIGHT) - 1800
    assert utility.reads(meter, "imp_wh, flags") == [(start, 10, CHANGED)]
    replaced = utility.query(
        "SELECT imp_wh, flags FROM m.read_history_v "  # noqa: S608
        f"WHERE meter = {meter.number} ORDER BY ver"
    )
    assert replaced == [(10, 0), (20, CHANGED)]


def test_an_old_read_with_another_value_is_history_too_when_its_window_has_passed(
    utility: Utility,
) -> None:
    meter = utility.meter()
    old = MIDNIGHT - timedelta(days=9)
    utility.send(meter.push([own.Row(old, 1)]))
    utility.send(meter.push(own.half_hours(MIDNIGHT, 100)))
    utility.query("SELECT 1")
    utility.send(meter.push([own.Row(old, 2)]))
    assert utility.reads(meter)[0] == (epoch(old) - 1800, 2)
    replaced = f"SELECT imp_wh FROM m.read_history_v WHERE meter = {meter.number}"  # noqa: S608
    assert utility.query(replaced) == [(1,)]


def test_a_frame_through_a_gateway_is_answered_through_it(utility: Utility) -> None:
    meter = utility.meter()
    body = meter.body([own.Row(MIDNIGHT, 5).packed()])
    apdu = meter.sealed(own.notification(body, confirmed=True, invoke=9))
    device = meter.serial.encode()
    answer = utility.send(own.wrapped(own.gateway(device, apdu)))
    inner = b"\x10" + (0x40000009).to_bytes(4, "big") + b"\x00"
    expected = own.gateway(device, inner, tag=0xE6)
    assert answer == own.wrapped(expected, source=64, destination=1)
    other = utility.meter()
    lying = own.wrapped(own.gateway(device, other.sealed(own.notification(body))))
    utility.send(lying)
    assert utility.reads(other) == []


def test_a_new_key_is_taken_while_the_service_runs_and_the_old_one_is_over(
    utility: Utility,
) -> None:
    meter = utility.meter()
    utility.send(meter.push([own.Row(MIDNIGHT, 1)]))
    renewed = own.Meter(meter.serial, meter.number)
    renewed.encryption_key = bytes(range(100, 116))
    early = renewed.push([own.Row(MIDNIGHT - own.HALF_HOUR, 2)], confirmed=True)
    assert utility.send(early) == b""
    keys = f"{renewed.encryption_key.hex()},{renewed.authentication_key.hex()}"
    utility.import_csv(f"serial,encryption_key,authentication_key\n{meter.serial},{keys}\n")
    assert utility.send(early) == confirm(1)
    assert utility.send(meter.push([own.Row(MIDNIGHT - 2 * own.HALF_HOUR, 3)])) == b""
    assert [imp for _, imp in utility.reads(meter)] == [2, 1]


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x00\x01\x00\x01\x00\x40\xff\xff",
        b"\x00\x01\x00\x01\x00\x40\x00\x00",
        b"\x16\x03\x01\x02\x00\x01",
        b"\x68\xff\xff\x68" + bytes(300),
        b"\x7e\xa0\x07\x03\x21\x93\x0f\x01\x7e",
        b"\x00",
    ],
)
def test_noise_is_one_reject_with_all_its_bytes(utility: Utility, noise: bytes) -> None:
    with own.Wire(utility.house.port) as wire:
        port = wire.socket.getsockname()[1]
        wire.send(noise)
        wire.rest()
    kept = utility.query(
        f"SELECT hex(raw) FROM m.rejects_v WHERE peer = '127.0.0.1:{port}' ORDER BY position"  # noqa: S608
    )
    assert "".join(str(raw) for (raw,) in kept) == noise.hex().upper()


def test_it_all_adds_up(utility: Utility) -> None:
    """Last on purpose: over everything above."""
    sums = utility.query(
        "SELECT sum(frames), sum(frames_missing), sum(reads_missing), sum(reads_stored) "
        "FROM m.conservation_v"
    )
    ((frames, frames_missing, reads_missing, stored),) = sums
    assert (frames_missing, reads_missing) == (0, 0)
    assert int(str(frames)) > 0
    ((rows, pairs, replaced),) = utility.query(
        "SELECT (SELECT count() FROM m.reads_v), "
        "(SELECT uniqExact(meter, interval_start) FROM m.reads_v), "
        "(SELECT count() FROM m.read_history_v)"
    )
    assert rows == pairs
    assert int(str(rows)) + int(str(replaced)) == stored
