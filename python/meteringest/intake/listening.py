"""Ports: opened with errors that say what to do, and links accepted up to their limits."""

import errno
from dataclasses import dataclass

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

    def __str__(self) -> str:
        """As it stands in logs and in the rejects table."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


async def open_port(settings: ListenerSettings, path: str) -> list[trio.SocketListener]:
    """Listens on every address of the host; `path` is where in the settings it stands."""
    try:
        return await trio.open_tcp_listeners(settings.port, host=settings.host, backlog=BACKLOG)
    except OSError as error:
        where = f"listener {settings.name} ({settings.host}:{settings.port})"
        raise LinkError(where, _advice(error, settings, path)) from error


def _advice(error: OSError, settings: ListenerSettings, path: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"port {settings.port} is in use by another process: "
                f"`ss -ltnp sport = :{settings.port}` names it; stop it or set {path}.port"
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

    async def next(self, port: trio.SocketListener) -> tuple[trio.SocketStream, Peer]:
        """The next peer within the limits; whoever gets it calls leave."""
        while True:
            stream = await self._accept(port)
            peer = _peer_of(stream)
            if peer is not None:
                rule = self._admission.admit(peer.host)
                if rule is None:
                    return stream, peer
                self._refuse(peer, rule)
            # No await: closing a socket that nobody waits on takes no time, and a flood of
            # peers over the limit must not cost more than accept and close.
            stream.socket.close()

    def leave(self, peer: Peer) -> None:
        """The link is over."""
        self._admission.leave(peer.host)
        self._left.set()

    async def _accept(self, port: trio.SocketListener) -> trio.SocketStream:
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
