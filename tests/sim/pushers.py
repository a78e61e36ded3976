"""Meters that push by themselves: confirmed pushes, sent again until their confirm has come.

Rule 1: of one meter one frame is under way at a time, as a meter sends; over meters as many as
the window lets out.
Rule 2: a frame that nobody confirms is sent again over a new link, the very same bytes.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import trio
from tests.sim.fleets import (
    DAYS_BACK,
    SLOTS_A_DAY,
    ReadKey,
    Sizes,
    Values,
    truth,
)
from tests.sim.links import SimulatedLink, SimulatedStream
from tests.sim.mail import MailLink
from tests.sim.world import BEGAN_S, World

from meteringest.errors import LinkError
from meteringest.native import Fleet
from meteringest_sim.links import CONFIRM, GATEWAY, GATEWAY_BYTES, HEADER_BYTES

INVOKE_ID = 0x00FF_FFFF


@dataclass(frozen=True)
class Push:
    """One frame and what is in it; a forged one is neither confirmed nor waited for."""

    meter: int
    counter: int
    octets: bytes
    reads: dict[ReadKey, Values]
    forged: bool = False


class ConfirmReader:
    """The invoke ids of the confirms in a stream of wrapper frames."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, chunk: bytes) -> list[int]:
        """Those that `chunk` completes."""
        self._held += chunk
        found: list[int] = []
        at = 0
        while len(self._held) - at >= HEADER_BYTES:
            end = at + HEADER_BYTES + int.from_bytes(self._held[at + 6 : at + HEADER_BYTES], "big")
            if end > len(self._held):
                break
            apdu = bytes(self._held[at + HEADER_BYTES : end])
            if apdu[:1] == GATEWAY:
                apdu = apdu[GATEWAY_BYTES + apdu[GATEWAY_BYTES - 1] :]
            if apdu[:1] == CONFIRM:
                found.append(int.from_bytes(apdu[1:5], "big") & INVOKE_ID)
            at = end
        del self._held[:at]
        return found


@dataclass
class Way:
    """What is under way on one link, for whoever watches its other end."""

    link: SimulatedLink | MailLink
    sent: dict[int, Push] = field(default_factory=dict)
    """By meter, in the order of sending: what the sender has heard nothing of."""
    unanswered: list[Push] = field(default_factory=list)
    """What the server has not answered, in the same order."""

    def send(self, push: Push) -> None:
        """`push` leaves."""
        self.sent[push.meter] = push
        self.unanswered.append(push)

    def answered(self, invoke_id: int) -> Push | None:
        """The push that the server's next confirm is for: meters' counters are alike."""
        push = _first(self.unanswered, invoke_id)
        if push is not None:
            self.unanswered.remove(push)
        return push

    def confirmed(self, invoke_id: int) -> Push | None:
        """The same, as its sender hears it."""
        return _first(self.sent.values(), invoke_id)


def _first(pushes: Iterable[Push], invoke_id: int) -> Push | None:
    return next((push for push in pushes if push.counter & INVOKE_ID == invoke_id), None)


