"""The server on real sockets: limits, hostile peers, and an end that loses nothing."""

import os
import socket
import struct

import pytest
import trio
import trio.testing
from tests.wire.line import LOST, Bench, FakeLink, OneDcu, frame, reply
from tests.wire.sockets import ends, one, received, serving, settings_of, until

from meteringest.errors import ConfigError, JournalError, LinkError
from meteringest.intake.happenings import (
    DrainCut,
    IntakeDrained,
    LinkClosed,
    LinkFailed,
    LinkLost,
    LinkOpened,
    LinkRefused,
    Listening,
)
from meteringest.intake.server import IntakeServer


async def test_a_frame_comes_in_and_its_answer_goes_out() -> None:
    async with serving() as it:
        peer = await it.connect()
        await peer.send_all(frame(b"?hello"))
        assert await received(peer, 6) == reply(b"hello")
        assert it.bench.observer.of(Listening)[0].port == it.ports[0].port


async def test_several_listeners_each_with_their_own_port() -> None:
    async with serving(settings_of({"name": "a", "port": 0}, {"name": "b", "port": 0})) as it:
        assert [bound.name for bound in it.ports] == ["a", "b"]
        for index in range(2):
            peer = await it.connect(index)
            await peer.send_all(frame(b"?x"))
            assert await received(peer, 2) == reply(b"x")


async def test_a_port_in_use_says_which_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = settings_of({"port": 0}, {"name": "second", "port": port})
        with pytest.RaisesGroup(LinkError) as refused:
            async with serving(settings):
                pytest.fail("it must not start")
    said = str(refused.value.exceptions[0])
    assert f"listener second (127.0.0.1:{port})" in said
    assert "in use" in said
    assert "intake.listeners[1].port" in said


async def test_over_the_limit_is_closed_at_once_and_counted() -> None:
    async with serving(one(connections_max=3)) as it:
        peers = [await it.connect() for _ in range(3)]
        await it.seen(LinkOpened, 3)
        refused = await it.connect()
        assert await ends(refused) == b""
        assert it.bench.observer.of(LinkRefused)[0].rule == "connections_max"
        assert it.server.links == 3
        await peers[0].aclose()
        await it.seen(LinkClosed)
        await until(lambda: it.server.links == 2)
        again = await it.connect()
        await again.send_all(frame(b"?room"))
        assert await received(again, 5) == reply(b"room")


async def test_one_address_cannot_take_every_place() -> None:
    async with serving(one(connections_per_peer_max=2)) as it:
        peers = [await it.connect() for _ in range(2)]
        await it.seen(LinkOpened, 2)
        assert await ends(await it.connect()) == b""
        assert it.bench.observer.of(LinkRefused)[0].rule == "connections_per_peer_max"
        for peer in peers:
            await peer.send_all(frame(b"?served"))
            assert await received(peer, 7) == reply(b"served")


async def test_many_half_open_links_end_at_their_timeout_and_do_not_stop_the_rest() -> None:
    async with serving(one(idle_timeout_s=1.0)) as it:
        slow: list[trio.SocketStream] = []
        for _ in range(300):
            slow.append(await it.connect())
            await slow[-1].send_all(b"\xc8half")
        good = await it.connect()
        await good.send_all(frame(b"?quick"))
        assert await received(good, 6) == reply(b"quick")
        for peer in slow:
            assert await ends(peer) == b""
        await it.seen(LinkClosed, 300)
        assert it.bench.journal.frames.count(b"truncated") == 300


async def test_garbage_closes_its_link_only() -> None:
    async with serving() as it:
        good = await it.connect()
        bad = await it.connect()
        await bad.send_all(bytes([LOST]) + os.urandom(100_000))
        await ends(bad)
        await it.seen(LinkLost)
        lost = it.bench.observer.of(LinkLost)[0]
        assert lost.rule == "bad_stream"
        assert "wrapper: bad_value at 0" in lost.detail
        await good.send_all(frame(b"?still"))
        assert await received(good, 6) == reply(b"still")
        assert b"reject" in it.bench.journal.frames


async def test_a_client_killed_in_mid_frame_leaves_a_reject_and_no_link() -> None:
    async with serving() as it:
        peer = await it.connect()
        await peer.send_all(frame(b"whole") + b"\x50half")
        await until(lambda: b"whole" in it.bench.journal.frames)
        # Linger 0: the kernel sends a reset, as it does for a process that was killed.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(peer)
        await it.seen(LinkClosed)
        assert it.bench.journal.frames == [b"whole", b"truncated"]
        assert it.server.pending_bytes == 0
        await until(lambda: it.server.links == 0)


