"""Links against servers that misbehave: everything booked arrives, whatever happens to the link."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import pytest
import trio
from tests.unit.sim_receiver import Receiver
from tests.unit.test_sim_plan import assert_agree

from meteringest.clock import WallClock
from meteringest.errors import LinkError
from meteringest.offload import InlineOffload
from meteringest_sim.dial import Dial
from meteringest_sim.faults import Fault
from meteringest_sim.fleet import FleetSpec
from meteringest_sim.outbox import Ack, Envelope, Hello, Refusal, Welcome
from meteringest_sim.pace import Fast
from meteringest_sim.report import Report, read_report, write_report
from meteringest_sim.run import Means, Orders, Route, simulate

NOW = datetime(2026, 11, 20, 12, 0, 0)  # noqa: DTZ001 (the receiver's clocks have no zone)
NOW_S = int(NOW.replace(tzinfo=UTC).timestamp())
SPEC = FleetSpec(seed=11, meters=60, dcus=2)


def orders(**changes: object) -> Orders:
    first = SPEC.build().slot_at(NOW_S) - 8
    values = {"spec": SPEC, "first_slot": first, "slots": 8, "per_push": 2, "patience_s": 5.0}
    return Orders(**{**values, **changes})  # type: ignore[arg-type]


def receiver() -> Receiver:
    return Receiver(SPEC.build().registry_csv(), NOW, timedelta(minutes=30))


async def sent(work: Orders, port: int, *, uplink: bool) -> tuple[Report, int]:
    heard = 0

    def hear(reads: int) -> None:
        nonlocal heard
        heard += reads

    means = Means(offload=InlineOffload(), clock=WallClock(), pace=Fast(), heard=hear)
    routes = [Route(Dial(host="127.0.0.1", port=port, dcu=dcu), uplink) for dcu in (1, 2)]
    with trio.fail_after(30):
        return await simulate(work, routes, work.spec.build(), means), heard


@asynccontextmanager
async def serving(talk: Callable[[trio.SocketStream], object]) -> AsyncIterator[int]:
    """A port of this machine where every connection gets `talk`."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, talk, 0, host="127.0.0.1"))
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


