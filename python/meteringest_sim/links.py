"""A concentrator's plain link: wrapper frames over TCP, answered only when the frames ask for it.

Rule 1: a link ends by saying so (half-close) and waiting for the server, which closes when what it
was given is safe; that is the only receipt an unconfirmed push has.
Rule 2: answers are counted as they come, and nothing else is concluded from them.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import trio

from meteringest.errors import LinkError
from meteringest_sim.dial import Dial
from meteringest_sim.plan import Break, Cut, Octets, Send, Step

CHUNK_BYTES = 65_536
CLOSE_TIMEOUT_S = 60.0
HEADER_BYTES = 8
CONFIRM = b"\x10"
GATEWAY = b"\xe6"
GATEWAY_BYTES = 3
"""Tag, network and the length of the address."""


class Uplink(Protocol):
    """Whatever carries a plan's steps to a server."""

    confirms: int
    connections: int

    async def run(self, step: Step) -> None:
        """Does one step."""
        ...

    async def finish(self) -> None:
        """Everything is sent: waits until the server has taken it."""
        ...


class ConfirmCounter:
    """Counts data-notification-confirms in a stream of wrapper frames."""

    def __init__(self) -> None:
        """Nothing heard yet."""
        self._held = bytearray()

    def feed(self, chunk: bytes) -> int:
        """How many whole ones `chunk` completes."""
        self._held += chunk
        confirms = at = 0
        while len(self._held) - at >= HEADER_BYTES:
            end = at + HEADER_BYTES + int.from_bytes(self._held[at + 6 : at + HEADER_BYTES], "big")
            if end > len(self._held):
                break
            confirms += _is_confirm(self._held[at + HEADER_BYTES : end])
            at = end
        del self._held[:at]
        return confirms


def _is_confirm(apdu: bytearray) -> bool:
    """The answer to a gateway's frame comes back with the gateway's prefix."""
    if apdu[:1] == GATEWAY and len(apdu) > GATEWAY_BYTES:
        apdu = apdu[GATEWAY_BYTES + apdu[GATEWAY_BYTES - 1] :]
    return apdu[:1] == CONFIRM


class PlainLink:
    """Connects when there is something to send, and again whenever a step takes the link down."""

    def __init__(self, dial: Dial, nursery: trio.Nursery) -> None:
        """`nursery` outlives the link; what the server answers is heard in it."""
        self.confirms = 0
        self.connections = 0
        self._dial = dial
        self._nursery = nursery
        self._stream: trio.abc.Stream | None = None
        self._over = trio.Event()

    async def run(self, step: Step) -> None:
        """Does one step; a server that goes away meanwhile is an error, for nothing was acked."""
        match step:
            case Send(octets):
                await self._send(octets)
            case Cut(octets, length):
                await self._send(octets[:length])
                await self.finish()
                await self._send(octets)
            case Break(octets):
                with suppress(LinkError):  # closed before its last byte was out: as it should be
                    await self._send(octets)
                await self._ended()

    async def finish(self) -> None:
        """Half-closes and waits for the server's own close."""
        if self._stream is None:
            return
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            await self._tell(self._stream.send_eof)
            await self._ended()
        else:
            await self._stream.aclose()  # TLS: close-notify each way
            await self._ended()

    async def _send(self, octets: Octets) -> None:
        if self._stream is not None and self._over.is_set():
            await self._drop()  # closed while nothing was under way: idle
        stream = self._stream
        if stream is None:
            stream = self._stream = await self._dial.connect()
            self.connections += 1
            self._over = trio.Event()
            self._nursery.start_soon(self._hear, stream, self._over)
        await self._tell(lambda: stream.send_all(octets))

    async def _tell(self, action: Callable[[], Awaitable[None]]) -> None:
        try:
            await action()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            reason = (
                f"the server closed the link while frames were sent: {error.__cause__ or error}"
            )
            raise LinkError(str(self._dial), reason) from None

    async def _ended(self) -> None:
        """Waits until the server has closed."""
        if self._stream is None:
            return
        with trio.move_on_after(CLOSE_TIMEOUT_S):
            await self._over.wait()
        if not self._over.is_set():
            reason = f"the server did not close the link within {CLOSE_TIMEOUT_S:g} s"
            raise LinkError(str(self._dial), reason)
        await self._drop()

    async def _drop(self) -> None:
        if self._stream is not None:
            await trio.aclose_forcefully(self._stream)
            self._stream = None

    async def _hear(self, stream: trio.abc.Stream, over: trio.Event) -> None:
        counter = ConfirmCounter()
        try:
            while chunk := await stream.receive_some(CHUNK_BYTES):
                self.confirms += counter.feed(bytes(chunk))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        finally:
            over.set()
            await trio.aclose_forcefully(stream)
