"""The listener: three places to ask, nothing to change.

Rule 1: no answer depends on a peer's words, and none waits for more than a call of the disk.
Rule 2: a flood of watchers is closed at the door; who was let in is cut off when it stalls.
"""

from typing import Protocol

import msgspec
import trio

from meteringest.errors import LinkError
from meteringest.events import Observer
from meteringest.http.connection import Connection, PeerGone, RequestTooLarge
from meteringest.http.request import Request
from meteringest.observe.prometheus import CONTENT_TYPE
from meteringest.watch.happenings import WatchListening, WatchRefused
from meteringest.watch.readiness import Readiness
from meteringest.watch.settings import WatchSettings

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
PLACES = b"/metrics /healthz /readyz\n"
Answer = tuple[int, str, bytes]


class Watched(Protocol):
    """What is told; app wires it."""

    async def metrics(self) -> str:
        """A scrape."""
        ...

    async def readiness(self) -> Readiness:
        """Whether a read sent now would be taken, and why not."""
        ...


class WatchServer:
    """Answers until cancelled."""

    def __init__(self, watched: Watched, settings: WatchSettings, observer: Observer) -> None:
        """Nothing listens yet."""
        self._watched = watched
        self._settings = settings
        self._observer = observer
        self._connections = 0

    async def serve(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Listens; `task_status` gets the port."""
        host, port = self._settings.host, self._settings.port
        try:
            listeners = await trio.open_tcp_listeners(port, host=host)
        except OSError as error:
            where = f"observe.http {host}:{port}"
            reason = f"cannot listen: {error.strerror or error}; set observe.http.port"
            raise LinkError(where, reason) from error
        port = listeners[0].socket.getsockname()[1]
        self._observer.emit(WatchListening(host=host, port=port))
        task_status.started(port)
        await trio.serve_listeners(self.converse, listeners)

    async def converse(self, stream: trio.abc.Stream) -> None:
        """One connection, request after request."""
        if self._connections >= self._settings.connections_max:
            self._observer.emit(WatchRefused(rule="connections_max"))
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
                while (request := await connection.request()) is not None:
                    await _answer(connection, request, await self._answered(request))
        except PeerGone:
            self._observer.emit(WatchRefused(rule="gone"))
        except RequestTooLarge:
            self._observer.emit(WatchRefused(rule="request_bytes_max"))
        finally:
            self._connections -= 1

    async def _answered(self, request: Request) -> Answer:
        if request.method not in {"GET", "HEAD"}:
            return 405, TEXT, b"ask with GET\n"
        match request.path:
            case "/metrics":
                return 200, CONTENT_TYPE, (await self._watched.metrics()).encode()
            case "/healthz":
                # Who answers has a loop that turns; what it cannot do stands in /readyz.
                return 200, JSON, b'{"alive":true}\n'
            case "/readyz":
                found = await self._watched.readiness()
                return 200 if found.ready else 503, JSON, msgspec.json.encode(found) + b"\n"
            case _:
                return 404, TEXT, PLACES


async def _answer(connection: Connection, request: Request, answer: Answer) -> None:
    status, kind, body = answer
    headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
    await connection.begin(status, headers)
    if request.method != "HEAD":
        await connection.piece(body)
    await connection.end()
