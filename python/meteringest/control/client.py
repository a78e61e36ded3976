"""The asking end, for a command that runs once: blocking, one connection, one request at a time."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TypeVar

import msgspec

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
    Replayed,
    Request,
    Response,
    Retimed,
    Status,
    Verified,
)
from meteringest.control.money import AskMoney
from meteringest.csv_rows import Imported, ImportPart
from meteringest.errors import LinkError
from meteringest.registry.rows import Listing
from meteringest.store.conservation import Conservation

T = TypeVar("T")


class Client:
    """A running service, asked over its socket."""

    def __init__(self, stream: socket.socket, path: Path) -> None:
        """`path` is only for errors."""
        self._stream = stream
        self._path = path
        self._decoder: msgspec.msgpack.Decoder[Response] = msgspec.msgpack.Decoder(Response)

    def status(self) -> Status:
        """How it is doing."""
        return self._ask(AskStatus(), Status)

    def query(self, sql: str, output: str) -> bytes:
        """The result of one read-only statement as text."""
        return self._ask(AskQuery(sql, output), bytes)

    def import_rows(self, parts: Iterator[ImportPart]) -> Imported:
        """Sends every part and then commits: an import that breaks off changes nothing."""
        for part in parts:
            self._exchange(AskImport(part))
        return self._ask(AskCommit(), Imported)

    def list_rows(self, listing: Listing) -> list[dict[str, object]]:
        """Registry rows without their keys."""
        return self._ask(AskList(listing), list[dict[str, object]])

    def reload(self) -> str:
        """Makes the service read registry and layouts again; says what it found."""
        return self._ask(AskReload(), str)

    def replay_rejects(self, wanted: AskReplay) -> Replayed:
        """Makes the service decode stored rejects again; returns when that is stored."""
        return self._ask(wanted, Replayed)

    def retime(self, wanted: AskRetime) -> Retimed:
        """Makes the service tell the reads of the next meters anew."""
        return self._ask(wanted, Retimed)

    def reconcile(self, day: date, dcu: str) -> Conservation:
        """Counts a receive day again in the tables."""
        return self._ask(AskReconcile(day=day, dcu=dcu), Conservation)

    def verify_journal(self) -> Verified:
        """Makes the service read its whole journal again."""
        return self._ask(AskVerify(), Verified)

    def money(self, asked: AskMoney, answer: type[T]) -> T:
        """Enters orders and rules, shows accounts; the answer is of the type the asker names."""
        return self._ask(asked, answer)

    def _ask(self, request: Request, answer: type[T]) -> T:
        response = self._exchange(request)
        if not isinstance(response, Answered):
            raise LinkError(str(self._path), "the service broke off in the middle of an answer")
        return msgspec.msgpack.decode(response.answer, type=answer)

    def _exchange(self, request: Request) -> Response:
        body = msgspec.msgpack.encode(request)
        try:
            self._stream.sendall(LENGTH.pack(len(body)) + body)
            (length,) = LENGTH.unpack(self._receive(LENGTH.size))
            response = self._decoder.decode(self._receive(min(length, MESSAGE_BYTES_MAX)))
        except (OSError, EOFError) as error:
            raise LinkError(str(self._path), f"the service went away: {error}") from None
        if isinstance(response, Failed):
            raise response.error()
        return response

    def _receive(self, count: int) -> bytes:
        chunks = bytearray()
        while len(chunks) < count:
            chunk = self._stream.recv(min(count - len(chunks), 1 << 20))
            if not chunk:
                raise EOFError("connection closed")  # noqa: TRY003 -- only ever wrapped above
            chunks += chunk
        return bytes(chunks)


@contextmanager
def connected(data_dir: Path) -> Iterator[Client | None]:
    """The service that runs on `data_dir`, or None when none does."""
    path = data_dir / SOCKET_NAME
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        yield Client(stream, path) if _connect(stream, path) else None


def _connect(stream: socket.socket, path: Path) -> bool:
    try:
        with short_path(path) as name:
            stream.connect(name)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return False  # never started, or a socket left behind by a killed service
    except OSError as error:
        raise LinkError(str(path), f"cannot be opened: {error.strerror}") from None
    return True
