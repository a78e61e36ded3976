"""Ports: opened with errors that say what to do, and links accepted up to their limits."""

import errno
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import trio

from meteringest.errors import LinkError
from meteringest.events import Observer
from meteringest.intake.admission import Admission, Room
from meteringest.intake.happenings import AcceptFailed, LinkRefused
from meteringest.intake.settings import ListenerSettings

BACKLOG = 4_096
ACCEPT_RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a link comes from."""

    host: str
    port: int
    arrival: int = 0
    """Its number among all links that were let in."""

    def __str__(self) -> str:
        """As it stands in logs and in the rejects table."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Arrival(NamedTuple):
    """Somebody at the door; `peer` is None when they had left before we looked."""

    stream: trio.abc.Stream
    peer: Peer | None
    drop: Callable[[], None]
    """Closes at once. No await: a flood over the limit must cost no more than accept and close."""


class Port(Protocol):
    """An open port; a simulation has its own."""

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        ...

    async def accept(self) -> Arrival:
        """The next peer; raises OSError when the machine has no descriptor or memory for it."""
        ...

    def close(self) -> None:
        """Nobody comes in any more."""


OpenPort = Callable[[ListenerSettings, str], Awaitable[Sequence[Port]]]


class TcpPort:
    """A port of this machine."""

    def __init__(self, listener: trio.SocketListener) -> None:
        """Takes over `listener`."""
        self._listener = listener

    @property
    def address(self) -> tuple[str, int]:
        """As the system gave it: a port of 0 has become a real one."""
        host, number = self._listener.socket.getsockname()[:2]
        return host, number

    async def accept(self) -> Arrival:
        """The next connection."""
        stream = await self._listener.accept()
        return Arrival(stream, _peer_of(stream), stream.socket.close)

    def close(self) -> None:
        """Gives the port back."""
        self._listener.socket.close()


async def open_port(settings: ListenerSettings, path: str) -> list[TcpPort]:
    """Listens on every address of the host; `path` is where in the settings it stands."""
    try:
        opened = await trio.open_tcp_listeners(settings.port, host=settings.host, backlog=BACKLOG)
    except OSError as error:
        where = f"listener {settings.name} ({settings.host}:{settings.port})"
        raise LinkError(where, advice(error, settings, path)) from error
    return [TcpPort(listener) for listener in opened]


def advice(error: OSError, settings: ListenerSettings, path: str) -> str:
    """What to do about a port that cannot be opened."""
    match error.errno:
        case errno.EADDRINUSE:
            asked = f"ss -l{settings.transport[0]}np sport = :{settings.port}"
            return (
                f"port {settings.port} is in use by another process: "
                f"`{asked}` names it; stop it or set {path}.port"
            )
        case errno.EACCES:
            return (
                f"this user may not open port {settings.port}: "
                f"set {path}.port above 1023 or grant CAP_NET_BIND_SERVICE"
            )
        case errno.EADDRNOTAVAIL:
            return f"no interface here has the address {settings.host}: set {path}.host"
        case _:
            return f"cannot be opened: {error.strerror or error}; see {path}"


class Door:
    """One listener's accepting: who is over a limit is closed at once and counted."""

    def __init__(self, settings: ListenerSettings, observer: Observer, room: Room) -> None:
        """Nobody is connected yet."""
        self._settings = settings
        self._room = room
        self._admission = Admission(settings, room)
        self._observer = observer
        self._left = trio.Event()

    @property
    def links(self) -> int:
        """How many links are open."""
        return self._admission.links

    async def next(self, port: Port) -> tuple[trio.abc.Stream, Peer]:
        """The next peer within the limits; whoever gets it calls leave."""
        while True:
            stream, peer, drop = await self._accept(port)
            if peer is not None:
                rule = self._admission.admit(peer.host)
                if rule is None:
                    return stream, replace(peer, arrival=self._room.arrivals)
                self._refuse(peer, rule)
            drop()

    def leave(self, peer: Peer) -> None:
        """The link is over."""
        self._admission.leave(peer.host)
        self._left.set()

    async def _accept(self, port: Port) -> Arrival:
        while True:
            try:
                return await port.accept()
            except OSError as error:
                if error.errno not in OUT_OF:
                    raise
                self._observer.emit(
                    AcceptFailed(listener=self._settings.name, reason=str(error.strerror))
                )
                self._left = trio.Event()
                # The machine's own limits are freed by others, too, who do not tell us.
                with trio.move_on_after(ACCEPT_RETRY_S):
                    await self._left.wait()

    def _refuse(self, peer: Peer, rule: str) -> None:
        limit = self._room.links_max if rule == "descriptors" else getattr(self._settings, rule)
        self._observer.emit(
            LinkRefused(
                listener=self._settings.name,
                peer=str(peer),
                rule=rule,
                detail=f"{rule} = {limit} links are open already",
            )
        )


def _peer_of(stream: trio.SocketStream) -> Peer | None:
    """None when the peer has left before we looked."""
    try:
        host, port = stream.socket.getpeername()[:2]
    except OSError:
        return None
    return Peer(str(host).removeprefix("::ffff:"), int(port))


OUT_OF = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
