"""A whole intake server of stand-ins on real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
import trio
from tests.wire.line import Bench, FakeDecoder, FakeJournal, FakeLink, OneDcu

from meteringest.events import Event
from meteringest.intake.ports import Decoder, LinkMaker
from meteringest.intake.server import Bound, IntakeServer
from meteringest.intake.settings import IntakeSettings, ListenerSettings

PATIENCE_S = 10.0


class Serving:
    """A running server and its parts."""

    def __init__(self, bench: Bench, server: IntakeServer, ports: list[Bound]) -> None:
        self.bench = bench
        self.server = server
        self.ports = ports
        self.stop = trio.Event()
        self.ended = trio.Event()
        self.peers: list[trio.SocketStream] = []
        self.letters: list[trio.socket.SocketType] = []

    async def connect(self, index: int = 0) -> trio.SocketStream:
        """A peer; it is closed at the end if the test has not."""
        bound = self.ports[index]
        peer = await trio.open_tcp_stream(bound.host, bound.port)
        self.peers.append(peer)
        return peer

    async def mail(self, index: int = 0, host: str = "127.0.0.1") -> trio.socket.SocketType:
        """A socket that writes to a UDP listener; it is closed at the end if the test has not."""
        peer = trio.socket.socket(type=trio.socket.SOCK_DGRAM)
        await peer.bind((host, 0))
        await peer.connect((self.ports[index].host, self.ports[index].port))
        self.letters.append(peer)
        return peer

    async def refuses(self) -> None:
        """Waits until nobody listens any more."""
        with suppress(OSError):
            while True:
                await self.connect()

    async def seen(self, kind: type[Event], times: int = 1) -> None:
        """Waits until so many events of this kind were emitted."""
        await until(lambda: len(self.bench.observer.of(kind)) >= times)


async def until(happened: Callable[[], bool]) -> None:
    """Real sockets have no event for `the server has seen it`; a deadline bounds the asking."""
    with trio.fail_after(PATIENCE_S):
        while not happened():  # noqa: ASYNC110 (the other side of a real socket)
            await trio.sleep(0.001)


def one(**listener: object) -> IntakeSettings:
    """One listener on a free port."""
    return settings_of({"port": 0, **listener})


def settings_of(*listeners: dict[str, object], **intake: object) -> IntakeSettings:
    def secret(wanted: type, text: str) -> object:
        return wanted(text)

    return msgspec.convert({"listeners": listeners, **intake}, IntakeSettings, dec_hook=secret)


@asynccontextmanager
async def serving(
    settings: IntakeSettings | None = None,
    *,
    last_acked: dict[int, int] | None = None,
    syncs_itself: bool = True,
    journal: FakeJournal | None = None,
    decoder: Decoder | None = None,
    make_link: LinkMaker = FakeLink,
) -> AsyncIterator[Serving]:
    """Serves for the length of the block; whoever stops it itself is waited for."""
    settings = settings or IntakeSettings(listeners=(ListenerSettings(port=0),))
    bench = Bench(
        settings,
        journal=journal or FakeJournal(syncs_itself=syncs_itself),
        decoder=decoder or FakeDecoder(),
    )
    server = IntakeServer(
        settings,
        bench.line,
        make_link,
        dcus=OneDcu(),
        last_acked={} if last_acked is None else last_acked,
    )
    with trio.fail_after(PATIENCE_S * 3):
        async with trio.open_nursery() as nursery:
            running = Serving(bench, server, [])

            async def run(*, task_status: trio.TaskStatus[list[Bound]]) -> None:
                await server.run(running.stop, task_status=task_status)
                running.ended.set()

            running.ports = await nursery.start(run)
            try:
                yield running
            finally:
                for peer in running.peers:
                    peer.socket.close()
                for letter in running.letters:
                    letter.close()
                running.stop.set()


async def received(stream: trio.abc.ReceiveStream, length: int) -> bytes:
    """Exactly `length` bytes, or what came before the end."""
    got = b""
    with trio.fail_after(PATIENCE_S):
        while len(got) < length and (chunk := await stream.receive_some(length - len(got))):
            got += chunk
    return got


async def ends(stream: trio.abc.ReceiveStream) -> bytes:
    """Everything until the peer closes or resets."""
    got = b""
    with trio.fail_after(PATIENCE_S):
        try:
            while chunk := await stream.receive_some(65_536):
                got += chunk
        except trio.BrokenResourceError:
            pass
    return got
