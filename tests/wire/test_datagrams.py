"""UDP: datagrams of whole frames on real sockets, answers to where they came from, and budgets."""

import pytest
import trio
from tests.wire.line import Bench, FakeJournal, FakeLink, OneDcu, frame, reply
from tests.wire.sockets import one, received, serving, settings_of, until

from meteringest.errors import ConfigError, LinkError
from meteringest.intake.datagrams import frames_of
from meteringest.intake.happenings import (
    DatagramDropped,
    DrainCut,
    IntakeDrained,
    IntakeHeld,
    LinkClosed,
    LinkOpened,
    Listening,
)
from meteringest.intake.server import IntakeServer

UDP = {"transport": "udp"}
QUICK = {"journal_full_retry_s": 0.01}


async def answer(peer: trio.socket.SocketType) -> bytes:
    with trio.fail_after(10):
        return await peer.recv(65_536)


async def test_several_frames_in_one_datagram_are_stored_and_answered() -> None:
    async with serving(one(**UDP)) as it:
        peer = await it.mail()
        await peer.send(frame(b"one") + frame(b"two") + frame(b"?three"))
        assert await answer(peer) == reply(b"three")
        assert it.bench.journal.frames == [b"one", b"two", b"?three"]
        assert it.bench.observer.of(Listening)[0].transport == "udp"


async def test_half_a_frame_is_a_reject_and_the_next_datagram_begins_anew() -> None:
    async with serving(one(**UDP)) as it:
        peer = await it.mail()
        await peer.send(frame(b"whole") + b"\x09half")
        await peer.send(frame(b"?next"))
        assert await answer(peer) == reply(b"next")
        assert it.bench.journal.frames == [b"whole", b"truncated", b"?next"]


async def test_an_answer_waits_until_its_frame_is_durable() -> None:
    async with serving(one(**UDP), syncs_itself=False) as it:
        peer = await it.mail()
        await peer.send(frame(b"?now"))
        await until(lambda: it.bench.journal.frames == [b"?now"])
        with trio.move_on_after(0.05):
            pytest.fail(f"answered before the sync: {await peer.recv(99)!r}")
        it.bench.journal.sync()
        assert await answer(peer) == reply(b"now")


async def test_each_sender_gets_its_own_answer() -> None:
    async with serving(one(**UDP), syncs_itself=False) as it:
        peers = [await it.mail() for _ in range(20)]
        for number, peer in enumerate(peers):
            await peer.send(frame(b"?%d" % number))
        await until(lambda: len(it.bench.journal.frames) == 20)
        it.bench.journal.sync()
        assert [await answer(peer) for peer in peers] == [reply(b"%d" % n) for n in range(20)]


async def test_a_datagram_over_its_limit_is_a_reject() -> None:
    async with serving(one(**UDP, datagram_bytes_max=64)) as it:
        peer = await it.mail()
        await peer.send(frame(b"x" * 63))
        await peer.send(frame(b"x" * 63) + b"\x00")
        await until(lambda: it.bench.journal.frames == [b"x" * 63, b"too_long"])


async def test_a_sender_over_its_budget_loses_datagrams_that_are_counted() -> None:
    settings = settings_of({"port": 0, **UDP}, link_pending_bytes_max=65_536, **QUICK)
    journal = FakeJournal(syncs_itself=True)
    journal.full = True
    async with serving(settings, journal=journal) as it:
        greedy, modest = await it.mail(), await it.mail()
        datagram = frame(b"x" * 250) * 80
        for _ in range(8):
            await greedy.send(datagram)
        await it.seen(DatagramDropped)
        await modest.send(frame(b"modest"))
        await it.seen(LinkOpened, 2)
        assert it.server.pending_bytes < 2 * 65_536
        assert {each.rule for each in it.bench.observer.of(DatagramDropped)} == {
            "link_pending_bytes_max"
        }
        journal.full = False
        it.stop.set()


async def test_when_the_line_is_full_the_socket_is_not_read() -> None:
    settings = settings_of(
        {"port": 0, **UDP}, pending_bytes_max=1 << 20, link_pending_bytes_max=1 << 20, **QUICK
    )
    journal = FakeJournal(syncs_itself=True)
    journal.full = True
    async with serving(settings, journal=journal) as it:
        datagram = frame(b"x" * 250) * 80
        senders = [await it.mail() for _ in range(8)]
        for _ in range(12):
            for sender in senders:
                await sender.send(datagram)
        await it.seen(IntakeHeld)
        assert it.server.pending_bytes <= (1 << 20) + len(datagram)
        journal.full = False
        it.stop.set()


async def test_senders_are_remembered_up_to_a_limit_and_nobody_is_turned_away() -> None:
    async with serving(one(**UDP, connections_max=3)) as it:
        for number in range(9):
            peer = await it.mail()
            await peer.send(frame(b"?%d" % number))
            assert await answer(peer) == reply(b"%d" % number)
        assert it.server.links == 3
        assert list(it.server.links_of().values()) == [3]
        assert [each.rule for each in it.bench.observer.of(LinkClosed)] == ["replaced"] * 6