class Pushers:
    """Some meters on one link, which `connect` opens."""

    def __init__(
        self,
        world: World,
        sizes: Sizes,
        meters: range,
        connect: Callable[[], Awaitable[SimulatedLink | MailLink]],
    ) -> None:
        self.fleet = Fleet(world.seed + 1, len(meters), 1, meters.start, confirmed=True)
        self.confirming: Callable[[dict[ReadKey, Values]], None] = lambda _: None
        """Told of what a confirm promises, before anybody hears it."""
        self.confirmed: dict[ReadKey, list[Values]] = {}
        self.sent: dict[ReadKey, list[Values]] = {}
        self.forged = 0
        self._world = world
        self._connect = connect
        self._meters = meters
        self._sizes = sizes
        self._chance = world.chance(f"pushers {meters.start}")
        self._first_slot = self.fleet.slot_at(BEGAN_S) - DAYS_BACK * SLOTS_A_DAY
        self._waiting: dict[int, deque[Push]] = {}
        self._pushing = True
        self._moved = trio.Event()
        self._pushed: list[bytes] = []

    async def run(self) -> None:
        """Pushes everything; returns when all of it is confirmed."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._push_all)
            while self._pushing or any(self._waiting.values()):
                with suppress(LinkError, trio.BrokenResourceError, trio.ClosedResourceError):
                    await self._serve_link()
                await trio.sleep(self._chance.random())

    async def echo(self) -> None:
        """All frames again, in any order, until the server says by closing that it has them."""
        frames = list(self._pushed)
        self._chance.shuffle(frames)
        while True:
            with suppress(LinkError, trio.BrokenResourceError):
                link = await self._connect()
                for frame in frames:
                    await link.client.send_all(frame)
                if isinstance(link, SimulatedLink):
                    await link.client.send_eof()
                    while await link.client.receive_some():
                        pass
                return
            await trio.sleep(1.0)

    async def _push_all(self) -> None:
        sizes = self._sizes
        for offset in range(0, sizes.slots, sizes.per_push):
            await trio.sleep(sizes.pause_s * self._chance.random())
            slot = self._first_slot + offset
            for meter in self._meters:
                waiting = self._waiting.setdefault(meter, deque())
                waiting.extend(self._pushes(meter, slot))
            self._notify()
        self._pushing = False
        self._notify()

    def _pushes(self, meter: int, slot: int) -> Iterator[Push]:
        count = self._sizes.per_push
        _, _, _, security, _, gateway, _ = self.fleet.meter(meter)
        sealed = security == "encrypt+authenticate" and not gateway
        push = self._push(meter, slot, count)
        fate = self._chance.random() / max(self._sizes.fault_rate, 1e-9) if sealed else 9
        if fate < 1:
            forged = self.fleet.frame(meter, slot, count, wrong_key=True)
            yield Push(meter, 0, forged, {}, forged=True)
            push = self._push(meter, slot, count)
        yield push
        if 1 <= fate < 2:
            yield push
        elif 2 <= fate < 3:
            yield self._push(meter, slot, count)
        elif 3 <= fate < 4:
            yield self._push(meter, slot, 1, added_wh=self._chance.randrange(1, 500))

    def _push(self, meter: int, slot: int, count: int, added_wh: int = 0) -> Push:
        octets = self.fleet.frame(meter, slot, count, added_wh=added_wh)
        reads = {
            (meter, self.fleet.start_s(each)): truth(self.fleet, meter, each, added_wh)
            for each in range(slot, slot + count)
        }
        for key, values in reads.items():
            self.sent.setdefault(key, []).append(values)
        self._pushed.append(octets)
        return Push(meter, self._counter(meter, octets), octets, reads)

    def _counter(self, meter: int, octets: bytes) -> int:
        """The long invoke id is the frame's counter; of a sealed frame it stands outside, too."""
        _, _, _, security, _, gateway, _ = self.fleet.meter(meter)
        apdu = octets[HEADER_BYTES:]
        if gateway:
            apdu = apdu[GATEWAY_BYTES + apdu[GATEWAY_BYTES - 1] :]
        if security == "none":
            return int.from_bytes(apdu[1:5], "big") & INVOKE_ID
        body = apdu[2 + apdu[1] :]
        lengths = 1 if body[0] < LONG_FORM else 1 + (body[0] & 0x7F)
        return int.from_bytes(body[lengths + 1 : lengths + 5], "big")

    async def _serve_link(self) -> None:
        link = await self._connect()
        way = Way(link)
        link.overhear(self._overhearing(way))
        stream = link.client
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hear, stream, way, nursery.cancel_scope)
                await self._send(stream, way)
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            stream.close()

    def _overhearing(self, way: Way) -> Callable[[bytes], None]:
        reader = ConfirmReader()

        def hear(octets: bytes) -> None:
            for invoke_id in reader.feed(octets):
                self._world.step(f"confirmed {invoke_id}")
                push = way.answered(invoke_id)
                if push is not None:
                    self.confirming(push.reads)

        return hear

    async def _send(self, stream: SimulatedStream | MailLink, way: Way) -> None:
        while self._pushing or any(self._waiting.values()):
            push = self._next(way)
            if push is None:
                if not await self._until_moved(way):
                    return
                continue
            if not push.forged:
                way.send(push)
            await stream.send_all(push.octets)
            if push.forged:
                self.forged += 1
                self._waiting[push.meter].popleft()

    async def _until_moved(self, way: Way) -> bool:
        """False when nobody has confirmed for so long that the link is given up."""
        moved = self._moved = trio.Event()
        with trio.move_on_after(CONFIRM_TIMEOUT_S):
            await moved.wait()
        return moved.is_set() or not way.sent

    def _next(self, way: Way) -> Push | None:
        ready = [
            waiting[0]
            for meter, waiting in self._waiting.items()
            if waiting and meter not in way.sent
        ]
        if not ready or len(way.sent) >= WINDOW:
            return None
        return self._chance.choice(ready)

    async def _hear(
        self, stream: SimulatedStream | MailLink, way: Way, over: trio.CancelScope
    ) -> None:
        reader = ConfirmReader()
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while chunk := await stream.receive_some():
                for invoke_id in reader.feed(chunk):
                    push = way.confirmed(invoke_id)
                    if push is not None:
                        self._confirm(push, way)
        over.cancel()

    def _confirm(self, push: Push, way: Way) -> None:
        del way.sent[push.meter]
        self._waiting[push.meter].popleft()
        for key, values in push.reads.items():
            versions = self.confirmed.setdefault(key, [])
            if not versions or versions[-1] != values:
                versions.append(values)
        self._notify()

    def _notify(self) -> None:
        self._moved.set()


LONG_FORM = 0x80
WINDOW = 3
CONFIRM_TIMEOUT_S = 60.0
