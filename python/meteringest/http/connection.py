"""One HTTP connection: requests in, answers out, every wait bounded.

Rule 1: the only file that speaks HTTP/1.1 (through h11) on a stream.
Rule 2: a peer that stalls is cut off; a request past the limit is answered, then cut off.
"""

from collections.abc import Mapping

import h11
import trio

from meteringest.http.request import Request

CHUNK_BYTES_MAX = 65_536
Headers = Mapping[str, str]


class PeerGone(Exception):  # noqa: N818 (nothing is wrong with us)
    """The peer left, stalled or broke the protocol; there is nobody to answer."""


class RequestTooLarge(Exception):  # noqa: N818 (an answer to the peer, not a fault of ours)
    """The request passes the server's bound; the peer may be told before it is cut off."""


class Connection:
    """An h11 server on a stream; one request at a time."""

    def __init__(
        self, stream: trio.abc.Stream, *, bytes_max: int, idle_s: float, stall_s: float
    ) -> None:
        """Takes the stream; whoever made it closes it."""
        self._stream = stream
        self._bytes_max = bytes_max
        self._idle_s = idle_s
        self._stall_s = stall_s
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=bytes_max)

    async def request(self) -> Request | None:
        """The next request, or None at an orderly end; raises PeerGone or RequestTooLarge."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        if self._http.our_state is not h11.IDLE:
            return None
        await self._first_bytes()
        try:
            with trio.fail_after(self._stall_s):
                return await self._whole()
        except trio.TooSlowError as error:
            raise PeerGone from error

    async def _first_bytes(self) -> None:
        """A peer may be silent between requests, but not within one."""
        if self._http.trailing_data[0]:
            return
        try:
            with trio.fail_after(self._idle_s):
                await self._receive()
        except trio.TooSlowError as error:
            raise PeerGone from error

    async def _whole(self) -> Request | None:
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        body = await self._body()
        return Request(head.method.decode("ascii"), head.target.decode("ascii"), headers, body)

    async def begin(self, status: int, headers: Headers) -> None:
        """The status line and headers of an answer."""
        await self._send(h11.Response(status_code=status, headers=list(headers.items())))

    async def piece(self, body: bytes) -> None:
        """Some of the answer's body."""
        if body:
            await self._send(h11.Data(data=body))

    async def end(self) -> None:
        """The answer's end; without it the peer knows that the answer is not whole."""
        await self._send(h11.EndOfMessage())

    async def _body(self) -> bytes:
        body = bytearray()
        while True:
            event = await self._event()
            match event:
                case h11.Data():
                    body += event.data
                case h11.EndOfMessage():
                    return bytes(body)
                case _:
                    raise PeerGone
            if len(body) > self._bytes_max:
                raise RequestTooLarge

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                await self._receive()
        except h11.RemoteProtocolError as error:
            raise PeerGone from error
        return event  # type: ignore[return-value]

    async def _receive(self) -> None:
        try:
            chunk = await self._stream.receive_some(CHUNK_BYTES_MAX)
            self._http.receive_data(bytes(chunk))
        except (h11.RemoteProtocolError, trio.BrokenResourceError) as error:
            raise PeerGone from error

    async def _send(self, event: h11.Event) -> None:
        try:
            wire = self._http.send(event)
            with trio.fail_after(self._stall_s):
                await self._stream.send_all(wire or b"")
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError) as error:
            raise PeerGone from error
        except h11.LocalProtocolError as error:
            # What the peer has sent leaves no room for this answer, or for any.
            raise PeerGone from error
