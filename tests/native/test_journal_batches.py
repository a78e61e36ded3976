"""Batches through the real journal: gathered again to the byte, replayed to the same state."""

import threading
from pathlib import Path

import pytest
import trio
from tests.native.frames import NOW_MS, Meter, ends
from tests.native.setting_up import decode, decoder
from tests.native.test_decode import SINGLE

from meteringest.errors import JournalError
from meteringest.events import Event
from meteringest.journal.group_commit import GroupCommit
from meteringest.journal.happenings import JournalSynced
from meteringest.native import Batch, Gathered, Journal
from meteringest.offload import ThreadOffload

METERS = [Meter(number=number) for number in range(1, 6)]


def open_journal(folder: Path) -> Journal:
    return Journal(str(folder), node=1, segment_bytes=1 << 20, created_s=1, free_bytes_min=0)


def batches() -> list[Batch]:
    """One of each meter: two reads and what the ledger says of them."""
    made = decoder(*METERS)
    times = ends(2)
    return [
        decode(made, meter.frame(1, [(end, SINGLE) for end in times]), now_ms=NOW_MS + at)
        for at, meter in enumerate(METERS)
    ]


def parts(gathered: Gathered | None) -> tuple[int, int, list[tuple[str, bytes]]]:
    assert gathered is not None
    return gathered.first, gathered.next, gathered.blocks


def test_a_range_is_gathered_again_to_the_byte_after_a_restart(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    positions = [journal.append(batch, NOW_MS + at) for at, batch in enumerate(batches())]
    assert journal.gather(journal.first, rows_max=1_000) is None, "nothing is durable yet"
    assert journal.sync() == positions[-1]
    gathered = journal.gather(journal.first, rows_max=positions[2] - journal.first)
    first, until, blocks = parts(gathered)
    assert gathered is not None
    assert (first, until) == (1 << 20, positions[2])
    assert gathered.reads == 6
    assert gathered.received_ms == (NOW_MS, NOW_MS + 2)
    assert "m.reads" in {table if "." in table else f"m.{table}" for table, _ in blocks}
    assert journal.received_ms_at(positions[0]) == NOW_MS + 1
    del journal, gathered
    again = open_journal(tmp_path)
    assert parts(again.gather(first, rows_max=1, until=until)) == (first, until, blocks)
    rest = again.gather(until, rows_max=1_000)
    assert rest is not None
    assert (rest.reads, rest.next) == (4, again.durable)


def test_replayed_records_make_repetitions_duplicates(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    for batch in batches():
        journal.append(batch, NOW_MS)
    journal.sync()
    restarted = decoder(*METERS)
    assert journal.replay_into(restarted, journal.first) == journal.durable
    repeated = METERS[3].frame(1, [(end, SINGLE) for end in ends(2)])
    counts = decode(restarted, repeated).counts
    assert (counts["frames_duplicate"], counts["reads_duplicate"]) == (1, 2)
    assert decode(decoder(*METERS), repeated).counts["reads_accepted"] == 2


class Recorded:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


async def test_appends_of_any_thread_wake_the_group_commit(tmp_path: Path) -> None:
    journal, observer = open_journal(tmp_path), Recorded()
    commit = GroupCommit(journal, ThreadOffload(1), observer)
    gathered = batches()

    def append(batch: Batch) -> None:
        journal.append(batch, NOW_MS)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(commit.run)
            threads = [threading.Thread(target=append, args=(batch,)) for batch in gathered]
            for thread in threads:
                thread.start()
            end = journal.first + sum(batch.rows for batch in gathered)
            assert await commit.durable_after(end - 1) == end
            nursery.cancel_scope.cancel()
        for thread in threads:
            thread.join()
    synced = [event for event in observer.events if isinstance(event, JournalSynced)]
    assert sum(event.rows for event in synced) == end - journal.first
    assert 1 <= len(synced) <= len(gathered)


def test_a_batch_without_rows_is_our_bug(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    with pytest.raises(JournalError, match="a record of 0 rows"):
        journal.append(decode(decoder()), NOW_MS)
