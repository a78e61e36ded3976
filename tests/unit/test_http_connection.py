"""The endpoint's HTTP connection on a virtual clock: nobody is waited for without end."""

import pytest
import trio
import trio.testing

from meteringest.http.connection import Connection, PeerGone, RequestTooLarge

IDLE_S, STALL_S, BYTES_MAX = 60.0, 15.0, 1_000
POST = b"POST /?query_id=q HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


def pair() -> tuple[Connection, trio.abc.Stream]:
    ours, theirs = trio.testing.lockstep_stream_pair()
    return Connection(ours, bytes_max=BYTES_MAX, idle_s=IDLE_S, stall_s=STALL_S), theirs


async def send(stream: trio.abc.Stream, wire: bytes) -> None:
    for at in range(0, len(wire), 7):
        await stream.send_all(wire[at : at + 7])


async def test_requests_follow_one_another(autojump_clock: trio.testing.MockClock) -> None:
    connection, peer = pair()
    async with trio.open_nursery() as nursery:
        for body in (b"SELECT 1", b""):
            nursery.start_soon(send, peer, POST % len(body) + body)
            request = await connection.request()
            assert request is not None
            assert (request.method, request.body, request.fields) == (
                "POST",
                body,
                {"query_id": "q"},
            )
            nursery.start_soon(receive, peer)
            await connection.begin(200, {"Content-Length": "2"})
            await connection.piece(b"1\n")
            await connection.end()
        nursery.cancel_scope.cancel()
    assert autojump_clock.current_time() < 1


async def receive(stream: trio.abc.Stream) -> None:
    seen = b""
    while b"1\n" not in seen[-2:]:
        seen += await stream.receive_some()


@pytest.mark.parametrize(
    ("wire", "patience_s"),
    [(b"", IDLE_S), (b"POST / HTTP", STALL_S), (POST % 100 + b"SELECT", STALL_S)],
)
async def test_a_silent_peer_is_given_up(
    autojump_clock: trio.testing.MockClock, wire: bytes, patience_s: float
) -> None:
    connection, peer = pair()
    begun = autojump_clock.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send, peer, wire)
        with pytest.raises(PeerGone):
            await connection.request()
    assert autojump_clock.current_time() - begun == pytest.approx(patience_s)


async def test_a_peer_that_drips_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    connection, peer = pair()

    async def drip() -> None:
        for byte in POST % 100 + b"SELECT" * 10:
            await peer.send_all(bytes([byte]))
            await trio.sleep(STALL_S / 3)

    begun = autojump_clock.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(drip)
        with pytest.raises(PeerGone):
            await connection.request()
        nursery.cancel_scope.cancel()
    assert autojump_clock.current_time() - begun <= 2 * STALL_S


async def test_a_peer_that_does_not_read_is_given_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    connection, peer = pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send, peer, POST % 0)
        assert await connection.request() is not None
        begun = autojump_clock.current_time()
        with pytest.raises(PeerGone):
            await connection.begin(200, {})
    assert autojump_clock.current_time() - begun == pytest.approx(STALL_S)


async def test_a_body_past_the_limit_is_refused(autojump_clock: trio.testing.MockClock) -> None:
    connection, peer = pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send, peer, POST % 1_001 + bytes(1_001))
        with pytest.raises(RequestTooLarge):
            await connection.request()
        nursery.cancel_scope.cancel()
    assert autojump_clock.current_time() < 1


async def test_an_orderly_end_is_no_fault() -> None:
    connection, peer = pair()
    await peer.aclose()
    assert await connection.request() is None