async def test_a_fault_of_ours_ends_one_link_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = FakeLink.feed

    def faulty(link: FakeLink, chunk: bytes, /) -> int:
        if b"crash" in chunk:
            raise RuntimeError
        return feed(link, chunk)

    monkeypatch.setattr(FakeLink, "feed", faulty)
    async with serving() as it:
        good = await it.connect()
        bad = await it.connect()
        await bad.send_all(b"crash")
        await ends(bad)
        await it.seen(LinkFailed)
        assert "RuntimeError" in it.bench.observer.of(LinkFailed)[0].reason
        await good.send_all(frame(b"?fine"))
        assert await received(good, 5) == reply(b"fine")


async def test_a_journal_error_ends_the_service_and_acknowledges_nothing() -> None:
    heard = b""
    with pytest.RaisesGroup(JournalError, flatten_subgroups=True):
        async with serving(syncs_itself=False) as it:
            it.bench.journal.broken = JournalError("/journal", "the disk is gone")
            peer = await it.connect()
            await peer.send_all(frame(b"?promise"))
            heard = await ends(peer)
            await trio.sleep_forever()
    assert heard == b""


async def test_draining_stores_and_acknowledges_what_is_in() -> None:
    settings = settings_of({"port": 0}, batches_unsynced_max=100)
    async with serving(settings, syncs_itself=False) as it:
        peers = [await it.connect() for _ in range(20)]
        for peer in peers:
            await peer.send_all(frame(b"?kept") + b"\x50half")
        await until(lambda: it.bench.journal.appended == 20)
        it.stop.set()
        await it.refuses()
        assert not it.ended.is_set()
        it.bench.journal.sync()
        for peer in peers:
            assert await ends(peer) == reply(b"kept")
        await it.ended.wait()
        assert it.bench.observer.of(IntakeDrained)
        # Half a frame at our own end is no fault of the peer's: it sends it again.
        assert b"truncated" not in it.bench.journal.frames


async def test_draining_ends_at_its_deadline_and_acknowledges_nothing_unsafe() -> None:
    settings = settings_of({"port": 0}, drain_timeout_s=0.2)
    async with serving(settings, syncs_itself=False) as it:
        peer = await it.connect()
        await peer.send_all(frame(b"?unsafe"))
        await until(lambda: it.bench.journal.appended == 1)
        it.stop.set()
        await it.ended.wait()
        assert await ends(peer) == b""
        cut = it.bench.observer.of(DrainCut)[0]
        assert (cut.links, cut.batches_unsynced) == (1, 1)


def test_two_listeners_on_one_port_are_told_apart_from_another_process() -> None:
    settings = settings_of({"port": 4059}, {"name": "too", "port": 4059})
    with pytest.raises(ConfigError, match=r"listeners\[1\].port: 4059 is that of listeners\[0\]"):
        IntakeServer(settings, Bench(settings).line, FakeLink, dcus=OneDcu(), last_acked={})
    zero = settings_of({"port": 0}, {"name": "too", "port": 0})
    IntakeServer(zero, Bench(zero).line, FakeLink, dcus=OneDcu(), last_acked={})


async def test_being_cancelled_drains_as_well() -> None:
    settings = one()
    bench = Bench(settings)
    server = IntakeServer(settings, bench.line, FakeLink, dcus=OneDcu(), last_acked={})
    heard = b""
    with trio.fail_after(20):
        async with trio.open_nursery() as outside:
            bound = await outside.start(server.run, trio.Event())
            with trio.CancelScope(shield=True):
                peer = await trio.open_tcp_stream(bound[0].host, bound[0].port)
                await peer.send_all(frame(b"?kept"))
                await until(lambda: bench.journal.appended == 1)
                outside.cancel_scope.cancel()
                await trio.testing.wait_all_tasks_blocked()
                bench.journal.sync()
                heard = await ends(peer)
                await peer.aclose()
    assert heard == reply(b"kept")
    assert bench.observer.of(IntakeDrained)


async def test_draining_waits_for_the_sync_of_what_nobody_is_answered_for() -> None:
    async with serving(syncs_itself=False) as it:
        peer = await it.connect()
        await peer.send_all(frame(b"unconfirmed"))
        await until(lambda: it.bench.journal.appended == 1)
        it.stop.set()
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert not it.ended.is_set()
        it.bench.journal.sync()
        assert await ends(peer) == b""
        await it.ended.wait()
        assert it.bench.observer.of(IntakeDrained)
