"""The endpoint: listens, lets no more connections in than its limit, hands each its requests.

Rule 1: a limit is met with an answer where there is someone to hear it; past twice the limit a
connection is closed at once, because each one takes a descriptor that the journal may need.
Rule 2: a peer's fault ends its own connection and nothing else.
"""

import trio

from meteringest.errors import LinkError
from meteringest.events import Observer
from meteringest.http.connection import Connection, PeerGone, RequestTooLarge
from meteringest.offload import Offload
from meteringest.store.face.compression import too_large
from meteringest.store.face.exchange import Answerer
from meteringest.store.face.execution import Engine
from meteringest.store.face.policy import Policy, ReadOnly
from meteringest.store.face.refusal import Refusal
from meteringest.store.face.settings import EndpointSettings
from meteringest.store.happenings import EndpointFaulted, EndpointListening, EndpointRefused


class Endpoint:
    """Serves until cancelled; one for the embedded store of this process."""

    def __init__(
        self,
        engine: Engine,
        settings: EndpointSettings,
        *,
        offload: Offload,
        observer: Observer,
        policy: Policy | None = None,
    ) -> None:
        """`offload` should have queries_max threads of its own; only a test passes a `policy`."""
        self._settings = settings
        self._observer = observer
        self._connections = 0
        self._answerer = Answerer(
            engine,
            settings,
            policy=policy or ReadOnly(settings),
            offload=offload,
            refused=self._refused,
        )

    @property
    def connections(self) -> int:
        """How many are open."""
        return self._connections

    async def serve(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Listens; `task_status` gets the port, which is of interest when the setting is 0."""
        host, port = self._settings.host, self._settings.port
        try:
            listeners = await trio.open_tcp_listeners(port, host=host)
        except OSError as error:
            where = f"endpoint {host}:{port}"
            raise LinkError(where, f"cannot listen: {error}") from error
        port = listeners[0].socket.getsockname()[1]
        self._observer.emit(EndpointListening(host=host, port=port))
        task_status.started(port)
        await trio.serve_listeners(self.converse, listeners)

    async def converse(self, stream: trio.abc.Stream) -> None:
        """One connection, request after request, until one of the two has enough."""
        if self._connections >= 2 * self._settings.connections_max:
            self._refused("", _full())
            await trio.aclose_forcefully(stream)
            return
        connection = Connection(
            stream,
            bytes_max=self._settings.request_bytes_max,
            idle_s=self._settings.idle_timeout_s,
            stall_s=self._settings.stall_timeout_s,
        )
        self._connections += 1
        try:
            async with stream:
                while await self._one(connection):
                    pass
        except PeerGone:
            return
        except Exception as error:  # noqa: BLE001 (Rule 2; what it was is told)
            self._observer.emit(EndpointFaulted(fault=repr(error)))
        finally:
            self._connections -= 1

    async def _one(self, connection: Connection) -> bool:
        try:
            request = await connection.request()
        except RequestTooLarge:
            await self._turn_away(connection, too_large(self._settings.request_bytes_max))
            return False
        if request is not None and self._connections > self._settings.connections_max:
            await self._turn_away(connection, _full())
            return False
        return request is not None and await self._answerer.answer(connection, request)

    async def _turn_away(self, connection: Connection, refusal: Refusal) -> None:
        self._refused("", refusal)
        await self._answerer.refuse(connection, refusal, self._answerer.headers(""))

    def _refused(self, user: str, refusal: Refusal) -> None:
        self._observer.emit(EndpointRefused(user=user, code=refusal.code, reason=refusal.words))


def _full() -> Refusal:
    return Refusal(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many connections")
