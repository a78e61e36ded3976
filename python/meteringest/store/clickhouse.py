"""A store: ClickHouse in this process or behind HTTP, asked through the same few calls.

Rule 1: the only file that imports clickhouse_connect.
Rule 2: inserts go through raw_insert, the one path that reports every failure; the faster
`chdb.Connection.send_insert` says "done" for rows it lost.
Rule 3: a client serves one call at a time; a forked child never touches the engine, it would hang.
"""

import logging
import operator
import os
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import (
    ClickHouseError,
    Error,
    OperationalError,
    ProgrammingError,
)
from msgspec import Struct

from meteringest.errors import ConfigError, InvariantError, StoreError
from meteringest.store import engine
from meteringest.store.faults import NO_CODE, fault
from meteringest.store.passing import Passage
from meteringest.store.settings import StoreSettings

# What it would say on stderr by itself stands in the errors it raises.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())

SIDE_BY_SIDE_MAX = 2
PARTITIONS_MAX = 100  # of one insert; a wider block is cut by days before it is sent

Value = str | int | float | bool
Row = tuple[object, ...]


class Table(Struct, frozen=True):
    """What a question came back with."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[Row]


class Store:
    """Open until close; any thread may call it, of the process that opened it."""

    def __init__(
        self, where: str, connect: Callable[[], Client], *, engine_address: str = ""
    ) -> None:
        """Takes the first client at once, so that a wrong setting shows here and not later."""
        self.where = where
        self.engine_address = engine_address
        self._connect = connect
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._closed = False
        self._idle: list[Client] = [connect()]
        self.passage: Passage | None = None

    @property
    def embedded(self) -> bool:
        """Whether the engine runs in this process."""
        return self.engine_address != ""

    def run(self, sql: str, settings: Mapping[str, Value] | None = None) -> None:
        """A statement that gives nothing back: DDL, INSERT SELECT."""
        with self._client() as client:
            client.command(sql, settings=dict(settings or {}))

    def ask(self, sql: str, parameters: Mapping[str, object] | None = None) -> Table:
        """A question and its whole answer; parameters are `{name:Type}` in the SQL."""
        with self._client() as client:
            answer = client.query(sql, parameters=dict(parameters or {}))
            types = tuple(kind.name for kind in answer.column_types)
            return Table(tuple(answer.column_names), types, list(map(tuple, answer.result_rows)))

    def text(self, sql: str, output: str) -> bytes:
        """A question and its whole answer as the engine writes it in the format `output`."""
        with self._client() as client:
            return client.raw_query(sql, fmt=output)

    def insert(self, table: str, block: bytes, token: str, *, deduplicate: bool = True) -> int:
        """One Native block; returns the rows written. The same token twice inserts once.

        Without `deduplicate` it goes in whatever the engine remembers of the token.
        """
        own = _CHARGES if table in _CHARGE_TABLES else {}
        settings = {**_BLOCK, **own, **deduplicated(token, deduplicate=deduplicate)}
        with self._client() as client:
            summary = client.raw_insert(table, insert_block=block, settings=settings, fmt="Native")
            return summary.written_rows

    def side_by_side(self, calls: Sequence[Callable[[], None]]) -> None:
        """Runs `calls`, two at a time; raises the first one's error once all have ended."""
        if len(calls) == 1:
            calls[0]()
            return
        with ThreadPoolExecutor(SIDE_BY_SIDE_MAX) as pool:
            for _ in pool.map(operator.call, calls):
                pass

    def close(self) -> None:
        """Closes the idle clients now and each busy one when its call ends."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()
        if self.passage is not None:
            self.passage.leave()

    @contextmanager
    def _client(self) -> Iterator[Client]:
        if os.getpid() != self._process:
            raise InvariantError("store", "a forked child used the engine; start it with spawn")
        client = self._take()
        try:
            yield client
        except ClickHouseError as error:
            _let_go(error)
            raise _sorted(self.where, error) from None
        except OSError as error:
            _let_go(error)
            raise fault(self.where, str(error), NO_CODE, unheard=True) from None
        finally:
            self._give_back(client)

    def _take(self) -> Client:
        with self._lock:
            if self._closed:
                raise InvariantError("store", "used after close")
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def _give_back(self, client: Client) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(client)
                return
        client.close()


def open_store(settings: StoreSettings, data_dir: Path) -> Store:
    """Embedded or served, as `settings.url` says; raises StoreError with the reason."""
    if settings.url.startswith(engine.SCHEME):
        return _open_embedded(settings, engine.folder_of(settings, data_dir))
    return _open_server(settings)


def _open_embedded(settings: StoreSettings, folder: Path) -> Store:
    config = engine.configure(folder, settings)

    def connect() -> Client:
        return clickhouse_connect.get_client(
            interface="chdb", path=str(folder), chdb_options={"config-file": str(config)}
        )

    store = engine.open_loudly(
        folder,
        lambda: Store(str(folder), connect, engine_address=engine.address(folder, config)),
    )
    store.passage = Passage(folder, ram_bytes_min=settings.ram_disk_bytes_min)
    return store


def _open_server(settings: StoreSettings) -> Store:
    url = urlsplit(settings.url)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ConfigError("store.url", "wants chdb:, http://host:port or https://host:port")
    password = settings.password.reveal() if settings.password else unquote(url.password or "")
    where = f"{url.scheme}://{url.hostname}:{url.port or _PORTS[url.scheme]}"

    def connect() -> Client:
        try:
            return clickhouse_connect.get_client(
                interface=url.scheme,
                host=url.hostname,
                port=url.port or _PORTS[url.scheme],
                username=unquote(url.username or "default"),
                password=password,
                database=url.path.strip("/") or None,
                compress=False,
                autogenerate_session_id=False,
                query_retries=0,
                send_receive_timeout=settings.timeout_s,
            )
        except ClickHouseError as error:
            raise _sorted(where, error) from None

    return Store(where, connect)


def _let_go(error: BaseException) -> None:
    """urllib3 leaves each failed request, its block too, in a cycle of frames and errors.

    While the store is away the collector would find hundreds of megabytes of them, some time.
    """
    at: BaseException | None = error
    while at is not None:
        traceback.clear_frames(at.__traceback__)
        at = at.__context__


def _sorted(where: str, error: ClickHouseError) -> StoreError:
    code = error.code if isinstance(error, Error) else None
    words = str(error)
    unheard = isinstance(error, OperationalError) or "HTTP status 5" in words
    return fault(where, words, code, unheard=unheard and not isinstance(error, ProgrammingError))


def deduplicated(token: str, *, deduplicate: bool = True) -> dict[str, Value]:
    """The settings of an insert under `token`; the engine heeds any token that it is told."""
    return {"insert_deduplication_token": token} if deduplicate else {"insert_deduplicate": 0}


_PORTS = {"http": 8123, "https": 8443}
# A block is taken whole and as it is, or not at all: by default ClickHouse drops a column it does
# not know, wraps -1 into a UInt64, and on a server answers before anything was written.
_BLOCK: dict[str, Value] = {
    "input_format_skip_unknown_fields": 0,
    "input_format_native_allow_types_conversion": 0,
    "async_insert": 0,
    "max_insert_block_size": 1 << 22,
    "max_partitions_per_insert_block": PARTITIONS_MAX,
}
# Their blocks hold every key once: looking for doubles took a quarter of what an insert costs. It
# is FINAL and merges that find a day's older versions, which lie in other blocks. Their words come
# numbered (LowCardinality), which their columns of strings take only when types may be converted.
# One account's days may be those of many years.
_CHARGE_TABLES = frozenset({"m.charge_closings", "m.charge_days", "m.charge_history"})
_CHARGES: dict[str, Value] = {
    "optimize_on_insert": 0,
    "input_format_native_allow_types_conversion": 1,
    "max_partitions_per_insert_block": 0,
}