async def test_one_host_does_not_push_the_others_out() -> None:
    async with serving(one(**UDP, connections_per_peer_max=2)) as it:
        other = await it.mail(host="127.0.0.2")
        await other.send(frame(b"?mine"))
        assert await answer(other) == reply(b"mine")
        for number in range(6):
            peer = await it.mail()
            await peer.send(frame(b"?%d" % number))
            assert await answer(peer) == reply(b"%d" % number)
        closed = [each.peer for each in it.bench.observer.of(LinkClosed)]
        assert len(closed) == 4
        assert not any("127.0.0.2" in peer for peer in closed)


async def test_whoever_is_owed_something_is_not_forgotten() -> None:
    async with serving(one(**UDP, connections_max=1), syncs_itself=False) as it:
        first, second = await it.mail(), await it.mail()
        await first.send(frame(b"?first"))
        await until(lambda: it.bench.journal.frames == [b"?first"])
        await second.send(frame(b"?second"))
        await it.seen(DatagramDropped)
        assert it.bench.observer.of(DatagramDropped)[0].rule == "connections_max"
        it.bench.journal.sync()
        assert await answer(first) == reply(b"first")
        await second.send(frame(b"?second"))
        await until(lambda: b"?second" in it.bench.journal.frames)
        it.bench.journal.sync()
        assert await answer(second) == reply(b"second")


async def test_a_silent_sender_is_forgotten() -> None:
    async with serving(one(**UDP, idle_timeout_s=0.05)) as it:
        first, second = await it.mail(), await it.mail()
        await first.send(frame(b"?1"))
        assert await answer(first) == reply(b"1")
        with trio.fail_after(10):
            while not it.bench.observer.of(LinkClosed):
                await second.send(frame(b"?2"))
                assert await answer(second) == reply(b"2")
        assert it.bench.observer.of(LinkClosed)[0].rule == "idle"


async def test_an_address_that_is_not_in_the_list_is_dropped_where_the_list_must_hold() -> None:
    dcu = {"by": "peer", "names": {"127.0.0.2": 7}, "refuse_unknown": True}
    async with serving(one(**UDP, dcu=dcu)) as it:
        stranger, known = await it.mail(), await it.mail(host="127.0.0.2")
        await stranger.send(frame(b"?x"))
        await it.seen(DatagramDropped)
        assert it.bench.observer.of(DatagramDropped)[0].rule == "peer_unknown"
        await known.send(frame(b"?y"))
        assert await answer(known) == reply(b"y")
        assert it.bench.observer.of(LinkOpened)[0].dcu == 7


async def test_told_to_stop_it_stores_and_answers_what_came_in() -> None:
    async with serving(one(**UDP), syncs_itself=False) as it:
        peer = await it.mail()
        await peer.send(frame(b"?late"))
        await until(lambda: it.bench.journal.frames == [b"?late"])
        it.stop.set()
        it.bench.journal.sync()
        assert await answer(peer) == reply(b"late")
        with trio.fail_after(10):
            await it.ended.wait()
        assert it.bench.observer.of(IntakeDrained)
        assert not it.bench.observer.of(DrainCut)
        assert it.server.links == 0


async def test_tcp_and_udp_may_share_a_port_number() -> None:
    async with serving(one()) as tcp:
        port = tcp.ports[0].port
        async with serving(one(**UDP, port=port)) as udp:
            letter, peer = await udp.mail(), await tcp.connect()
            await letter.send(frame(b"?u"))
            await peer.send_all(frame(b"?t"))
            assert await answer(letter) == reply(b"u")
            assert await received(peer, 2) == reply(b"t")


async def test_a_udp_port_in_use_says_which_and_what_to_do() -> None:
    async with serving(one(**UDP)) as it:
        port = it.ports[0].port
        with pytest.RaisesGroup(LinkError) as refused:
            async with serving(one(**UDP, port=port)):
                pytest.fail("it must not start")
    said = str(refused.value.exceptions[0])
    assert f"127.0.0.1:{port}/udp" in said
    assert f"ss -lunp sport = :{port}" in said


@pytest.mark.parametrize(
    ("extra", "where"),
    [
        ({"framing": "uplink"}, "framing"),
        ({"tls": {"certificate": "a", "key": "b"}}, "tls"),
        ({"dcu": {"by": "certificate"}}, "dcu.by"),
    ],
)
def test_what_needs_a_stream_is_refused_over_udp(extra: dict[str, object], where: str) -> None:
    with pytest.raises(ConfigError, match=rf"listeners\[0\]\.{where}"):
        IntakeServer(one(**UDP, **extra), Bench().line, FakeLink, dcus=OneDcu(), last_acked={})


def test_answers_go_one_frame_a_datagram() -> None:
    first, second = b"\0\1\0\1\0\2\0\3abc", b"\0\1\0\1\0\2\0\0"
    assert list(frames_of(first + second)) == [first, second]
    assert list(frames_of(b"~other~")) == [b"~other~"]
    assert list(frames_of(b"")) == []
