"""The decoder's registry, state and settings, as Python meets them."""

import sys
import threading
from collections.abc import Iterator

import pytest
from tests.native.frames import NOON, NOW_MS, Meter, ends
from tests.native.setting_up import decode, decoder, row
from tests.native.test_decode import SINGLE

from meteringest.errors import ConfigError, InvariantError, JournalCorrupt, RegistryError
from meteringest.native import Decoder, Link

METER = Meter(number=5)


@pytest.fixture
def unhurried() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(60)
    yield
    sys.setswitchinterval(before)


def test_meters_come_and_go_while_running() -> None:
    made = decoder()
    assert decode(made, METER.frame(1, [(NOON, SINGLE)])).counts["rejected"] == {"unknown_meter": 1}
    made.upsert_meters([row(METER)])
    assert decode(made, METER.frame(1, [(NOON, SINGLE)])).counts["reads_accepted"] == 1
    made.remove_meters([METER.number])
    assert decode(made, METER.frame(2, [(NOON, SINGLE)])).counts["rejected"] == {"unknown_meter": 1}


def test_rows_that_cannot_be_are_named_and_the_others_taken() -> None:
    made = decoder()
    number, serial, title, dcu, key, auth, security, layout, interval, zone, phase = row(METER)
    bad = [
        (6, "", b"short", dcu, key, auth, security, layout, interval, zone, phase),
        (7, "", b"", dcu, b"", auth, security, layout, interval, zone, phase),
        (8, serial, b"", dcu, key, auth, security, layout, interval, zone, phase),
        (9, "", b"", dcu, key, auth, "tls", layout, interval, zone, phase),
        (10, "", b"", dcu, key, auth, security, "no-such", interval, zone, phase),
        (11, "", b"", dcu, key, auth, security, layout, interval, "mars", phase),
    ]
    good = (number, serial, title, dcu, key, auth, security, layout, interval, zone, phase)
    with pytest.raises(RegistryError) as refused:
        made.upsert_meters([good, *bad])
    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        f"meter {number}" for number in range(6, 12)
    ]
    assert key.hex() not in str(refused.value)
    assert made.footprint["meters"] == 1


@pytest.mark.parametrize("config", [b'{"typo": 1}', b"[1]", b"", b'{"duplicate_window": -1}'])
def test_settings_that_cannot_be_are_config_errors(config: bytes) -> None:
    with pytest.raises(ConfigError):
        Decoder(1, config)


def test_layouts_that_cannot_be_leave_the_old_ones() -> None:
    made = decoder(METER)
    with pytest.raises(ConfigError):
        made.set_layouts(b'[{"name": "x"}]')
    assert decode(made, METER.frame(1, [(NOON, SINGLE)])).counts["reads_accepted"] == 1


def test_a_restart_continues_from_snapshot_and_journal() -> None:
    made = decoder(METER)
    frames = [METER.frame(n, [(end, SINGLE)]) for n, end in enumerate(ends(4), start=1)]
    before = decode(made, *frames[:2])
    snapshot = made.snapshot()
    behind = decode(made, *frames[2:])
    again = decoder(METER)
    again.restore(snapshot)
    again.replay(behind.record, before.rows)
    assert again.snapshot() == made.snapshot()
    assert decode(again, frames[3]).counts["frames_duplicate"] == 1
    assert decode(again, frames[2]).counts["rejected"] == {"replayed_counter": 1}


def test_damaged_snapshots_and_records_are_refused() -> None:
    made = decoder(METER)
    snapshot = bytearray(made.snapshot())
    snapshot[-1] ^= 1
    with pytest.raises(JournalCorrupt, match="snapshot"):
        decoder().restore(bytes(snapshot))
    with pytest.raises(JournalCorrupt, match="record at 7"):
        decoder().replay(b"\x09nonsense", 7)


@pytest.mark.usefixtures("unhurried")
def test_decoding_lets_other_threads_run() -> None:
    """With a switch interval of a minute, another thread runs only if decode lets it."""
    made = decoder(METER)
    frames = METER.frame(1, [(end, SINGLE) for end in ends(48)]) * 1_000
    for _attempt in range(20):
        link = Link(1, "wrapper")
        link.feed(frames)
        go, ran = threading.Event(), threading.Event()
        other = threading.Thread(target=lambda go=go, ran=ran: go.wait() and ran.set())
        other.start()
        go.set()
        made.decode([link], NOW_MS)
        let_in = ran.is_set()
        other.join()
        if let_in:
            return
    pytest.fail("no other thread ran during twenty calls of decode")


def test_a_link_reports_what_waits_why_it_closed_and_its_half_frame() -> None:
    frame = METER.frame(1, [(NOON, SINGLE)])
    link = Link(1, "auto", dcu=3, peer="192.0.2.7")
    assert (link.link_id, link.waiting, link.closed) == (1, 0, None)
    assert link.feed(frame[:10]) == 0
    assert link.feed(frame[10:] + frame[:20]) == len(frame) == link.waiting
    link.finish()
    batch = decoder(METER).decode([link], NOW_MS)
    assert batch.counts["rejected"] == {"truncated": 1}
    assert batch.counts["reads_accepted"] == 1
    assert link.waiting == 0
    link.feed(b"garbage!")
    assert link.closed == "wrapper: bad_value at 0"
    assert decoder(METER).decode([link], NOW_MS).counts["frames_quarantined"] == 1


def test_a_link_that_is_not_decoded_does_not_grow_without_end() -> None:
    link = Link(1, "wrapper", pending_bytes_max=100)
    link.feed(METER.frame(1, [(NOON, SINGLE)]))
    with pytest.raises(InvariantError, match="decode before feeding"):
        link.feed(b"more")


def test_a_framing_that_is_none_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="framing"):
        Link(1, "morse")
