"""The answering end: one small session per command that connects.

Rule 1: only the socket and the order of messages live here; what an answer says is wired by app.
Rule 2: only the owner of the data folder can connect (mode 0600), so peers are trusted, and a
message that cannot be read just ends its connection.
"""

import errno
import os
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Protocol

import msgspec
import trio

from meteringest.control.address import SOCKET_NAME, short_path
from meteringest.control.messages import (
    LENGTH,
    MESSAGE_BYTES_MAX,
    Answered,
    AskCommit,
    AskImport,
    AskList,
    AskQuery,
    AskReconcile,
    AskReload,
    AskReplay,
    AskRetime,
    AskStatus,
    AskVerify,
    Failed,
    More,
    Question,
    Replayed,
    Request,
    Response,
    Retimed,
    Status,
    Verified,
)
from meteringest.control.money import AskMoney
from meteringest.csv_rows import Imported, ImportPart
from meteringest.errors import CommandError, LinkError, MeterIngestError
from meteringest.registry.rows import Listing
from meteringest.store.conservation import Conservation

BACKLOG = 16
Broken = Callable[[str, str], None]


class Answers(Protocol):
    """What the service can be asked; app wires it."""

    async def status(self) -> Status:
        """How it is doing."""
        ...

    async def query(self, sql: str, output: str) -> bytes:
        """The result of one read-only statement as text."""
        ...

    async def import_rows(self, parts: list[ImportPart]) -> Imported:
        """All parts of one import, applied as a whole or not at all."""
        ...

    async def list_rows(self, listing: Listing) -> list[dict[str, object]]:
        """Registry rows without their keys."""
        ...

    async def reload(self) -> str:
        """Reads registry and layouts again; says what was found."""
        ...

    async def reconcile(self, day: date, dcu: str) -> Conservation:
        """Counts a receive day again in the tables."""
        ...

    async def verify_journal(self) -> Verified:
        """Reads the whole journal again."""
        ...

    async def replay_rejects(self, wanted: AskReplay) -> Replayed:
        """Decodes stored rejects again."""
        ...

    async def retime(self, wanted: AskRetime) -> Retimed:
        """Tells stored reads anew."""
        ...

    async def money(self, asked: AskMoney) -> object:
        """Enters orders and rules, shows accounts."""
        ...


async def serve_control(
    data_dir: Path,
    answers: Answers,
    broken: Broken,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answers until cancelled; `data_dir` must be locked by this process already.

    `broken` hears which question was not answered because of an error of ours, and where it was.
    """
    async with _listener(data_dir / SOCKET_NAME) as listener, trio.open_nursery() as nursery:
        task_status.started()
        while True:
            stream = await listener.accept()
            nursery.start_soon(_Session(stream, answers, broken).run)


@asynccontextmanager
async def _listener(path: Path) -> AsyncIterator[trio.SocketListener]:
    """Bound under another name, closed to others, then moved over whatever a killed one left."""
    fresh = path.with_suffix(".new")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        fresh.unlink(missing_ok=True)
        with short_path(fresh) as name:
            sock.bind(name)
        fresh.chmod(0o600)
        sock.listen(BACKLOG)
        fresh.rename(path)
    except OSError as error:
        sock.close()
        name = errno.errorcode.get(error.errno or 0, "")
        raise LinkError(str(path), f"cannot be opened: {error.strerror} {name}") from None
    inode = os.stat(path).st_ino  # noqa: PTH116 -- local, microseconds
    async with trio.SocketListener(trio.socket.from_stdlib_socket(sock)) as listener:
        try:
            yield listener
        finally:
            _remove(path, inode)


def _remove(path: Path, inode: int) -> None:
    """Takes the socket away unless a successor has already put its own there."""
    try:
        if path.stat().st_ino == inode:
            path.unlink()
    except FileNotFoundError:
        return


class _Session:
    """One command's connection."""

    def __init__(self, stream: trio.SocketStream, answers: Answers, broken: Broken) -> None:
        self._stream = stream
        self._answers = answers
        self._broken = broken
        self._parts: list[ImportPart] = []
        self._decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)

    async def run(self) -> None:
        """Requests and their responses in turn until the other side leaves."""
        async with self._stream:
            try:
                while (request := await self._receive()) is not None:
                    await self._send(await self._respond(request))
            except (trio.BrokenResourceError, msgspec.MsgspecError):
                return  # it left in the middle, or speaks something else

    async def _respond(self, request: Request) -> Response:
        try:
            answer = await self._answer(request)
        except MeterIngestError as error:
            return Failed.of(error)
        except Exception as error:  # noqa: BLE001 -- a command that fails is not the end of intake
            question = type(request).__name__
            self._broken(question, "".join(traceback.format_exception(error, limit=-3)))
            return Failed.of(CommandError(question, f"{type(error).__name__}: {error}"))
        if answer is None:
            return More()
        return Answered(msgspec.Raw(msgspec.msgpack.encode(answer)))

    async def _answer(self, request: Request) -> object:
        if isinstance(request, AskMoney):
            return await self._answers.money(request)
        match request:
            case AskImport(part=part):
                self._parts.append(part)
                return None
            case AskCommit():
                parts, self._parts = self._parts, []
                return await self._answers.import_rows(parts)
            case _:
                return await self._asked(request)

    async def _asked(self, question: Question) -> object:
        answer: object
        match question:
            case AskStatus():
                answer = await self._answers.status()
            case AskQuery(sql=sql, output=output):
                answer = await self._answers.query(sql, output)
            case AskList(listing=listing):
                answer = await self._answers.list_rows(listing)
            case AskReload():
                answer = await self._answers.reload()
            case AskReconcile(day=day, dcu=dcu):
                answer = await self._answers.reconcile(day, dcu)
            case AskVerify():
                answer = await self._answers.verify_journal()
            case AskReplay() | AskRetime():
                answer = await self._told_anew(question)
        return answer

    async def _told_anew(self, question: AskReplay | AskRetime) -> object:
        if isinstance(question, AskReplay):
            return await self._answers.replay_rejects(question)
        return await self._answers.retime(question)

    async def _send(self, response: Response) -> None:
        body = msgspec.msgpack.encode(response)
        if len(body) > MESSAGE_BYTES_MAX:
            reason = f"the answer has {len(body)} bytes; the HTTP endpoint streams large results"
            body = msgspec.msgpack.encode(Failed.of(LinkError("control socket", reason)))
        await self._stream.send_all(LENGTH.pack(len(body)) + body)

    async def _receive(self) -> Request | None:
        head = await self._exactly(LENGTH.size)
        if len(head) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack(head)
        if length > MESSAGE_BYTES_MAX:
            return None
        return self._decoder.decode(await self._exactly(length))

    async def _exactly(self, count: int) -> bytes:
        """`count` bytes, or fewer when the other side left."""
        chunks = bytearray()
        while len(chunks) < count:
            chunk = await self._stream.receive_some(min(count - len(chunks), 1 << 20))
            if not chunk:
                break
            chunks += chunk
        return bytes(chunks)
