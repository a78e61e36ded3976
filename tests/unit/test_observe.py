"""Events as log lines, counters and a scrape."""

from io import BytesIO
from typing import ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meteringest.clock import WallClock
from meteringest.events import Event, Level, event_name, labelled, seen_in
from meteringest.intake.happenings import BatchAppended, LinkRefused
from meteringest.observe import Counters, LogLines, ServiceObserver, exposition


class Clock(WallClock):
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.at_ms = 1_795_000_000_123

    def now_ms(self) -> int:
        return self.at_ms


class Whisper(Event, frozen=True, kw_only=True):
    """Counted, not told."""

    level: ClassVar[Level] = Level.DEBUG


REFUSED = LinkRefused(listener="dlms", peer="192.0.2.7:5", rule="tls", detail="no certificate")


def observed(form: str = "json") -> tuple[ServiceObserver, BytesIO, Clock]:
    out, clock = BytesIO(), Clock()
    log = LogLines(out, clock, form="text" if form == "text" else "json", lines_per_period_max=2)
    return ServiceObserver(log), out, clock


def test_one_emit_is_a_line_and_a_count() -> None:
    observer, out, _ = observed()
    observer.emit(REFUSED)
    assert msgspec.json.decode(out.getvalue()) == {
        "at": "2026-11-18T11:06:40.123Z",
        "level": "warning",
        "event": "link_refused",
        "listener": "dlms",
        "peer": "192.0.2.7:5",
        "rule": "tls",
        "detail": "no certificate",
    }
    assert observer.counters()['links_refused_total{listener="dlms",rule="tls"}'] == 1


def test_a_person_reads_words() -> None:
    observer, out, _ = observed("text")
    observer.emit(REFUSED)
    assert out.getvalue().decode() == (
        "2026-11-18T11:06:40.123Z warning link_refused "
        'listener=dlms peer=192.0.2.7:5 rule=tls detail="no certificate"\n'
    )


def test_quiet_events_are_counted_only() -> None:
    observer, out, _ = observed()
    observer.emit(Whisper())
    assert out.getvalue() == b""
    assert observer.counters()["whisper_total"] == 1


def test_a_flood_of_one_kind_is_cut_and_the_cut_is_told() -> None:
    observer, out, clock = observed()
    for _ in range(10):
        observer.emit(REFUSED)
    assert out.getvalue().count(b"\n") == 2
    clock.at_ms += 10_000
    observer.emit(REFUSED)
    assert msgspec.json.decode(out.getvalue().splitlines()[-1])["left_out"] == 8
    counters = observer.counters()
    assert counters["log_lines_left_out_total"] == 8
    assert counters['links_refused_total{listener="dlms",rule="tls"}'] == 11


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    observer, out, _ = observed()
    out.close()
    observer.emit(REFUSED)
    assert observer.counters()["log_write_errors_total"] == 1


@given(st.text(st.characters()))
def test_whatever_a_peer_is_called_a_line_stays_a_line(name: str) -> None:
    for form in ("text", "json"):
        observer, out, _ = observed(form)
        observer.emit(LinkRefused(listener="l", peer=name, rule="r", detail=name))
        assert out.getvalue().count(b"\n") == 1


def test_a_batch_moves_the_counters_of_its_kinds() -> None:
    observer, _, _ = observed()
    counts = {"frames": 3, "rejected": {"bad_tag": 2}}
    batch = BatchAppended(links=1, frame_bytes=300, rows=5, position=9, decode_s=0.5, counts=counts)
    observer.emit(batch)
    observer.emit(batch)
    counters = observer.counters()
    assert counters["frames_total"] == 6
    assert counters['rejected_total{kind="bad_tag"}'] == 4
    assert counters["decode_seconds_total"] == 1.0


def test_labels_cannot_grow_without_end() -> None:
    counters = Counters(series_max=2)
    for number in range(5):
        counters.add({labelled("seen_total", peer=str(number)): 1})
    assert counters.snapshot()["metric_series_dropped_total"] == 3
    assert len(counters.snapshot()) == 3


def test_a_scrape() -> None:
    counters = Counters()
    counters.add({labelled("refused_total", rule='a"b'): 2, "refused_total": 1, "bytes_total": 7})
    counters.gauge("links_open", lambda: 3)
    assert exposition(counters.snapshot()).splitlines() == [
        "# TYPE meteringest_bytes_total counter",
        "meteringest_bytes_total 7",
        "# HELP meteringest_links_open links that are open",
        "# TYPE meteringest_links_open gauge",
        "meteringest_links_open 3",
        "# TYPE meteringest_refused_total counter",
        "meteringest_refused_total 1",
        'meteringest_refused_total{rule="a\\"b"} 2',
    ]


def test_a_histogram_is_one_metric_with_its_bounds_in_order() -> None:
    counters = Counters()
    for value in (0.5, 3.0, 30.0):
        counters.add(seen_in("wait_seconds", value, (1, 2.5, 10)))
    assert exposition(counters.snapshot()).splitlines() == [
        "# TYPE meteringest_wait_seconds histogram",
        'meteringest_wait_seconds_bucket{le="1"} 1',
        'meteringest_wait_seconds_bucket{le="2.5"} 1',
        'meteringest_wait_seconds_bucket{le="10"} 2',
        'meteringest_wait_seconds_bucket{le="+Inf"} 3',
        "meteringest_wait_seconds_count 3",
        "meteringest_wait_seconds_sum 33.5",
    ]


def test_what_nothing_has_moved_yet_is_there_as_zero() -> None:
    observer, _, _ = observed()
    assert observer.counters()["journal_full_held_total"] == 0


@pytest.mark.parametrize("kind", [LinkRefused, BatchAppended])
def test_names_are_words(kind: type[Event]) -> None:
    assert event_name(kind) in {"link_refused", "batch_appended"}
