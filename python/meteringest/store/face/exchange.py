"""One request answered: user, question, task, rows; or the reason why not.

Rule 1: an error before the first byte is an HTTP error with ClickHouse's headers.
Rule 2: an answer that breaks off in mid-stream is marked as broken: the exception block the peer's
library looks for, then a cut.
"""

import json
import re
import secrets
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import trio

from meteringest.http.connection import Connection, PeerGone
from meteringest.http.request import Request
from meteringest.offload import Offload
from meteringest.store.face.auth import user_of
from meteringest.store.face.compression import chosen, packer, unpack
from meteringest.store.face.execution import Engine, Running
from meteringest.store.face.policy import Policy, Task
from meteringest.store.face.question import Question, question_of
from meteringest.store.face.refusal import VERSION_MARK, Refusal
from meteringest.store.face.settings import EndpointSettings

Refused = Callable[[str, Refusal], None]


class Answerer:
    """Answers requests of any connection; holds the turns at the engine."""

    def __init__(
        self,
        engine: Engine,
        settings: EndpointSettings,
        *,
        policy: Policy,
        offload: Offload,
        refused: Refused,
    ) -> None:
        """`refused` is told of each no."""
        self._engine = engine
        self._settings = settings
        self._policy = policy
        self._offload = offload
        self._refused = refused
        self._turns = trio.Semaphore(settings.queries_max)

    async def answer(self, connection: Connection, request: Request) -> bool:
        """True when the connection may carry another request."""
        query_id = _UNPRINTABLE.sub("", request.fields.get("query_id", "")) or str(uuid.uuid4())
        headers = self.headers(query_id)
        if request.path == "/ping" or _asks_nothing(request):
            await _short(connection, 200, b"Ok.\n", headers)
            return True
        try:
            task, encoding = self._task(request)
            async with self._counted(), self._running(task) as running:
                with trio.fail_after(self._settings.answer_max_s):
                    await self._send(connection, task, running, encoding, headers)
        except trio.TooSlowError as error:
            raise PeerGone from error
        except Refusal as refusal:
            await self.refuse(connection, refusal, headers)
            return False
        return True

    async def refuse(
        self, connection: Connection, refusal: Refusal, headers: Mapping[str, str]
    ) -> None:
        """The error, and the end of the connection."""
        words = str(refusal)
        if VERSION_MARK not in words:
            words = f"{words} (version {self._engine.version})"
        told = {
            **headers,
            "X-ClickHouse-Exception-Code": str(refusal.code),
            "Content-Type": "text/plain; charset=UTF-8",
            "Connection": "close",
        }
        await _short(connection, refusal.status, f"{words}\n".encode(), told)

    def headers(self, query_id: str) -> dict[str, str]:
        """What every answer carries."""
        return {
            "X-ClickHouse-Server-Display-Name": "meteringest",
            "X-ClickHouse-Timezone": self._engine.timezone,
            "X-ClickHouse-Query-Id": query_id,
        }

    def _task(self, request: Request) -> tuple[Task, str]:
        """What to run, and the encoding of its answer."""
        user = ""
        try:
            _check_place(request)
            user = user_of(request.headers, request.fields, self._settings.users)
            encoding = request.headers.get("content-encoding", "")
            body = unpack(request.body, encoding, self._settings.request_bytes_max)
            question = question_of(request, body)
            return self._policy.allow(question), _encoding(request, question)
        except Refusal as refusal:
            self._refused(user, refusal)
            raise

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        """What has no turn, or what the engine says no to, is counted as what we say no to."""
        try:
            yield
        except Refusal as refusal:
            self._refused("", refusal)
            raise

    @asynccontextmanager
    async def _running(self, task: Task) -> AsyncIterator[Running]:
        """A turn at the engine, and the task on it."""
        try:
            with trio.fail_after(self._settings.queue_wait_s):
                await self._turns.acquire()
        except trio.TooSlowError as error:
            busy = f"all {self._settings.queries_max} turns are taken; ask again"
            raise Refusal(202, "TOO_MANY_SIMULTANEOUS_QUERIES", busy) from error
        try:
            running = await self._offload(self._engine.start, task)
            try:
                yield running
            finally:
                with trio.CancelScope(shield=True):
                    await self._offload(running.close)
        finally:
            self._turns.release()

    async def _send(
        self,
        connection: Connection,
        task: Task,
        running: Running,
        encoding: str,
        headers: dict[str, str],
    ) -> None:
        told = {**headers, "Content-Type": _CONTENT_TYPES.get(task.format, _TEXT)}
        if task.reads:
            told["X-ClickHouse-Format"] = task.format
        if encoding:
            told["Content-Encoding"] = encoding
        if running.streams:
            await self._send_stream(connection, running, encoding, told)
            return
        told["X-ClickHouse-Summary"] = json.dumps(running.summary)
        pack = packer(encoding)
        body = await self._offload(lambda: pack.pack(running.first) + pack.finish())
        await _short(connection, 200, body, told)

    async def _send_stream(
        self, connection: Connection, running: Running, encoding: str, told: dict[str, str]
    ) -> None:
        tag = secrets.token_hex(8)
        await connection.begin(200, {**told, "X-ClickHouse-Exception-Tag": tag})
        pack = packer(encoding)
        piece: bytes | None = running.first
        try:
            while piece:
                await connection.piece(await self._offload(pack.pack, piece))
                piece = await self._offload(running.next_block)
        except Refusal as refusal:
            self._refused("", refusal)
            await connection.piece(pack.pack(_exception_block(tag, str(refusal))) + pack.finish())
            raise PeerGone from refusal
        await connection.piece(pack.finish())
        await connection.end()


async def _short(
    connection: Connection, status: int, body: bytes, headers: Mapping[str, str]
) -> None:
    await connection.begin(status, {**headers, "Content-Length": str(len(body))})
    await connection.piece(body)
    await connection.end()


def _check_place(request: Request) -> None:
    if request.path != "/" or request.method not in {"GET", "POST"}:
        raise Refusal(47, "NOT_FOUND", f"{request.method} {request.path}: ask POST /")


def _asks_nothing(request: Request) -> bool:
    return request.method in {"GET", "HEAD"} and request.path == "/" and not request.fields


def _encoding(request: Request, question: Question) -> str:
    return chosen(request.headers.get("accept-encoding", "")) if question.compressed else ""


def _exception_block(tag: str, words: str) -> bytes:
    length = len(words.encode()) + 1
    return (f"\r\n__exception__\r\n{tag}\r\n{words}\n{length} {tag}\r\n__exception__\r\n").encode()


_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")
_TEXT = "text/tab-separated-values; charset=UTF-8"
_CONTENT_TYPES = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
    "Parquet": "application/octet-stream",
}
