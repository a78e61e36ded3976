"""Pushes of every kind into a running service, and rejects decoded again, by a stranger's bytes."""

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from tests.e2e import stranger as own
from tests.e2e.test_stranger_reads import Utility, epoch

MIDNIGHT = own.midnight_ist()


def setup(number: int) -> bytes:
    return own.octets(bytes([0, number, 25, 9, 0, 255]))


def stamp() -> bytes:
    return own.octets(own.date_time(MIDNIGHT + own.IST))


def daily(meter: own.Meter, import_wh: int) -> bytes:
    row = own.structure(stamp(), *(own.u32(import_wh + at) for at in range(4)))
    head = (own.octets(meter.serial.encode()), setup(6), stamp())
    return own.notification(own.structure(*head, own.array(row)))


def alert(meter: own.Meter, *bits: int) -> bytes:
    word = sum(1 << (127 - bit) for bit in bits).to_bytes(16, "big")
    head = (own.octets(meter.serial.encode()), setup(4), stamp())
    return own.notification(own.structure(*head, b"\x04\x81\x80" + word))


@pytest.fixture(scope="module")
def utility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Utility]:
    running = Utility(tmp_path_factory.mktemp("replay"))
    running.house.start()
    yield running
    assert running.house.stop() == 0


def replay(utility: Utility, *arguments: str) -> dict[str, object]:
    told = utility.house.command("replay-rejects", "--json", *arguments)
    answer: dict[str, object] = json.loads(told)
    return answer


def test_registers_and_events_stand_in_their_views(utility: Utility) -> None:
    meter = utility.meter()
    utility.send(own.wrapped(meter.sealed(daily(meter, 5_000))))
    utility.send(own.wrapped(meter.sealed(alert(meter, 81, 101))))
    registers = utility.query(
        "SELECT toUnixTimestamp(at), profile, obis, value, scaler, unit FROM m.registers_v "  # noqa: S608
        f"WHERE meter = {meter.number} ORDER BY value"
    )
    at = epoch_of_midnight()
    assert registers == [
        (at, "daily", "1.0.1.8.0.255", 5_000, 0, 30),
        (at, "daily", "1.0.9.8.0.255", 5_001, 0, 31),
        (at, "daily", "1.0.2.8.0.255", 5_002, 0, 30),
        (at, "daily", "1.0.10.8.0.255", 5_003, 0, 31),
    ]
    events = utility.query(
        "SELECT toUnixTimestamp(at), source, bit, meaning FROM m.events_v "  # noqa: S608
        f"WHERE meter = {meter.number} ORDER BY bit"
    )
    assert events == [(at, "alert", 81, "magnet nearby"), (at, "alert", 101, "")]


def test_a_correction_of_a_register_stands_beside_what_it_corrects(utility: Utility) -> None:
    meter = utility.meter()
    for value in (100, 200):
        utility.send(own.wrapped(meter.sealed(daily(meter, value))))
    of = f"WHERE meter = {meter.number} AND obis = '1.0.1.8.0.255' ORDER BY value"
    assert utility.query(f"SELECT value FROM m.registers_v {of}") == [(200,)]  # noqa: S608
    assert utility.query(f"SELECT value FROM m.registers FINAL {of}") == [(100,), (200,)]  # noqa: S608


def test_a_frame_out_of_order_fills_its_gap_and_a_taken_one_brings_nothing(
    utility: Utility,
) -> None:
    meter = utility.meter()
    first = meter.push(own.half_hours(MIDNIGHT, 2))
    second = meter.push([own.Row(MIDNIGHT + own.HALF_HOUR, 50)])
    third = meter.push([own.Row(MIDNIGHT + 2 * own.HALF_HOUR, 60)])
    for frame in (first, third, second, first):
        utility.send(frame)
    done = replay(utility, "--kind", "replayed_counter", "--meter", str(meter.number))
    assert (done["seen"], done["resolved"], done["reads"]) == (2, 2, 1)
    assert [imp for _, imp in utility.reads(meter)] == [100, 101, 50, 60]
    outcomes = utility.rejects(meter, "outcome")
    assert outcomes == [("decoded",), ("accepted_before",)]


