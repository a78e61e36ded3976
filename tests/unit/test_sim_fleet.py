"""The fleet's frames, decoded by others, are its truth."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.sim_receiver import Receiver

from meteringest.native import Fleet
from meteringest_sim.fleet import CHANNELS

NOW = datetime(2026, 11, 20, 12, 0, 0)  # noqa: DTZ001 (the receiver's clocks have no zone)
NOW_S = int(NOW.replace(tzinfo=UTC).timestamp())


def receiver(fleet: Fleet, interval_s: int = 1_800) -> Receiver:
    return Receiver(fleet.registry_csv(), NOW, timedelta(seconds=interval_s))


@pytest.mark.parametrize("interval_s", [300, 900, 1_800, 3_600])
@pytest.mark.parametrize("per_push", [1, 4])
def test_every_read_decodes_to_the_truth(interval_s: int, per_push: int) -> None:
    fleet = Fleet(7, 150, 3, 40, interval_s)
    first = fleet.slot_at(NOW_S) - 8
    seen = receiver(fleet, interval_s)
    sums = [0] * len(CHANNELS)
    for dcu in (1, 2, 3):
        frames = fleet.frames(dcu, first, 8, per_push)
        seen.feed(frames.octets)
        sums = [a + b for a, b in zip(sums, frames.sums, strict=True)]
        assert frames.sums == fleet.sums(dcu, first, 8)
    assert seen.rejected == {}
    assert seen.frames == {"accepted": 150 * 8 // per_push}
    assert len(seen.stored) == 150 * 8
    for meter in range(40, 190):
        serial = fleet.meter(meter)[0]
        for slot in range(first, first + 8):
            start = datetime.fromtimestamp(fleet.start_s(slot), UTC).replace(tzinfo=None)
            present, values = fleet.truth(meter, slot)
            named = dict(zip(CHANNELS, values, strict=True))
            read = seen.stored[serial, start]
            assert read.items() <= named.items()
            assert present == sum(1 << CHANNELS.index(name) for name in read)
            assert all(named[name] == 0 for name in named.keys() - read.keys())
    columns = {name: sum(read.get(name, 0) for read in seen.stored.values()) for name in CHANNELS}
    assert list(columns.values()) == sums


def test_a_fleet_has_every_protection_phase_and_prefix() -> None:
    fleet = Fleet(1, 1_000, 1)
    rows = [fleet.meter(meter) for meter in range(1, 1_001)]
    assert {row[3] for row in rows} == {"encrypt+authenticate", "authenticate", "encrypt", "none"}
    assert {row[4] for row in rows} == {row[5] for row in rows} == {True, False}
    uniform = Fleet(1, 1_000, 1, mixed=False)
    assert {uniform.meter(meter)[3:6] for meter in range(1, 1_001)} == {
        ("encrypt+authenticate", False, False)
    }


def test_the_same_seed_is_the_same_fleet_and_another_is_not() -> None:
    frames = [Fleet(seed, 50, 1).frames(1, 993_000, 2, 1).octets for seed in (5, 5, 6)]
    assert frames[0] == frames[1] != frames[2]


def test_meters_consume_by_day_and_suns_shine_by_noon() -> None:
    fleet = Fleet(3, 400, 1)
    midnight = fleet.slot_at(NOW_S - 63_000)  # 18:30 UTC is 00:00 in India
    by_hour = [fleet.sums(1, midnight + 2 * hour, 2) for hour in range(24)]
    imports, exports = [each[0] for each in by_hour], [each[1] for each in by_hour]
    assert max(imports[18:21]) > 1.2 * max(imports[0:4])
    assert exports[0:6] == [0] * 6
    assert max(exports) == max(exports[10:14])


def test_counters_rise_by_one_frame_and_a_wrong_key_or_clock_is_what_it_says() -> None:
    fleet = Fleet(9, 20, 1, first_counter=500, mixed=False)
    first = fleet.slot_at(NOW_S) - 4
    seen = receiver(fleet)
    seen.feed(fleet.frame(3, first, 2))
    seen.feed(fleet.frame(3, first, 2, wrong_key=True))
    seen.feed(fleet.frame(3, first + 1, 1, added_wh=7))
    seen.feed(fleet.frame(3, first, 2, counter=499))
    seen.feed(fleet.frame(21, first, 2))
    for shift_s in (86_400, -100 * 86_400, -420):
        seen.feed(fleet.frame(3, first, 2, shift_s=shift_s))
    assert seen.rejected == {
        "bad_authentication": 1,
        "replayed_counter": 1,
        "unknown_meter": 1,
        "future_timestamp": 2,
        "too_old": 2,
        "misaligned": 2,
    }
    assert seen.reads == {"stored": 2, "changed": 1, "quarantined": 6}
    assert list(seen.counters.values()) == [505]
    start = datetime.fromtimestamp(fleet.start_s(first + 1), UTC).replace(tzinfo=None)
    read = seen.stored[fleet.meter(3)[0], start]
    assert read["imp_wh"] == fleet.truth(3, first + 1)[1][0] + 7


@pytest.mark.parametrize(
    "arguments",
    [(1, 0, 1), (1, 5, 6), (1, 5, 0), (1, 5, 1, 0), (1, 5, 1, 1, 1_000), (1, 5, 1, 99_999_999)],
)
def test_numbers_that_make_no_fleet_are_refused(arguments: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"meter|concentrator|interval_s"):
        Fleet(*arguments)


def test_a_push_that_no_frame_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="too_long"):
        Fleet(1, 1, 1).frame(1, 1, 5_000)
