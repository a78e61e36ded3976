"""UDP sockets: opened with errors that say what to do."""

import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

import trio

from meteringest.errors import LinkError
from meteringest.intake.listening import Peer, advice
from meteringest.intake.settings import ListenerSettings

RECEIVE_BUFFER_BYTES = 4 << 20

Address = tuple[str, int] | tuple[str, int, int, int]


class Arrival(NamedTuple):
    """A datagram and who sent it; `address` is what an answer is sent to."""

    datagram: bytes
    peer: Peer
    address: Address


class MailPort(Protocol):
    """An open UDP port; a simulation has its own."""

    @property
    def address(self) -> tuple[str, int]:
        """Where it receives."""
        ...

    async def receive(self, bytes_max: int) -> Arrival:
        """The next datagram, cut after `bytes_max`."""
        ...

    async def send(self, datagram: bytes, address: Address) -> None:
        """To whoever sent from `address`; raises OSError when there is no way there."""

    def close(self) -> None:
        """Nothing comes in any more."""


OpenMailPort = Callable[[ListenerSettings, str], Awaitable[Sequence[MailPort]]]


class UdpPort:
    """A UDP port of this machine."""

    def __init__(self, opened: trio.socket.SocketType) -> None:
        """Takes over `opened`."""
        self._socket = opened

    @property
    def address(self) -> tuple[str, int]:
        """As the system gave it: a port of 0 has become a real one."""
        host, number = self._socket.getsockname()[:2]
        return host, number

    async def receive(self, bytes_max: int) -> Arrival:
        """The next datagram."""
        datagram, address = await self._socket.recvfrom(bytes_max)
        host, number = address[:2]
        return Arrival(datagram, Peer(str(host).removeprefix("::ffff:"), int(number)), address)

    async def send(self, datagram: bytes, address: Address) -> None:
        """One datagram to `address`."""
        await self._socket.sendto(datagram, address)

    def close(self) -> None:
        """Gives the port back."""
        self._socket.close()


async def open_mail_port(settings: ListenerSettings, path: str) -> list[UdpPort]:
    """Receives on every address of the host; `path` is where in the settings it stands."""
    ports: list[UdpPort] = []
    try:
        for family, kind, protocol, _, address in await trio.socket.getaddrinfo(
            settings.host,
            settings.port,
            type=socket.SOCK_DGRAM,
            flags=socket.AI_PASSIVE,
        ):
            opened = trio.socket.socket(family, kind, protocol)
            ports.append(UdpPort(opened))
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # The system may grant less; nobody can be held back, so a burst waits here.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            await opened.bind(address)
    except OSError as error:
        for port in ports:
            port.close()
        where = f"listener {settings.name} ({settings.host}:{settings.port}/udp)"
        raise LinkError(where, advice(error, settings, path)) from error
    return ports
