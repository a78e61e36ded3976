"""Tasks on the engine: each on a handle of its own, opened and closed with it.

Rule 1: the only file that speaks to chDB directly: results pass through as the bytes of the
format that was asked for.
Rule 2: every call may block; the server makes them in threads, one at a time for each handle.
"""

from collections.abc import Iterator
from typing import Protocol

import chdb

from meteringest.store.face.policy import Task
from meteringest.store.face.refusal import from_engine


class Result(Protocol):
    """chDB's."""

    def bytes(self) -> bytes | None:
        """The rows in the format asked for."""
        ...

    def rows_read(self) -> int:
        """Rows the engine went through."""
        ...

    def bytes_read(self) -> int:
        """Their size."""
        ...

    def elapsed(self) -> float:
        """Seconds."""
        ...


class Stream(Protocol):
    """chDB's blocks as they come."""

    def __iter__(self) -> Iterator[Result]:
        """Block by block."""
        ...

    def close(self) -> None:
        """Lets the query go."""
        ...


class Handle(Protocol):
    """chDB's connection."""

    def query(self, sql: str, fmt: str = "CSV", params: dict[str, str] | None = None) -> Result:
        """Runs to the end."""
        ...

    def send_query(
        self, sql: str, fmt: str = "CSV", params: dict[str, str] | None = None
    ) -> Stream:
        """Runs as its blocks are asked for."""
        ...

    def close(self) -> None:
        """Ends what was set on it."""
        ...


class Engine:
    """The embedded engine, as the endpoint uses it."""

    def __init__(self, address: str) -> None:
        """Opens a handle once, to learn what every answer's headers say."""
        self._address = address
        handle = _connect(address)
        about = handle.query("SELECT version(), timezone()", "TabSeparated").bytes() or b"\t"
        handle.close()
        self.version, self.timezone = about.decode().strip().split("\t")

    def start(self, task: Task) -> "Running":
        """Runs the task to its end or first block; raises Refusal with the engine's words."""
        running = Running(_connect(self._address))
        try:
            running.begin(task)
        except Exception as error:
            running.close()
            # chDB raises several kinds, bare RuntimeError among them.
            raise from_engine(str(error)) from error
        return running


class Running:
    """An answer on its way; close it in any case."""

    def __init__(self, handle: Handle) -> None:
        """Takes the handle over."""
        self._handle = handle
        self._stream: Stream | None = None
        self.summary: dict[str, str] = {}
        self.first = b""

    @property
    def streams(self) -> bool:
        """Whether there may be more than `first`."""
        return self._stream is not None

    def begin(self, task: Task) -> None:
        """Prepares the handle and runs the task as far as its first block."""
        parameters = dict(task.parameters)
        for statement in task.prepare:
            self._handle.query(statement)
        if task.streamed:
            self._stream = self._handle.send_query(task.sql, task.format, params=parameters)
            self.first = self._block() or b""
            return
        result = self._handle.query(task.sql, task.format, params=parameters)
        self.summary = _summary(result, reads=task.reads)
        self.first = result.bytes() or b""

    def next_block(self) -> bytes | None:
        """The next block of a stream; None at its end. Raises Refusal with the engine's words."""
        try:
            return self._block()
        except Exception as error:
            raise from_engine(str(error)) from error

    def _block(self) -> bytes | None:
        if self._stream is None:
            return None
        for result in self._stream:
            if block := result.bytes():
                return block
        return None

    def close(self) -> None:
        """Ends the query and everything that was set for it."""
        if self._stream is not None:
            self._stream.close()
        self._handle.close()


def _connect(address: str) -> Handle:
    handle: Handle = chdb.connect(address)  # type: ignore[no-untyped-call]
    return handle


def _summary(result: Result, *, reads: bool) -> dict[str, str]:
    verb = "read" if reads else "written"
    return {
        f"{verb}_rows": str(result.rows_read()),
        f"{verb}_bytes": str(result.bytes_read()),
        "elapsed_ns": str(int(result.elapsed() * 1e9)),
    }
