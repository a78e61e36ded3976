"""Stand-ins for everything behind the sockets, and the wiring of a test.

The stand-in frame is a length byte (1 to 254) and that many bytes. A frame that begins with `?`
wants a reply (one with `?~` leaves no row), one that begins with `#` and a digit is an uplink
envelope of that number, and a length byte of 255 is where the stream is lost. The test says what
is durable.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import trio
import trio.testing

from meteringest.clock import WallClock
from meteringest.errors import JournalFull
from meteringest.events import Event
from meteringest.intake.connection import Connection
from meteringest.intake.gather import Gatherer
from meteringest.intake.ports import Batch, Decoder, Line, Link
from meteringest.intake.session import Session
from meteringest.intake.settings import IntakeSettings
from meteringest.offload import InlineOffload, Offload

Kind = TypeVar("Kind", bound=Event)

DAY_S = 86_400.0

LOST = 255
REPEAT = b"?~"
IDLE_TIMEOUT_S = 900.0
SEND_TIMEOUT_S = 60.0


def virtual_time(test: Callable[[trio.Nursery], Awaitable[None]]) -> Callable[[], None]:
    """Runs `test` in a nursery of its own, on a clock that jumps, with a deadline of one day.

    With the clock jumping, a deadlock fails at once. (pytest-trio takes a clock only from a
    test's own arguments.)
    """

    async def bounded() -> None:
        with trio.fail_after(DAY_S):
            async with trio.open_nursery() as nursery:
                await test(nursery)
                nursery.cancel_scope.cancel()

    def run() -> None:
        trio.run(bounded, clock=trio.testing.MockClock(autojump_threshold=0))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def frame(body: bytes) -> bytes:
    return bytes([len(body)]) + body


def reply(body: bytes) -> bytes:
    return b"!" + body


@dataclass
class FakeLink:
    """Splits the stand-in framing."""

    link_id: int
    framing: str = "wrapper"
    dcu: int = 0
    peer: str = ""
    frame_bytes_max: int = 0
    pending_bytes_max: int = 0
    acked: int | None = None
    held: bytes = b""
    frames: list[bytes] = field(default_factory=list)
    closed: str | None = None

    @property
    def waiting(self) -> int:
        return sum(map(len, self.frames))

    def feed(self, chunk: bytes, /) -> int:
        assert type(chunk) is bytes
        self.held += chunk
        while self.held and self.closed is None:
            length = self.held[0]
            if length == LOST:
                self.closed = "wrapper: bad_value at 0"
                self.frames.append(b"reject")
            if len(self.held) <= length:
                break
            self.frames.append(self.held[1 : 1 + length])
            self.held = self.held[1 + length :]
        return self.waiting

    def feed_datagram(self, chunk: bytes, bytes_max: int, /) -> int:
        if len(chunk) > bytes_max:
            self.frames.append(b"too_long")
            return self.waiting
        self.feed(chunk)
        self.finish()
        return self.waiting

    def finish(self) -> None:
        if self.held:
            self.frames.append(b"truncated")
            self.held = b""


@dataclass
class FakeBatch:
    """What a decoder makes, with its frames still to be seen."""

    rows: int = 0
    counts: dict[str, int | dict[str, int]] = field(default_factory=dict)
    replies: list[tuple[int, bytes]] = field(default_factory=list)
    waits: bool = False
    uplink: list[tuple[int, int]] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)


class FakeDecoder:
    """Every frame is a row; `before` runs first, in whatever thread decodes."""

    def __init__(self) -> None:
        self.before: Callable[[], None] = lambda: None
        self.batch_sizes: list[int] = []

    def decode(self, links: list[Link], _now_ms: int, /) -> FakeBatch:
        self.before()
        batch = FakeBatch()
        for link in links:
            assert isinstance(link, FakeLink)
            frames, link.frames = link.frames, []
            self._decode(link, frames, batch)
        batch.counts = {"frames": len(batch.frames), "rejected": {}}
        batch.rows = sum(not body.startswith(REPEAT) for body in batch.frames)
        self.batch_sizes.append(sum(map(len, batch.frames)))
        return batch

    @staticmethod
    def _decode(link: FakeLink, frames: list[bytes], batch: FakeBatch) -> None:
        batch.frames += frames
        batch.replies += [
            (link.link_id, reply(body[1:])) for body in frames if body.startswith(b"?")
        ]
        sequences = [int(body[1:]) for body in frames if body.startswith(b"#")]
        if sequences:
            batch.uplink.append((link.link_id, max(sequences)))


class FakeJournal:
    """Durable is what the test has synced, or everything when `syncs_itself`."""

    def __init__(self, *, syncs_itself: bool = False) -> None:
        self.syncs_itself = syncs_itself
        self.appended = 0
        self.durable = 0
        self.frames: list[bytes] = []
        self.full = False
        self.tries = 0
        self.broken: Exception | None = None
        self._moved = trio.Event()

    def append(self, batch: Batch, _now_ms: int, /) -> int:
        assert isinstance(batch, FakeBatch)
        self.tries += 1
        if self.full:
            raise JournalFull("/journal", "no room")
        if self.broken is not None:
            raise self.broken
        self.appended += batch.rows
        self.frames += batch.frames
        if self.syncs_itself:
            self.durable = self.appended
        return self.appended

    def sync(self) -> None:
        self.durable = self.appended
        self._moved.set()
        self._moved = trio.Event()

    async def durable_after(self, position: int, /) -> int:
        while self.durable <= position:
            await self._moved.wait()
        return self.durable


class Recorder:
    """An observer that remembers: events are the marks a test looks for."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        event.tally()
        self.events.append(event)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.events if isinstance(event, kind)]


class FixedClock(WallClock):
    """It is always the same moment."""

    def now_ms(self) -> int:
        return 1_795_000_000_000


class OneDcu:
    """A registry that knows one name."""

    def number(self, name: str, /) -> int | None:
        return {"north": 11}.get(name)


@dataclass
class Bench:
    """A line of stand-ins, and the gatherer on it."""

    settings: IntakeSettings = field(default_factory=IntakeSettings)
    decoder: Decoder = field(default_factory=FakeDecoder)
    journal: FakeJournal = field(default_factory=FakeJournal)
    observer: Recorder = field(default_factory=Recorder)
    offload: Offload = field(default_factory=InlineOffload)

    def __post_init__(self) -> None:
        """Joins the parts."""
        self.line = Line(
            decoder=self.decoder,
            journal=self.journal,
            offload=self.offload,
            clock=FixedClock(),
            observer=self.observer,
        )
        self.gatherer = Gatherer(self.line, self.settings)
        self.made = 0

    def start(self, nursery: trio.Nursery) -> None:
        nursery.start_soon(self.gatherer.run)
        nursery.start_soon(self.gatherer.acknowledge)

    def connection(
        self, stream: trio.abc.Stream, *, waiting_bytes_max: int = 1_000, unsent_bytes_max: int = 99
    ) -> Connection:
        self.made += 1
        session = Session(
            self.made,
            trio.current_time(),
            idle_timeout_s=IDLE_TIMEOUT_S,
            waiting_bytes_max=waiting_bytes_max,
            unsent_bytes_max=unsent_bytes_max,
        )
        return Connection(
            stream,
            FakeLink(self.made),
            session,
            self.gatherer,
            send_timeout_s=SEND_TIMEOUT_S,
        )


def started(nursery: trio.Nursery, settings: IntakeSettings | None = None) -> Bench:
    """A line of stand-ins at work."""
    bench = Bench(settings or IntakeSettings())
    bench.start(nursery)
    return bench
