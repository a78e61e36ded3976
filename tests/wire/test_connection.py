"""A link on in-memory streams and a virtual clock: acknowledgements, patience, back-pressure.

Every test ends at a virtual deadline: with the clock jumping, a deadlock fails at once.
"""

from contextlib import suppress

import trio
import trio.testing
from tests.wire.line import (
    IDLE_TIMEOUT_S,
    LOST,
    REPEAT,
    SEND_TIMEOUT_S,
    Bench,
    FakeDecoder,
    frame,
    reply,
    started,
    virtual_time,
)

from meteringest.intake.connection import Connection, Ending
from meteringest.intake.happenings import IntakeHeld, JournalFullHeld, JournalRoomFound
from meteringest.intake.settings import MEBIBYTE, IntakeSettings

Peer = trio.StapledStream[trio.abc.SendStream, trio.abc.ReceiveStream]


class Ended:
    """Runs a connection and keeps why it ended."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.ending: Ending | None = None
        self.at = 0.0

    async def run(self) -> None:
        self.ending = await self.connection.run()
        self.at = trio.current_time()


def connect(nursery: trio.Nursery, bench: Bench, **limits: int) -> tuple[Peer, Ended]:
    # Lockstep, not memory_stream_pair: that one buffers without limit and would hide back-pressure.
    peer, ours = trio.testing.lockstep_stream_pair()
    ended = Ended(bench.connection(ours, **limits))
    nursery.start_soon(ended.run)
    return peer, ended


async def is_silent(peer: Peer, for_s: float) -> bool:
    with trio.move_on_after(for_s) as waiting:
        await peer.receive_some()
    return waiting.cancelled_caught


@virtual_time
async def test_only_what_is_durable_is_acknowledged(nursery: trio.Nursery) -> None:
    bench = started(nursery)
    peer, _ = connect(nursery, bench)
    await peer.send_all(frame(b"?one"))
    assert await is_silent(peer, for_s=60)
    assert bench.journal.appended == 1
    bench.journal.sync()
    assert await peer.receive_some() == reply(b"one")
    await peer.send_all(frame(b"?two"))
    assert await is_silent(peer, for_s=60)
    bench.journal.sync()
    assert await peer.receive_some() == reply(b"two")


@virtual_time
async def test_a_link_that_wants_no_answer_ends_once_all_of_it_is_durable(
    nursery: trio.Nursery,
) -> None:
    bench = started(nursery)
    peer, ended = connect(nursery, bench)
    await peer.send_all(frame(b"one"))
    await peer.send_stream.aclose()
    assert await is_silent(peer, for_s=60)
    assert bench.journal.appended == 1
    assert ended.ending is None
    bench.journal.sync()
    assert await peer.receive_some() == b""
    await trio.testing.wait_all_tasks_blocked()
    assert ended.ending is not None


@virtual_time
async def test_one_links_sync_acknowledges_every_link(nursery: trio.Nursery) -> None:
    bench = started(nursery)
    peers = [connect(nursery, bench)[0] for _ in range(5)]
    for number, peer in enumerate(peers):
        await peer.send_all(frame(b"?%d" % number))
    await trio.testing.wait_all_tasks_blocked()
    bench.journal.sync()
    for number, peer in enumerate(peers):
        assert await peer.receive_some() == reply(b"%d" % number)


@virtual_time
async def test_silence_ends_the_link_at_the_timeout(nursery: trio.Nursery) -> None:
    bench = started(nursery)
    peer, ended = connect(nursery, bench)
    began = trio.current_time()
    assert await peer.receive_some(1) == b""
    assert trio.current_time() - began == IDLE_TIMEOUT_S
    await trio.testing.wait_all_tasks_blocked()
    assert ended.ending is not None
    assert ended.ending.rule == "idle"


@virtual_time
async def test_dripping_bytes_is_silence_and_the_half_frame_is_kept(nursery: trio.Nursery) -> None:
    bench = started(nursery)
    bench.journal.syncs_itself = True
    peer, ended = connect(nursery, bench)
    await peer.send_all(b"\xc8")
    with suppress(trio.BrokenResourceError):
        for _ in range(200):
            await trio.sleep(30)
            await peer.send_all(b"x")
    await trio.testing.wait_all_tasks_blocked()
    assert 0 < ended.at <= IDLE_TIMEOUT_S + 30
    assert bench.journal.frames == [b"truncated"]


@virtual_time
async def test_whole_frames_keep_a_link_open(nursery: trio.Nursery) -> None:
    bench = started(nursery)
    bench.journal.syncs_itself = True
    peer, ended = connect(nursery, bench)
    for _ in range(5):
        await trio.sleep(IDLE_TIMEOUT_S - 1)
        await peer.send_all(frame(b"abc"))
    assert ended.ending is None


@virtual_time
async def test_half_a_frame_at_the_end_becomes_a_reject(nursery: trio.Nursery) -> None:
    bench = started(nursery)
    bench.journal.syncs_itself = True
    peer, ended = connect(nursery, bench)
    await peer.send_all(frame(b"whole") + frame(b"halved")[:3])
    await peer.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert bench.journal.frames == [b"whole", b"truncated"]
    assert ended.ending == Ending("left")
    assert bench.gatherer.pending_bytes == 0


@virtual_time
async def test_what_was_good_before_the_stream_was_lost_is_stored_and_answered(
    nursery: trio.Nursery,
) -> None:
    bench = started(nursery)
    peer, ended = connect(nursery, bench)
    await peer.send_all(frame(b"?good") + bytes([LOST]))
    await trio.testing.wait_all_tasks_blocked()
    assert ended.ending is None
    bench.journal.sync()
    assert await peer.receive_some() == reply(b"good")
    assert await peer.receive_some() == b""
    assert bench.journal.frames == [b"?good", b"reject"]
    await trio.testing.wait_all_tasks_blocked()
    assert ended.ending is not None
    assert ended.ending.rule == "bad_stream"


@virtual_time
async def test_a_half_closed_peer_still_gets_its_answers(nursery: trio.Nursery) -> None:
    bench = started(nursery)
    peer, ended = connect(nursery, bench)
    await peer.send_all(frame(b"?last"))
    await peer.send_eof()
    assert await is_silent(peer, for_s=3_600)
    assert ended.ending is None
    bench.journal.sync()
    assert await peer.receive_some() == reply(b"last")
    assert await peer.receive_some() == b""


@virtual_time
async def test_a_peer_that_leaves_does_not_take_its_frames_with_it(nursery: trio.Nursery) -> None:
    bench = started(nursery)
    peer, ended = connect(nursery, bench)
    await peer.send_all(frame(b"?never heard"))
    await peer.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert bench.journal.frames == [b"?never heard"]
    bench.journal.sync()
    await trio.testing.wait_all_tasks_blocked()
    assert ended.ending is not None


@virtual_time
async def test_a_link_is_not_read_until_its_own_frames_are_taken(nursery: trio.Nursery) -> None:
    bench = started(nursery)
    bench.journal.full = True
    peer, _ = connect(nursery, bench, waiting_bytes_max=10)
    await peer.send_all(frame(b"0123456789"))
    nursery.start_soon(peer.send_all, frame(b"more"))
    await trio.sleep(IDLE_TIMEOUT_S * 3)
    assert bench.gatherer.pending_bytes == 10
    bench.journal.full = False
    await trio.sleep(bench.settings.journal_full_retry_s * 2)
    assert bench.journal.frames == [b"0123456789", b"more"]


@virtual_time
async def test_a_full_line_reads_no_socket_and_goes_on_by_itself(nursery: trio.Nursery) -> None:
    bench = started(nursery, IntakeSettings(pending_bytes_max=MEBIBYTE, batches_unsynced_max=1))
    first, _ = connect(nursery, bench, waiting_bytes_max=2 * MEBIBYTE)
    other, _ = connect(nursery, bench, waiting_bytes_max=2 * MEBIBYTE)
    await first.send_all(frame(b"unsynced"))
    await trio.testing.wait_all_tasks_blocked()
    # One batch is unsynced, so nothing more is decoded: the next frames fill the line.
    await first.send_all(frame(b"f" * 200) * (MEBIBYTE // 200 + 1))
    nursery.start_soon(first.send_all, frame(b"first held"))
    nursery.start_soon(other.send_all, frame(b"other held"))
    await trio.sleep(IDLE_TIMEOUT_S * 3)
    pending = bench.gatherer.pending_bytes
    assert MEBIBYTE <= pending < MEBIBYTE + 1_000
    assert b"first held" not in bench.journal.frames
    assert len(bench.observer.of(IntakeHeld)) == 1
    bench.journal.syncs_itself = True
    bench.journal.sync()
    await trio.testing.wait_all_tasks_blocked()
    assert {b"first held", b"other held"} <= set(bench.journal.frames)
    assert bench.gatherer.pending_bytes == 0


@virtual_time
async def test_a_full_disk_is_waited_out_and_nothing_is_lost(nursery: trio.Nursery) -> None:
    bench = started(nursery)
    peer, _ = connect(nursery, bench)
    bench.journal.full = True
    await peer.send_all(frame(b"?patient"))
    assert await is_silent(peer, for_s=3_600)
    assert len(bench.observer.of(JournalFullHeld)) == 1
    assert "no room" in bench.gatherer.held
    bench.journal.full = False
    await trio.sleep(bench.settings.journal_full_retry_s)
    assert bench.journal.frames == [b"?patient"]
    assert bench.gatherer.held == ""
    assert bench.observer.of(JournalRoomFound)[0].waited_s > 3_000
    bench.journal.sync()
    assert await peer.receive_some() == reply(b"patient")


@virtual_time
async def test_a_peer_that_takes_no_answers_is_given_up_but_not_its_frames(
    nursery: trio.Nursery,
) -> None:
    bench = started(nursery)
    bench.journal.syncs_itself = True
    peer, ended = connect(nursery, bench)
    await peer.send_all(frame(b"?deaf"))
    await trio.sleep(SEND_TIMEOUT_S + 1)
    assert ended.ending is not None
    assert ended.ending.rule == "deaf"
    assert bench.journal.frames == [b"?deaf"]


@virtual_time
async def test_frames_that_come_while_a_batch_is_decoded_make_the_next_batch(
    nursery: trio.Nursery,
) -> None:
    bench = started(nursery)
    bench.journal.syncs_itself = True
    peers = [connect(nursery, bench)[0] for _ in range(3)]
    for peer in peers:
        await peer.send_all(frame(b"a"))
    await trio.testing.wait_all_tasks_blocked()
    for peer in peers:
        await peer.send_all(frame(b"b") * 2)
    await trio.testing.wait_all_tasks_blocked()
    assert sorted(bench.journal.frames) == [b"a"] * 3 + [b"b"] * 6
    assert bench.gatherer.pending_bytes == 0


@virtual_time
async def test_a_batch_is_bounded_by_bytes(nursery: trio.Nursery) -> None:
    bench = started(nursery, IntakeSettings(batch_bytes_max=65_536, batches_unsynced_max=1))
    peers = [connect(nursery, bench, waiting_bytes_max=MEBIBYTE)[0] for _ in range(10)]
    await peers[0].send_all(frame(b"unsynced"))
    await trio.testing.wait_all_tasks_blocked()
    for peer in peers:
        await peer.send_all(frame(b"f" * 250) * 100)
    await trio.testing.wait_all_tasks_blocked()
    bench.journal.syncs_itself = True
    bench.journal.sync()
    await trio.testing.wait_all_tasks_blocked()
    assert isinstance(bench.decoder, FakeDecoder)
    assert bench.decoder.batch_sizes[1:] == [75_000, 75_000, 75_000, 25_000]


@virtual_time
async def test_an_answer_that_needs_no_row_waits_for_the_rows_before_it(
    nursery: trio.Nursery,
) -> None:
    bench = started(nursery)
    peer, _ = connect(nursery, bench)
    await peer.send_all(frame(b"row"))
    await trio.testing.wait_all_tasks_blocked()
    await peer.send_all(frame(REPEAT + b"seen"))
    assert await is_silent(peer, for_s=60)
    assert bench.journal.appended == 1
    bench.journal.sync()
    assert await peer.receive_some() == reply(b"~seen")


@virtual_time
async def test_a_slow_peer_gets_its_last_answer_in_its_own_time(nursery: trio.Nursery) -> None:
    bench = started(nursery)
    peer, ended = connect(nursery, bench)
    await peer.send_all(frame(b"?last"))
    await peer.send_eof()
    bench.journal.syncs_itself = True
    await trio.testing.wait_all_tasks_blocked()
    bench.journal.sync()
    await trio.sleep(SEND_TIMEOUT_S / 2)
    assert ended.ending is None
    assert await peer.receive_some() == reply(b"last")


@virtual_time
async def test_a_link_that_is_cut_off_takes_its_pending_bytes_with_it(
    nursery: trio.Nursery,
) -> None:
    del nursery
    bench = Bench(IntakeSettings(pending_bytes_max=MEBIBYTE))
    stays, goes = (bench.connection(trio.testing.lockstep_stream_pair()[0]) for _ in range(2))
    for member in (stays, goes):
        bench.gatherer.join(member)
    bench.gatherer.fed(stays, 10, 0.0)
    bench.gatherer.fed(goes, MEBIBYTE, 0.0)
    assert bench.gatherer.full
    bench.gatherer.leave(goes)
    assert bench.gatherer.pending_bytes == 10
    assert bench.gatherer.cut == 1