class PlainServer:
    """Takes a stream to its end, or to the first bytes that are no wrapper."""

    def __init__(self, seen: Receiver) -> None:
        self.seen = seen
        self.connections = 0

    async def talk(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        octets = bytearray()
        async with stream:
            while chunk := await stream.receive_some():
                octets += chunk
                if broken(octets):
                    break
            self.seen.feed(bytes(octets))


def broken(octets: bytearray) -> bool:
    at = 0
    while at + 8 <= len(octets):
        if octets[at : at + 2] != b"\0\1":
            return True
        at += 8 + int.from_bytes(octets[at + 6 : at + 8], "big")
    return False


async def test_plain_links_deliver_what_is_booked_through_every_fault() -> None:
    server = PlainServer(receiver())
    async with serving(server.talk) as port:
        report, heard = await sent(orders(rates=dict.fromkeys(Fault, 0.05)), port, uplink=False)
    assert report.complete
    assert heard == 60 * 8
    account = report.total
    assert account.faults["cut"]
    assert account.faults["break"]
    assert_agree(account, server.seen)
    reconnected = account.faults["cut"] + account.faults["break"]
    assert sum(each.connections for each in report.dcus) == server.connections
    assert 2 <= server.connections <= 2 + reconnected


async def test_a_server_that_leaves_makes_the_run_incomplete() -> None:
    async def talk(stream: trio.SocketStream) -> None:
        await stream.receive_some(1)
        await trio.aclose_forcefully(stream)

    big = orders(spec=msgspec.structs.replace(SPEC, meters=5_000))
    async with serving(talk) as port:
        report, _ = await sent(big, port, uplink=False)
    assert not report.complete
    assert len(report.problems) == 2
    assert "the server closed the link" in report.problems[0]
    assert f"dcu 1 to 127.0.0.1:{port}" in report.problems[0]


async def test_nobody_at_the_port_is_told_as_such() -> None:
    async with serving(PlainServer(receiver()).talk) as port:
        pass
    report, _ = await sent(orders(patience_s=0.1), port, uplink=True)
    assert len(report.problems) == 2
    assert "Connection refused" in report.problems[0]


class UplinkServer:
    """docs/uplink.md, with a link that is lost every `lose_after` envelopes and a lazy ack."""

    def __init__(self, seen: Receiver, *, window: int = 4, lose_after: int = 10**9) -> None:
        self.seen = seen
        self.window = window
        self.lose_after = lose_after
        self.taken: dict[int, int] = {}
        self.hellos: list[Hello] = []
        self.ahead = 0

    async def talk(self, stream: trio.SocketStream) -> None:
        async with stream:
            try:
                await self._talk(Messages(stream))
            except (trio.BrokenResourceError, EOFError):
                return

    async def _talk(self, messages: "Messages") -> None:
        hello = msgspec.msgpack.decode(await messages.next(), type=Hello)
        self.hellos.append(hello)
        acked = self.taken.setdefault(hello.dcu, 0)
        assert hello.resume is None or hello.resume <= acked
        await messages.say(Welcome(acked, self.window))
        for count in range(self.lose_after):
            envelope = msgspec.msgpack.decode(await messages.next(self.seen), type=Envelope)
            assert envelope.sequence == self.taken[hello.dcu] + 1
            self.taken[hello.dcu] = envelope.sequence
            self.seen.feed(envelope.frame)
            self.ahead = max(self.ahead, envelope.sequence - acked)
            if count % 3 == 2 or not messages.waiting:
                acked = envelope.sequence
                await messages.say(Ack(acked))


class Messages:
    """Length-prefixed messages, one at a time."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._held = bytearray()

    @property
    def waiting(self) -> bool:
        return bool(self._held)

    async def next(self, torn: Receiver | None = None) -> bytes:
        while True:
            length = int.from_bytes(self._held[:4], "big")
            if len(self._held) >= 4 and len(self._held) >= 4 + length:
                message = bytes(self._held[4 : 4 + length])
                del self._held[: 4 + length]
                return message
            chunk = await self._stream.receive_some()
            if not chunk:
                if self._held and torn is not None:
                    torn.feed(b"\0\1\0\0\0\0\xff\xff")  # half an envelope is one torn run
                raise EOFError
            self._held += chunk

    async def say(self, message: Welcome | Ack | Refusal) -> None:
        body = msgspec.msgpack.encode(message)
        await self._stream.send_all(len(body).to_bytes(4, "big") + body)


async def test_uplinks_deliver_what_is_booked_and_respect_the_window() -> None:
    server = UplinkServer(receiver(), window=2)
    async with serving(server.talk) as port:
        report, _ = await sent(orders(rates=dict.fromkeys(Fault, 0.05)), port, uplink=True)
    assert report.complete
    assert report.total.faults["cut"]
    assert "break" not in report.total.faults
    assert_agree(report.total, server.seen)
    assert sum(each.acked for each in report.dcus) == sum(server.taken.values())
    assert server.ahead <= 2


async def test_an_uplink_that_is_lost_over_and_over_resumes_where_it_was() -> None:
    server = UplinkServer(receiver(), window=8, lose_after=7)
    async with serving(server.talk) as port:
        report, _ = await sent(orders(per_push=1), port, uplink=True)
    assert report.complete
    assert len(server.hellos) > 2
    assert server.hellos[-1].resume is not None
    assert len(server.seen.stored) == report.total.distinct == 60 * 8
    assert server.seen.rejected == {}


async def test_an_uplink_that_is_refused_for_good_says_why() -> None:
    async def talk(stream: trio.SocketStream) -> None:
        async with stream:
            await Messages(stream).next()
            await Messages(stream).say(Refusal("unknown_dcu", "no such concentrator"))

    async with serving(talk) as port:
        report, _ = await sent(orders(), port, uplink=True)
    assert "refused: unknown_dcu: no such concentrator" in report.problems[0]


async def test_a_report_is_the_same_after_its_file(tmp_path: trio.Path) -> None:
    server = PlainServer(receiver())
    async with serving(server.talk) as port:
        report, _ = await sent(orders(rates={Fault.CHANGED: 0.2}), port, uplink=False)
    path = tmp_path / "deep" / "report.json"
    write_report(report, path)  # type: ignore[arg-type]
    assert read_report(path) == report  # type: ignore[arg-type]
    assert report.changes


@pytest.mark.parametrize("message", [b"\xff\xff\xff\xff", b"\0\0\0\1\xc1", b"\0\0\0\1\x01"])
async def test_a_server_that_speaks_otherwise_is_named(message: bytes) -> None:
    async def talk(stream: trio.SocketStream) -> None:
        async with stream:
            await Messages(stream).next()
            await stream.send_all(message)

    async with serving(talk) as port:
        report, _ = await sent(orders(patience_s=0.1), port, uplink=True)
    assert not report.complete
    assert "uplink: the server" in report.problems[0]
    assert issubclass(LinkError, Exception)
