"""One stream, one link and one session, driven together: the only code that awaits a peer.

Rule 1: the loop asks the session, does the one thing it wants, and tells it what happened.
Rule 2: a stream that is not read is the back-pressure; nothing here buffers beyond one chunk.
Rule 3: reading may end at any time; the link ends only when what it brought is in the journal.
"""

from dataclasses import dataclass
from typing import Protocol

import trio

from meteringest.intake.gather import Gatherer
from meteringest.intake.ports import Link
from meteringest.intake.session import Session, Verdict
from meteringest.intake.uplink import Reason, Refusal, packed

GOODBYE_TIMEOUT_S = 1.0
DISCARD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a link is no longer read: the counted rule, and the words for its log line."""

    rule: str
    detail: str = ""
    reason: Reason | None = None


LEFT = Ending("left")
IDLE = Ending("idle", "no whole frame within the idle timeout", "idle")
SUPERSEDED = Ending("superseded", "a newer link of this concentrator took over", "superseded")
SHUTTING_DOWN = Ending("shutting_down", "the server stops", "shutting_down")
DEAF = Ending("deaf", "the peer takes no acknowledgements")


class Seat(Protocol):
    """The place of an uplink's concentrator, of which there is only one."""

    def acked(self, sequence: int, /) -> None:
        """Everything up to `sequence` is durable, whether or not the peer still hears it."""

    def leave(self) -> None:
        """What this link brought is stored; the next one may sit down."""


class Connection:
    """Runs until the peer leaves, loses its stream or its patience runs out, or it is told to."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        link: Link,
        session: Session,
        gatherer: Gatherer,
        *,
        send_timeout_s: float,
        seat: Seat | None = None,
    ) -> None:
        """Takes over `stream`; run closes it. Only an uplink has a `seat`."""
        self.link = link
        self.session = session
        self.ending: Ending | None = None
        self.gone = trio.Event()
        self.received_bytes = 0
        self._stream = stream
        self._gatherer = gatherer
        self._send_timeout_s = send_timeout_s
        self._seat = seat
        self._moved = trio.Event()
        self._unsent: list[bytes] = []
        self._sending = False
        self._broken = False
        self._reading = trio.CancelScope()
        self._nursery: trio.Nursery | None = None

    async def run(self) -> Ending:
        """Reads, stores and acknowledges; returns why it is over once nothing is owed."""
        self._gatherer.join(self)
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                try:
                    await self._serve()
                finally:
                    self._nursery = None  # a batch that is durable only now is owed to nobody
                    nursery.cancel_scope.cancel()
        finally:
            self._gatherer.leave(self)
            self.gone.set()
            await trio.aclose_forcefully(self._stream)
        return self.ending or LEFT

    def stop(self, ending: Ending) -> None:
        """Reads no more; what is in is still stored and, where the peer listens, acknowledged."""
        self.ending = self.ending or ending
        self.session.over = True
        self._reading.cancel()
        self.moved()

    def moved(self) -> None:
        """Something changed that reading or settling may wait for."""
        if self.link.closed is not None and self.ending is None:
            self.stop(_bad_stream(self.link.closed))
        self._moved.set()

    def pay(self, position: int) -> None:
        """Everything before `position` is durable: what is due goes out."""
        due = self.session.durable(position)
        if due.acked is not None and self._seat is not None:
            self._seat.acked(due.acked)
        if due.bytes:
            self._send_soon(due.bytes)
        self._moved.set()

    async def _serve(self) -> None:
        await self._read()
        await self._settle()
        if self._seat is not None:
            self._seat.leave()
        await self._say_goodbye()

    async def _read(self) -> None:
        with self._reading:
            while True:
                now = trio.current_time()
                match self.session.verdict(now, line_full=self._gatherer.full):
                    case Verdict.READ:
                        self._reading.deadline = self.session.idle_until()
                        if not await self._receive():
                            return
                    case Verdict.WAIT:
                        await self._until_room()
                    case Verdict.CLOSE:
                        break
        if self.ending is None:
            self.ending = IDLE
            self._finish()

    async def _receive(self) -> bool:
        """One chunk into the link; False when nothing more will come."""
        try:
            chunk = await self._stream.receive_some(self._gatherer.chunk_bytes())
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.ending = self.ending or Ending("lost", str(error.__cause__ or error))
            self._broken = True
            chunk = b""
        if not chunk:
            self._finish()
            return False
        self.received_bytes += len(chunk)
        self._gatherer.fed(self, self.link.feed(bytes(chunk)), trio.current_time())
        if self.link.closed is not None:
            self.ending = self.ending or _bad_stream(self.link.closed)
            return False
        return True

    def _finish(self) -> None:
        """The peer will not complete what it began: half a frame becomes a reject."""
        self.link.finish()
        self._gatherer.fed(self, self.link.waiting, trio.current_time())

    async def _until_room(self) -> None:
        self._reading.deadline = float("inf")
        if self._gatherer.full:
            self._gatherer.hold(self)
        await self._until_moved()
        # Silence while we did not listen is not the peer's.
        self.session.heard(trio.current_time())

    async def _settle(self) -> None:
        """Waits until what the peer brought is durable, and what it is owed for it is said."""
        while not (self.session.stored() if self._is_deaf() else self.session.settled()):
            await self._until_moved()

    def _is_deaf(self) -> bool:
        return self._broken or self.ending is SUPERSEDED

    async def _until_moved(self) -> None:
        self._moved = trio.Event()
        await self._moved.wait()

    def _send_soon(self, due: bytes) -> None:
        if self._broken or self._nursery is None:
            self.session.sent(len(due))
            return
        self._unsent.append(due)
        if not self._sending:
            self._sending = True
            self._nursery.start_soon(self._send)

    async def _send(self) -> None:
        """Sends what is due, and what becomes due meanwhile; then the task is over."""
        while self._unsent:
            due = b"".join(self._unsent)
            self._unsent.clear()
            try:
                with trio.fail_after(self._send_timeout_s):
                    await self._stream.send_all(due)
            except trio.TooSlowError:
                self._give_up(DEAF)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                self._give_up(Ending("lost", str(error.__cause__ or error)))
            self.session.sent(len(due))
            self._sending = bool(self._unsent)
            self.moved()

    def _give_up(self, ending: Ending) -> None:
        """The peer hears nothing any more: what is due to it is dropped, what it brought is not."""
        self._broken = True
        self.session.sent(sum(map(len, self._unsent)))
        self._unsent.clear()
        self.stop(ending)

    async def _say_goodbye(self) -> None:
        """An uplink is told why it ends; a stream that can still be closed properly is."""
        if self._broken:
            return
        with trio.move_on_after(GOODBYE_TIMEOUT_S):
            while self._sending:
                await self._until_moved()
            try:
                if self._seat and self.ending and self.ending.reason:
                    await self._dismiss(Refusal(self.ending.reason, self.ending.detail))
                await self._stream.aclose()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._broken = True

    async def _dismiss(self, refusal: Refusal) -> None:
        """Bytes that nobody read would turn our close into a reset that overtakes `refusal`."""
        await self._stream.send_all(packed(refusal))
        while await self._stream.receive_some(DISCARD_BYTES):
            pass


def _bad_stream(why: str) -> Ending:
    return Ending("bad_stream", why, "bad_stream")
