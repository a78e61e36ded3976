"""A concentrator that can wait: the reference client of docs/uplink.md, over trio.

Rule 1: what to send and what to forget is the outbox's decision; this file carries it out.
Rule 2: a lost link is no error until nobody has answered for `patience_s`: what is pending goes
out again, in order, and the server skips what it has.
"""

from collections.abc import Iterator

import trio

from meteringest.clock import WallClock
from meteringest.errors import LinkError
from meteringest_sim.dial import Dial
from meteringest_sim.outbox import FINAL, Ack, Message, MessageReader, Outbox, Refusal, Welcome
from meteringest_sim.plan import Break, Cut, Octets, Send, Step

ENVELOPE_FRAMES_BYTES = 60_000
"""A server takes 65 543 bytes of frames by default, and some more for the envelope."""
CHUNK_BYTES = 65_536
HEADER_BYTES = 8
RETRY_S = 0.2


class UplinkRefusedError(LinkError):
    """The server will not change its mind: coming back does not help."""


class AckedLink:
    """Sends until the window is full, hears acks meanwhile, resumes after every loss."""

    def __init__(
        self, dial: Dial, nursery: trio.Nursery, clock: WallClock, *, patience_s: float
    ) -> None:
        """`nursery` outlives the link; what the server answers is heard in it."""
        self.confirms = 0
        self.connections = 0
        self.outbox = Outbox()
        self._dial = dial
        self._nursery = nursery
        self._clock = clock
        self._patience_s = patience_s
        self._stream: trio.abc.Stream | None = None
        self._refused: UplinkRefusedError | None = None
        self._moved = trio.Event()

    @property
    def acked(self) -> int:
        """Envelopes that the server has said are safe."""
        return self.outbox.acked

    async def run(self, step: Step) -> None:
        """Does one step; returns when its envelopes have left, not when they are acked."""
        match step:
            case Send(octets):
                for frames in envelopes(octets):
                    await self._until_room()
                    self._put(frames)
                    await self._flush()
            case Cut(octets):
                await self._until_acked()
                self._put(octets)
                await self._lose_midway()
                await self._flush()
            case Break():
                raise LinkError(str(self._dial), "nothing inside an envelope can break an uplink")

    async def finish(self) -> None:
        """Waits until everything is acked, then leaves."""
        await self._until_acked()
        await self._drop(self._stream)

    def _put(self, frames: Octets) -> None:
        self.outbox.put(bytes(frames), received_at_ms=self._clock.now_ms())

    async def _until_room(self) -> None:
        await self._ready()
        while not self.outbox.room:
            await self._moved.wait()
            await self._flush()

    async def _until_acked(self) -> None:
        await self._flush()
        while self.outbox.pending:
            await self._moved.wait()
            await self._flush()

    async def _flush(self) -> None:
        """Everything the window lets out is out, over a new link if need be."""
        while True:
            stream = await self._ready()
            leaving = self.outbox.take()
            if not leaving:
                return
            try:
                await stream.send_all(leaving)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                await self._drop(stream)
            else:
                return

    async def _lose_midway(self) -> None:
        """The link goes when half of the one pending envelope is out."""
        stream = await self._ready()
        leaving = self.outbox.take()
        try:
            await stream.send_all(leaving[: len(leaving) // 2])
            if isinstance(stream, trio.abc.HalfCloseableStream):
                await stream.send_eof()
                while self._stream is stream:
                    await self._moved.wait()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # lost a moment earlier than meant
        await self._drop(stream)

    async def _ready(self) -> trio.abc.Stream:
        """The link, greeted; opens it, and opens it again, while patience lasts."""
        if self._stream is not None:
            return self._stream
        deadline = trio.current_time() + self._patience_s
        while True:
            if self._refused is not None:
                raise self._refused
            try:
                return await self._connect()
            except UplinkRefusedError:
                raise
            except LinkError:
                if trio.current_time() > deadline:
                    raise
            await trio.sleep(RETRY_S)

    async def _connect(self) -> trio.abc.Stream:
        stream = await self._dial.connect()
        reader = MessageReader()
        try:
            await stream.send_all(self.outbox.hello(self._dial.dcu))
            self._greeted(await self._first(stream, reader))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise LinkError(str(self._dial), f"lost before the welcome: {error}") from None
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        self._stream = stream
        self.connections += 1
        self._nursery.start_soon(self._hear, stream, reader)
        return stream

    async def _first(self, stream: trio.abc.Stream, reader: MessageReader) -> list[Message]:
        while chunk := await stream.receive_some(CHUNK_BYTES):
            if messages := reader.feed(bytes(chunk)):
                return messages
        raise LinkError(str(self._dial), "the server left before its welcome")

    def _greeted(self, messages: list[Message]) -> None:
        match messages:
            case [Welcome() as welcome, *acks]:
                self.outbox.welcome(welcome)
                for ack in acks:
                    self._heard(ack)
            case [Refusal(reason, detail), *_]:
                kind = UplinkRefusedError if reason in FINAL else LinkError
                raise kind(str(self._dial), f"refused: {reason}: {detail}")
            case _:
                raise LinkError(str(self._dial), "the server's first message is no welcome")

    def _heard(self, message: Message) -> None:
        match message:
            case Ack(acked):
                self.outbox.covers(acked)
            case Refusal(reason, detail) if reason in FINAL:
                self._refused = UplinkRefusedError(str(self._dial), f"refused: {reason}: {detail}")
            case _:
                pass  # another refusal: the link ends, and we come back

    async def _hear(self, stream: trio.abc.Stream, reader: MessageReader) -> None:
        try:
            while chunk := await stream.receive_some(CHUNK_BYTES):
                for message in reader.feed(bytes(chunk)):
                    self._heard(message)
                self._notify()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # what is pending goes out again over the next link
        finally:
            if self._stream is stream:
                self._stream = None
            self._notify()
            await trio.aclose_forcefully(stream)

    async def _drop(self, stream: trio.abc.Stream | None) -> None:
        if self._stream is stream:
            self._stream = None
        if stream is not None:
            await trio.aclose_forcefully(stream)

    def _notify(self) -> None:
        self._moved.set()
        self._moved = trio.Event()


def envelopes(octets: Octets) -> Iterator[Octets]:
    """Runs of whole wrapper frames, as long as an envelope may hold."""
    start = at = 0
    while at < len(octets):
        end = at + HEADER_BYTES + int.from_bytes(octets[at + 6 : at + HEADER_BYTES], "big")
        if end - start > ENVELOPE_FRAMES_BYTES and at > start:
            yield octets[start:at]
            start = at
        at = end
    if start < len(octets):
        yield octets[start:]
