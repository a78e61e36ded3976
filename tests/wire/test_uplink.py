"""The acked uplink on real sockets, sentence by sentence of docs/uplink.md."""

from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing
from tests.wire.line import LOST, FakeLink, frame
from tests.wire.sockets import Serving, ends, received, serving, settings_of, until
from tests.wire.test_tls import Authority

from meteringest.intake.happenings import (
    IntakeDrained,
    LinkClosed,
    LinkFailed,
    LinkRefused,
    UplinkAhead,
)

Message = dict[str, object]


def uplink(**listener: object) -> dict[str, object]:
    return {"name": "uplink", "port": 0, "framing": "uplink", "window": 64, **listener}


def packed(message: object) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4, "big") + body


def hello(dcu: int | str = 7, resume: int | None = None, **more: object) -> bytes:
    return packed({"type": "hello", "protocol": 1, "dcu": dcu, "resume": resume, **more})


def envelopes(*sequences: int) -> bytes:
    """The stand-in link knows an envelope by `#` and its number."""
    return b"".join(frame(b"#%d" % sequence) for sequence in sequences)


async def message(stream: trio.abc.ReceiveStream) -> Message:
    """The next one, or an empty one at the end of the stream."""
    prefix = await received(stream, 4)
    body = await received(stream, int.from_bytes(prefix, "big"))
    return msgspec.msgpack.decode(body, type=dict[str, object]) if body else {}


async def acked_up_to(stream: trio.abc.ReceiveStream, sequence: int) -> None:
    """Acks are cumulative: how many there are is the server's business."""
    last: object = 0
    while last != sequence:
        said = await message(stream)
        assert said["type"] == "ack"
        last = said["acked"]
        assert isinstance(last, int)
        assert last <= sequence


async def greeted(it: Serving, **words: object) -> tuple[trio.SocketStream, Message]:
    peer = await it.connect()
    await peer.send_all(hello(**words))  # type: ignore[arg-type]
    return peer, await message(peer)


async def test_hello_welcome_envelopes_ack() -> None:
    last_acked: dict[int, int] = {}
    async with serving(settings_of(uplink()), last_acked=last_acked) as it:
        peer, welcome = await greeted(it)
        assert welcome == {"type": "welcome", "acked": 0, "window": 64}
        await peer.send_all(envelopes(1, 2, 3))
        await acked_up_to(peer, 3)
    assert last_acked == {7: 3}


async def test_nothing_is_acked_before_it_is_durable() -> None:
    async with serving(settings_of(uplink()), syncs_itself=False) as it:
        peer, _ = await greeted(it)
        await peer.send_all(envelopes(1, 2))
        await until(lambda: it.bench.journal.appended == 2)
        with trio.move_on_after(0.1) as silence:
            await peer.receive_some(1)
        assert silence.cancelled_caught
        it.bench.journal.sync()
        await acked_up_to(peer, 2)


async def test_the_welcome_says_what_the_journal_knew() -> None:
    async with serving(settings_of(uplink()), last_acked={7: 41, 11: 5}) as it:
        _, welcome = await greeted(it, resume=40)
        assert welcome["acked"] == 41
        _, welcome = await greeted(it, dcu="north")
        assert welcome["acked"] == 5


async def test_a_client_that_was_told_more_than_we_know_is_believed_and_reported() -> None:
    last_acked = {7: 41}
    async with serving(settings_of(uplink()), last_acked=last_acked) as it:
        peer, welcome = await greeted(it, resume=43)
        assert welcome["acked"] == 43
        ahead = it.bench.observer.of(UplinkAhead)[0]
        assert (ahead.dcu, ahead.known, ahead.resume) == (7, 41, 43)
        assert last_acked == {7: 41}
        await peer.send_all(envelopes(44))
        await acked_up_to(peer, 44)
    assert last_acked == {7: 44}


async def test_the_newer_link_wins_once_the_older_ones_frames_are_safe() -> None:
    async with serving(settings_of(uplink()), syncs_itself=False) as it:
        older, _ = await greeted(it)
        await older.send_all(envelopes(1, 2))
        await until(lambda: it.bench.journal.appended == 2)
        newer = await it.connect()
        await newer.send_all(hello(resume=0))
        with trio.move_on_after(0.1) as silence:
            await newer.receive_some(1)
        assert silence.cancelled_caught
        it.bench.journal.sync()
        assert (await message(newer))["acked"] == 2
        await acked_up_to(older, 2)
        assert (await message(older))["reason"] == "superseded"
        assert await ends(older) == b""
        it.bench.journal.syncs_itself = True
        await newer.send_all(envelopes(3))
        await acked_up_to(newer, 3)


async def test_of_three_links_the_newest_wins() -> None:
    async with serving(settings_of(uplink()), syncs_itself=False) as it:
        first, _ = await greeted(it)
        await first.send_all(envelopes(1))
        await until(lambda: it.bench.journal.appended == 1)
        second = await it.connect()
        await second.send_all(hello())
        await until(lambda: it.server.links == 2)
        await trio.testing.wait_all_tasks_blocked(0.05)
        third = await it.connect()
        await third.send_all(hello())
        await until(lambda: it.server.links == 3)
        await trio.testing.wait_all_tasks_blocked(0.05)
        it.bench.journal.sync()
        assert (await message(third))["acked"] == 1
        assert (await message(second))["reason"] == "superseded"


