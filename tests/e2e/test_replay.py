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


def registered(utility: Utility, **shape: object) -> own.Meter:
    """A new meter under the number that the registry gave it."""
    meter = utility.meter(**shape)
    found = utility.query(f"SELECT meter FROM m.meters_v WHERE serial = '{meter.serial}'")  # noqa: S608
    meter.number = int(str(found[0][0]))
    return meter


def test_rows_refused_by_a_check_are_taken_once_the_meter_is_put_right(utility: Utility) -> None:
    meter = registered(utility, interval_s=3600)
    half_past = MIDNIGHT - own.HALF_HOUR
    utility.send(meter.push([own.Row(half_past - 2 * own.HALF_HOUR, 7), own.Row(half_past, 8)]))
    assert utility.rejects(meter, "kind, part") == [("misaligned", "row")] * 2
    assert replay(utility, "--meter", str(meter.number))["resolved"] == 0
    utility.import_csv(f"serial,interval_s\n{meter.serial},1800\n")
    done = replay(utility, "--kind", "misaligned", "--meter", str(meter.number))
    assert (done["resolved"], done["reads"]) == (2, 2)
    assert replay(utility, "--meter", str(meter.number))["seen"] == 0
    assert utility.rejects(meter, "resolved, outcome") == [(1, "decoded")] * 2
    assert [imp for _, imp in utility.reads(meter)] == [7, 8]


def test_a_register_decoded_again_does_not_cover_the_newer_one(utility: Utility) -> None:
    meter = own.Meter("LATE2", 901)
    utility.send(own.wrapped(meter.sealed(daily(meter, 1_000))))
    utility.import_csv(f"{own.CSV_HEAD}\n{meter.csv('DCU-1')}\n")
    utility.send(own.wrapped(meter.sealed(daily(meter, 2_000))))
    assert replay(utility, "--kind", "unknown_meter")["registers"] == 0
    number = utility.query("SELECT meter FROM m.meters_v WHERE serial = 'LATE2'")[0][0]
    values = utility.query(
        f"SELECT value FROM m.registers_v WHERE meter = {number} AND obis = '1.0.1.8.0.255'"  # noqa: S608
    )
    assert values == [(2_000,)]


def retime(utility: Utility, *arguments: str) -> dict[str, int]:
    span = ("--since", "2000-01-01", "--until", "2100-01-01")
    told = utility.house.command("retime", "--json", *span, *arguments)
    answer: dict[str, int] = json.loads(told)
    return answer


def test_reads_stored_under_a_wrong_policy_are_told_anew_once(utility: Utility) -> None:
    meter = registered(utility, time_policy="fixed:+1100")
    utility.send(meter.push(own.half_hours(MIDNIGHT, 12)))
    start = epoch_of_midnight() - 12 * 1_800
    early = start - 19_800
    assert utility.reads(meter)[0] == (early, 100)
    utility.import_csv(f"serial,time_policy\n{meter.serial},ist\n")
    which = ("--meter", str(meter.number))
    dry = retime(utility, *which, "--dry-run")
    assert (dry["seen"], dry["moved"], dry["withdrawn"]) == (12, 12, 11)
    assert utility.reads(meter)[0] == (early, 100), "a dry run changes nothing"
    done = retime(utility, *which)
    assert (done["moved"], done["withdrawn"]) == (12, 11)
    right = [(start + at * 1_800, 100 + at) for at in range(12)]
    assert utility.reads(meter) == right
    again = retime(utility, *which)
    assert (again["seen"], again["moved"], again["withdrawn"]) == (23, 0, 0)
    assert utility.reads(meter) == right
    kept = utility.query(
        "SELECT count(), min(quality) FROM m.read_history_v "  # noqa: S608
        f"WHERE meter = {meter.number} AND toUnixTimestamp(interval_start) < {early + 12 * 1_800}"
    )
    assert kept == [(12, 0)], "what was superseded is in the history"
    sent = utility.query(
        "SELECT flags, offset_min FROM m.reads_v "  # noqa: S608
        f"WHERE meter = {meter.number} ORDER BY interval_start DESC LIMIT 1"
    )
    assert sent == [(512, 330)]
    utility.send(meter.push(own.half_hours(MIDNIGHT, 12)))
    assert utility.reads(meter) == right, "sent again they are duplicates where they stand now"
    missing = utility.query("SELECT sum(reads_missing), sum(frames_missing) FROM m.conservation_v")
    assert missing == [(0, 0)]


def test_a_model_put_right_moves_the_reads_of_its_meters(tmp_path: Path) -> None:
    layouts = tmp_path / "layouts"
    layouts.mkdir()
    model = layouts / "x1.toml"
    text = 'table = "model"\nname = "x1"\nsource = "a bench"\ntime_policy = "%s"\n'
    model.write_text(text % "standard-time:Europe/Zurich")
    utility = Utility(tmp_path)
    settings = tmp_path / "meteringest.toml"
    folder = f'[registry]\nlayouts_dir = "{layouts}"'
    settings.write_text(settings.read_text().replace("[registry]", folder))
    utility.house.start()
    meter = registered(utility, time_policy="")
    utility.import_csv(f"serial,model\n{meter.serial},x1\n")
    utility.send(meter.push(own.half_hours(MIDNIGHT, 4)))
    start = epoch_of_midnight() - 4 * 1_800
    assert utility.reads(meter)[0] == (start + 19_800 - 3_600, 100)
    model.write_text(text % "civil:Asia/Kolkata")
    utility.house.command("reload")
    done = retime(utility, "--model", "x1")
    assert (done["meters"], done["moved"]) == (1, 4)
    assert utility.reads(meter) == [(start + at * 1_800, 100 + at) for at in range(4)]
    assert utility.house.stop() == 0
