"""Simulated datagrams: lost, doubled, late and out of order, in both directions.

Rule 1: a datagram arrives whole or not at all, and nobody hears of it when it does not.
Rule 2: a process that is gone receives and sends nothing any more.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random

import trio

from meteringest.intake.listening import Peer
from meteringest.intake.udp import Address, Arrival

Letter = tuple[bytes, tuple[str, int]]
"""A datagram, and who sent it or is sent it."""


class Post:
    """The way of datagrams in one direction; `perils` is for how many of them something happens."""

    def __init__(self, chance: Random, perils: Callable[[], float]) -> None:
        self._chance = chance
        self._perils = perils
        self._under_way: list[tuple[float, int, Letter]] = []
        self._count = 0
        self._moved = trio.Event()

    @property
    def empty(self) -> bool:
        """Nothing is under way."""
        return not self._under_way

    def put(self, letter: Letter) -> None:
        """It leaves."""
        fate = self._chance.random() / max(self._perils(), 1e-9)
        for _ in range(0 if fate < LOST else 2 if fate < DOUBLED else 1):
            late_s = LATE_S * self._chance.random() if fate < 1 else 0.0
            self._count += 1
            heappush(self._under_way, (trio.current_time() + late_s, self._count, letter))
        moved, self._moved = self._moved, trio.Event()
        moved.set()

    async def get(self) -> Letter:
        """The next that arrives."""
        await trio.lowlevel.checkpoint()
        while True:
            with trio.move_on_at(self._under_way[0][0] if self._under_way else float("inf")):
                await self._moved.wait()
                continue
            return heappop(self._under_way)[2]


class MailLink:
    """A sender's own address, with what its kind of sender does on a link."""

    def __init__(self, number: int, host: str, send: Callable[[Letter], None], post: Post) -> None:
        self.number = number
        self.address = (host, number)
        self.client = self
        self.answers = post
        self.overheard: Callable[[bytes], None] = lambda _: None
        """Hears every answer as it leaves the server."""
        self._send = send

    def overhear(self, hear: Callable[[bytes], None]) -> None:
        """`hear` is told of every answer as it leaves the server."""
        self.overheard = hear

    async def send_all(self, octets: bytes) -> None:
        """One datagram."""
        await trio.lowlevel.checkpoint()
        self._send((octets, self.address))

    async def receive_some(self) -> bytes:
        """One answer."""
        return (await self.answers.get())[0]

    def close(self) -> None:
        """Nobody is told."""


class SimulatedMailPort:
    """Where datagrams come in."""

    def __init__(self, number: int, post: Post, answer: Callable[[Letter], None]) -> None:
        self.address = ("simulated", number)
        self.post = post
        self.closed = False
        self._answer = answer

    async def receive(self, bytes_max: int) -> Arrival:
        """As a real one."""
        datagram, (host, number) = await self.post.get()
        return Arrival(datagram[:bytes_max], Peer(host, number), (host, number))

    async def send(self, datagram: bytes, address: Address) -> None:
        """As a real one."""
        await trio.lowlevel.checkpoint()
        if not self.closed:
            self._answer((datagram, (address[0], address[1])))

    def close(self) -> None:
        """What comes now is lost."""
        self.closed = True


LOST = 0.4
DOUBLED = 0.6
LATE_S = 30.0