def test_a_forged_reject_stays_one(utility: Utility) -> None:
    meter = utility.meter()
    frame = bytearray(meter.push(own.half_hours(MIDNIGHT, 2)))
    frame[-1] ^= 1
    utility.send(bytes(frame))
    done = replay(utility, "--meter", str(meter.number))
    assert done["resolved"] == 0
    assert done["refused"] == {"ciphering/bad_authentication": 1}
    assert utility.rejects(meter, "resolved") == [(0,)]


def test_a_meter_registered_late_loses_nothing_it_sent(utility: Utility) -> None:
    meter = own.Meter("LATE1", 900)
    rows = own.half_hours(MIDNIGHT, 8)
    utility.send(meter.push(rows), own.wrapped(meter.sealed(daily(meter, 7))))
    utility.send(meter.push([own.Row(MIDNIGHT + own.HALF_HOUR, 3)]))
    kind = ("--kind", "unknown_meter")
    assert replay(utility, *kind, "--dry-run")["resolved"] == 0
    utility.import_csv(f"{own.CSV_HEAD}\n{meter.csv('DCU-1')}\n")
    number = utility.query("SELECT meter FROM m.meters_v WHERE serial = 'LATE1'")[0][0]
    assert replay(utility, *kind, "--dry-run")["resolved"] == 3
    done = replay(utility, *kind)
    assert (done["resolved"], done["reads"], done["registers"]) == (3, 9, 4)
    assert replay(utility, *kind)["seen"] == 0, "what is resolved is not looked at again"
    stored = utility.query(
        f"SELECT toUnixTimestamp(interval_start), imp_wh FROM m.reads_v WHERE meter = {number} "  # noqa: S608
        "ORDER BY interval_start"
    )
    assert [imp for _, imp in stored] == [*range(100, 108), 3]
    resolved = utility.query(
        f"SELECT resolved, outcome FROM m.rejects_v WHERE resolved_meter = {number}"  # noqa: S608
    )
    assert resolved == [(1, "decoded")] * 3
    missing = utility.query("SELECT sum(reads_missing), sum(frames_missing) FROM m.conservation_v")
    assert missing == [(0, 0)]


def test_a_layout_added_later_reads_what_was_kept(tmp_path: Path) -> None:
    layouts = tmp_path / "layouts"
    layouts.mkdir()
    utility = Utility(tmp_path)
    settings = tmp_path / "meteringest.toml"
    written = settings.read_text()
    assert "[registry]" in written
    folder = f'[registry]\nlayouts_dir = "{layouts}"'
    settings.write_text(written.replace("[registry]", folder))
    utility.house.start()
    meter = utility.meter()
    body = own.structure(own.octets(b"S0001"), setup(77), stamp(), own.u32(42))
    utility.send(own.wrapped(meter.sealed(own.notification(body))))
    assert utility.rejects(meter, "kind, resolved") == [("no_layout", 0)]
    (layouts / "vendor.toml").write_text(
        'table = "registers"\nname = "vendor"\nsource = "a bench"\nprofile = "vendor"\n'
        'body = "flat"\nlogical_names = ["0.77.25.9.0.255"]\n'
        '[[fields]]\nobis = "0.0.1.0.0.255"\ncolumn = "clock"\nclass = 8\n'
        '[[fields]]\nobis = "1.0.1.8.0.255"\ncolumn = "register"\nunit = "Wh"\n'
    )
    utility.house.command("reload")
    assert replay(utility, "--kind", "no_layout")["registers"] == 1
    assert utility.query("SELECT profile, value FROM m.registers_v") == [("vendor", 42)]
    assert utility.house.stop() == 0


def epoch_of_midnight() -> int:
    return epoch(MIDNIGHT.replace(tzinfo=UTC))
