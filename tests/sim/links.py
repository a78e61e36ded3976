"""Simulated links: streams in memory that cut, stall, delay and deliver in pieces of any size.

Rule 1: a stream behaves as trio's over TCP does: order within a link is kept, half-closing works,
and what was on its way when a link breaks may or may not arrive.
Rule 2: no task of its own: a pipe is moved by those who use it.
"""

from collections import deque
from random import Random
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE_BYTES_MAX = 65_536


class Pipe:
    """One direction of a link."""

    def __init__(self, chance: Random, capacity: int, delay_s: float) -> None:
        self._chance = chance
        self._capacity = capacity
        self._delay_s = delay_s
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._held = 0
        self._ready_at = 0.0
        self._moved = trio.Event()
        self._ended = False
        self._broken = False
        self._refused = False
        self.stalled_until = 0.0

    async def put(self, octets: bytes) -> None:
        """Returns when the last byte has left the sender."""
        view = memoryview(octets)
        await trio.lowlevel.checkpoint()
        while view:
            if self._broken or self._refused:
                raise trio.BrokenResourceError
            room = min(self._capacity - self._held, PIECE_BYTES_MAX)
            if room <= 0:
                await self._moved.wait()
                continue
            piece, view = bytes(view[:room]), view[room:]
            now = trio.current_time()
            delay_s = self._delay_s * self._chance.random()
            self._ready_at = max(self._ready_at, now + delay_s)
            self._pieces.append((self._ready_at, piece))
            self._held += len(piece)
            self._notify()

    async def get(self, most: int) -> bytes:
        """Some bytes once there are any; nothing at the end."""
        await trio.lowlevel.checkpoint()
        while True:
            if self._pieces:
                due = max(self._pieces[0][0], self.stalled_until)
                if due <= trio.current_time():
                    return self._take(most)
                with trio.move_on_at(due):
                    await self._moved.wait()
            elif self._broken:
                raise trio.BrokenResourceError
            elif self._ended:
                return b""
            else:
                await self._moved.wait()

    def end(self) -> None:
        """Nothing more will be put."""
        self._ended = True
        self._notify()

    def cut(self, *, arriving: bool) -> None:
        """The link is gone; what is under way still arrives or does not."""
        self._broken = True
        if not arriving:
            self._pieces.clear()
            self._held = 0
        self._notify()

    def refuse(self) -> None:
        """Whoever puts has lost the link; whoever gets has not noticed, and waits."""
        self._refused = True
        self._notify()

    def stall(self, until: float) -> None:
        """Nothing arrives before then."""
        self.stalled_until = max(self.stalled_until, until)

    def unstall(self) -> None:
        """What was held up arrives."""
        self.stalled_until = 0.0
        self._notify()

    def _take(self, most: int) -> bytes:
        ready, piece = self._pieces.popleft()
        size = min(most, len(piece))
        if size > 1 and self._chance.random() < CUT_SMALL:
            size = self._chance.randrange(1, size)
        if size < len(piece):
            self._pieces.appendleft((ready, piece[size:]))
        self._held -= size
        self._notify()
        return piece[:size]

    def _notify(self) -> None:
        moved, self._moved = self._moved, trio.Event()
        moved.set()


class SimulatedStream(trio.abc.HalfCloseableStream):
    """One end of a link; `sending` hears what leaves it, before anybody else does."""

    def __init__(self, incoming: Pipe, outgoing: Pipe) -> None:
        self.sending: Callable[[bytes], None] = lambda _: None
        self.fenced = False
        self.closed = False
        self._incoming = incoming
        self._outgoing = outgoing

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As trio's."""
        self._check()
        octets = bytes(data)
        self.sending(octets)
        await self._outgoing.put(octets)

    async def wait_send_all_might_not_block(self) -> None:
        """As trio's."""
        await trio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        """As trio's."""
        self._check()
        self._outgoing.end()
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As trio's."""
        self._check()
        chunk = await self._incoming.get(max_bytes or PIECE_BYTES_MAX)
        if self.fenced:
            raise trio.BrokenResourceError
        if self.closed:
            raise trio.ClosedResourceError
        return chunk

    async def aclose(self) -> None:
        """As trio's."""
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """At once: the peer sees the end of what was sent, and its own sending fails."""
        if not self.closed:
            self.closed = True
            self._outgoing.end()
            self._incoming.cut(arriving=False)

    def _check(self) -> None:
        if self.fenced:
            raise trio.BrokenResourceError
        if self.closed:
            raise trio.ClosedResourceError


class SimulatedLink:
    """Two ends and what lies between."""

    def __init__(self, chance: Random, number: int, peer: str) -> None:
        capacity = chance.choice((64, 4_096, 65_536, 1 << 20))
        delay_s = chance.choice((0.0, 0.001, 0.05, 2.0))
        self.number = number
        self.peer = peer
        self._up = Pipe(chance, capacity, delay_s)
        self._down = Pipe(chance, capacity, delay_s)
        self.client = SimulatedStream(self._down, self._up)
        self.server = SimulatedStream(self._up, self._down)

    def overhear(self, hear: "Callable[[bytes], None]") -> None:
        """`hear` is told of every answer as it leaves the server."""
        self.server.sending = hear

    @property
    def over(self) -> bool:
        """Both ends have closed it."""
        return self.client.closed and self.server.closed

    def stall(self, until: float, *, up: bool, down: bool) -> None:
        """Nothing arrives on one side or on both."""
        for pipe, stalled in ((self._up, up), (self._down, down)):
            if stalled:
                pipe.stall(until)

    def unstall(self) -> None:
        """What was held up arrives."""
        for pipe in (self._up, self._down):
            pipe.unstall()

    def cut(self, *, arriving: bool) -> None:
        """Both ends notice at once."""
        self._up.cut(arriving=arriving)
        self._down.cut(arriving=arriving)

    def forget_client(self) -> None:
        """The client is cut off and comes back; the server's end stays, and hears nothing."""
        self._down.cut(arriving=False)
        self._up.refuse()
        self.client.fenced = True

    def lose_server(self, *, arriving: bool) -> None:
        """The server's process is gone: whatever of it still runs reaches nobody."""
        self.server.fenced = True
        self.cut(arriving=arriving)


CUT_SMALL = 0.3
