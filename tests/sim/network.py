"""The simulated network: ports that a process opens, and everybody who connects to them.

Rule 1: it survives processes; a process that is gone has no ports and none of its links.
"""

from collections.abc import Callable
from dataclasses import dataclass

import trio
from tests.sim.links import SimulatedLink, SimulatedStream
from tests.sim.mail import Letter, MailLink, Post, SimulatedMailPort
from tests.sim.world import World

from meteringest.errors import LinkError
from meteringest.intake.listening import Arrival, Peer
from meteringest.intake.settings import ListenerSettings


class SimulatedPort:
    """Where links wait to be accepted."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.address = ("simulated", number)
        self.closed = False
        self._waiting: list[tuple[SimulatedLink, Peer]] = []
        self._moved = trio.Event()

    def offer(self, link: SimulatedLink, peer: Peer) -> None:
        """Somebody connects."""
        self._waiting.append((link, peer))
        self._moved.set()

    async def accept(self) -> Arrival:
        """The next one."""
        await trio.lowlevel.checkpoint()
        while not self._waiting:
            self._moved = trio.Event()
            await self._moved.wait()
        link, peer = self._waiting.pop(0)
        return Arrival(link.server, peer, link.server.close)

    def close(self) -> None:
        """Who waits is sent away."""
        self.closed = True
        for link, _ in self._waiting:
            link.cut(arriving=False)
        self._waiting.clear()


class Network:
    """All ports and links of a run."""

    def __init__(self, world: World) -> None:
        self.links: list[SimulatedLink] = []
        self.perils = world.chance("mail perils").choice((0.0, 0.1, 0.5))
        """For how many datagrams something happens."""
        self._mail: SimulatedMailPort | None = None
        self._addresses: dict[int, MailLink] = {}
        self._world = world
        self._chance = world.chance("network")
        self._ports: dict[str, SimulatedPort] = {}
        self._opened = 0
        self._posts = 0

    async def open_port(self, settings: ListenerSettings, _path: str) -> list[SimulatedPort]:
        """For a new process."""
        await trio.lowlevel.checkpoint()
        port = SimulatedPort(settings.name, settings.port)
        self._ports[settings.name] = port
        return [port]

    async def open_mail_port(
        self, settings: ListenerSettings, _path: str
    ) -> list[SimulatedMailPort]:
        """For a new process."""
        await trio.lowlevel.checkpoint()
        self._mail = SimulatedMailPort(settings.port, self._post(), self._answer)
        return [self._mail]

    @property
    def mail_received(self) -> bool:
        """Whether every datagram has come in at a port that is open."""
        return self._mail is not None and not self._mail.closed and self._mail.post.empty

    async def write(self, peer: str) -> MailLink:
        """A new address to send datagrams from; nothing says whether anybody receives."""
        await trio.lowlevel.checkpoint()
        self._opened += 1
        link = MailLink(self._opened, peer, self._send, self._post())
        self._addresses[link.number] = link
        return link

    def _post(self) -> Post:
        self._posts += 1
        return Post(self._world.chance(f"post {self._posts}"), lambda: self.perils)

    def _send(self, letter: Letter) -> None:
        if self._mail is not None and not self._mail.closed:
            self._mail.post.put(letter)

    def _answer(self, letter: Letter) -> None:
        link = self._addresses[letter[1][1]]
        link.overheard(letter[0])
        link.answers.put(letter)

    async def connect(self, listener: str, peer: str) -> SimulatedLink:
        """A new link; raises LinkError when nobody listens."""
        await trio.sleep(0.01 * self._chance.random())
        port = self._ports.get(listener)
        if port is None or port.closed:
            raise LinkError(listener, "nobody listens")
        self._opened += 1
        link = SimulatedLink(self._world.chance(f"link {self._opened}"), self._opened, peer)
        self.links = [each for each in self.links if not each.over]
        self.links.append(link)
        self._world.step(f"connected link={link.number} {listener} {peer}")
        port.offer(link, Peer(peer, 40_000 + self._opened))
        return link

    def lose_server(self) -> None:
        """The process is gone, and with it every port and its end of every link."""
        for port in self._ports.values():
            port.close()
        self._ports.clear()
        if self._mail is not None:
            self._mail.close()
        for link in self.links:
            link.lose_server(arriving=self._chance.random() < HEARD)
        self.links.clear()

    def calm(self) -> None:
        """Nothing is stalled or lost any more."""
        self.perils = 0.0
        for link in self.links:
            link.unstall()


@dataclass(frozen=True, slots=True)
class SimulatedDial:
    """A concentrator's way to the server, for the reference client."""

    network: Network
    dcu: int
    opened: Callable[[SimulatedLink, int], None]

    def __str__(self) -> str:
        """For messages."""
        return f"dcu {self.dcu}"

    async def connect(self) -> SimulatedStream:
        """A stream that is ready to send."""
        link = await self.network.connect("uplink", f"10.0.0.{self.dcu}")
        self.opened(link, self.dcu)
        return link.client


HEARD = 0.5