async def test_a_newer_link_is_told_busy_when_the_older_cannot_be_made_safe() -> None:
    settings = settings_of(uplink(handshake_timeout_s=0.2), drain_timeout_s=0.1)
    async with serving(settings, syncs_itself=False) as it:
        older, _ = await greeted(it)
        await older.send_all(envelopes(1))
        await until(lambda: it.bench.journal.appended == 1)
        _, said = await greeted(it)
        assert (said["type"], said["reason"]) == ("error", "busy")


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (packed({"type": "hello", "protocol": 9, "dcu": 7}), "unsupported_protocol"),
        (packed({"type": "hi"}), "bad_hello"),
        (b"\xff\xff\xff\xff", "bad_hello"),
        (b"\x00\x00\x00\x00", "bad_hello"),
        (hello(dcu="nowhere"), "unknown_dcu"),
        (hello(dcu=0), "unknown_dcu"),
        (hello(dcu=1 << 32), "unknown_dcu"),
        (hello() + envelopes(1), "bad_hello"),
    ],
)
async def test_a_hello_that_does_not_serve_is_told_why(first: bytes, reason: str) -> None:
    async with serving(settings_of(uplink())) as it:
        peer = await it.connect()
        await peer.send_all(first)
        said = await message(peer)
        assert (said["type"], said["reason"]) == ("error", reason)
        assert said["detail"]
        await ends(peer)
        await it.seen(LinkRefused)
        assert it.bench.observer.of(LinkRefused)[0].rule == reason


async def test_a_peer_without_a_hello_is_ended() -> None:
    async with serving(settings_of(uplink(handshake_timeout_s=0.1))) as it:
        silent = await it.connect()
        assert await ends(silent) == b""
        half = await it.connect()
        await half.send_all(hello()[:9])
        assert await ends(half) == b""
        gone = await it.connect()
        await gone.aclose()
        await it.seen(LinkRefused, 3)
        rules = [event.rule for event in it.bench.observer.of(LinkRefused)]
        assert sorted(rules) == ["handshake_timeout", "handshake_timeout", "left_early"]


async def test_tokens() -> None:
    settings = settings_of(uplink(tokens={"7": "seven's", "north": "north's"}))
    async with serving(settings) as it:
        assert (await greeted(it, dcu=7, token="seven's"))[1]["type"] == "welcome"  # noqa: S106
        assert (await greeted(it, dcu=11, token="north's"))[1]["type"] == "welcome"  # noqa: S106
        for words in ({"dcu": 7}, {"dcu": 7, "token": "north's"}, {"dcu": 8, "token": "seven's"}):
            assert (await greeted(it, **words))[1]["reason"] == "not_authenticated"


async def test_the_certificate_binds_the_hello(tmp_path: Path) -> None:
    ours = Authority(tmp_path / "ours")
    context = ours.client(ours.ca.issue_cert("dcu.example", common_name="7"))
    async with serving(settings_of(uplink(tls=ours.mutual()))) as it:
        for dcu, expected in ((7, "welcome"), (8, "error")):
            peer = trio.SSLStream(
                await it.connect(), context, server_hostname="127.0.0.1", https_compatible=True
            )
            await peer.send_all(hello(dcu=dcu))
            said = await message(peer)
            assert said["type"] == expected
        assert said["reason"] == "not_authenticated"


async def test_a_stream_that_cannot_be_read_is_told_after_the_good_is_acked() -> None:
    async with serving(settings_of(uplink())) as it:
        peer, _ = await greeted(it)
        await peer.send_all(envelopes(1) + bytes([LOST]) + b"x" * 200_000)
        await acked_up_to(peer, 1)
        said = await message(peer)
        assert said["reason"] == "bad_stream"
        assert await ends(peer) == b""


async def test_an_idle_uplink_is_told() -> None:
    async with serving(settings_of(uplink(idle_timeout_s=0.1))) as it:
        peer, _ = await greeted(it)
        assert (await message(peer))["reason"] == "idle"


async def test_draining_acks_what_is_in_and_says_goodbye() -> None:
    async with serving(settings_of(uplink()), syncs_itself=False) as it:
        peer, _ = await greeted(it)
        await peer.send_all(envelopes(1, 2))
        await until(lambda: it.bench.journal.appended == 2)
        it.stop.set()
        await it.refuses()
        it.bench.journal.sync()
        await acked_up_to(peer, 2)
        assert (await message(peer))["reason"] == "shutting_down"
        await peer.aclose()
        await it.ended.wait()
        assert it.bench.observer.of(IntakeDrained)


async def test_a_link_accepted_earlier_whose_hello_comes_later_takes_nobodys_seat() -> None:
    async with serving(settings_of(uplink())) as it:
        earlier = await it.connect()
        peer, _ = await greeted(it)
        await earlier.send_all(hello())
        assert (await message(earlier))["reason"] == "superseded"
        await peer.send_all(envelopes(1))
        await acked_up_to(peer, 1)


async def test_a_lost_link_is_resumed_where_the_disk_is() -> None:
    async with serving(settings_of(uplink()), syncs_itself=False) as it:
        peer, _ = await greeted(it)
        await peer.send_all(envelopes(1, 2, 3))
        await until(lambda: it.bench.journal.appended == 3)
        await trio.aclose_forcefully(peer)
        it.bench.journal.sync()
        await it.seen(LinkClosed)
        _, welcome = await greeted(it, resume=0)
        assert welcome["acked"] == 3


async def test_a_fault_of_ours_does_not_keep_the_concentrators_seat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def faulty(_link: FakeLink, _chunk: bytes, /) -> int:
        raise RuntimeError

    async with serving(settings_of(uplink(handshake_timeout_s=0.5))) as it:
        peer, _ = await greeted(it)
        with monkeypatch.context() as patched:
            patched.setattr(FakeLink, "feed", faulty)
            await peer.send_all(envelopes(1))
            await it.seen(LinkFailed)
        _, said = await greeted(it)
        assert said["type"] == "welcome"
