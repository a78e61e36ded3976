"""A simulated ClickHouse: tables in memory, and the client that the real Store drives it with.

Rule 1: it keeps what ClickHouse promises and no more: a block is taken under its token once while
the window remembers the token, and rows of one key are told apart by version only when asked.
Rule 2: what it does not understand it refuses loudly; a statement that is new must be taught here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import msgspec
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from tests.sim.blocks import Row, rows_in
from tests.sim.world import World

from meteringest.registry.rows import DCU_FIELDS, METER_FIELDS, Dcu, Meter
from meteringest.store.migrate import migrations
from meteringest.store.schema import TABLES

Key = tuple[object, ...]

KEYS: Mapping[str, tuple[str, ...]] = {
    "m.reads": ("meter", "interval_start"),
    "m.read_history": ("meter", "interval_start", "ver"),
    "m.rejects": ("position", "dcu", "at"),
    "m.intake_ledger": ("day", "dcu", "position"),
    "m.registers": ("meter", "profile", "obis", "attribute", "at", "value", "scaler"),
    "m.events": ("meter", "at", "source", "obis", "code", "bit"),
    "m.batches": ("node", "first"),
}


@dataclass
class Table:
    """Every row that was ever inserted, as ReplacingMergeTree holds it until a merge."""

    key: tuple[str, ...]
    rows: dict[Key, dict[object, Row]] = field(default_factory=dict)
    """By key and version; without a version column all rows of a key are one."""
    writers: dict[tuple[Key, object], str] = field(default_factory=dict)
    """The token that wrote each row first."""
    tokens: dict[str, tuple[Row, ...]] = field(default_factory=dict)

    def put(self, row: Row) -> tuple[Key, object]:
        """Adds one row; returns its key and version."""
        key = tuple(row[name] for name in self.key)
        version = row.get("ver", 0)
        self.rows.setdefault(key, {})[version] = row
        return key, version

    def final(self) -> dict[Key, Row]:
        """The row that counts, by key."""
        return {key: versions[max(versions)] for key, versions in self.rows.items()}  # type: ignore[type-var]

    def merge(self, chance: Random) -> None:
        """Older versions of some keys are gone."""
        for versions in self.rows.values():
            if len(versions) > 1 and chance.random() < MERGED:
                newest = max(versions)  # type: ignore[type-var]
                for version in [each for each in versions if each != newest]:
                    del versions[version]


@dataclass
class Weather:
    """How it is doing: what the next calls meet."""

    down: bool = False
    slow_s: float = 0.0
    parts: bool = False
    read_only: bool = False
    next_calls: list[str] = field(default_factory=list)


class SimulatedClickHouse:
    """The server."""

    def __init__(self, world: World) -> None:
        self.weather = Weather()
        self.tables = {name: Table(key) for name, key in KEYS.items()}
        self.meters: list[Meter] = []
        self.dcus: list[Dcu] = []
        self.window = 10_000
        self._world = world
        self._chance = world.chance("clickhouse")

    def stored(self, node: int) -> int:
        """Everything of `node` before this position is here, as its own rows say."""
        marks = [row for row in self.tables["m.batches"].final().values() if row["node"] == node]
        return max((int(str(row["next"])) for row in marks), default=0)

    def calm(self) -> None:
        """Nothing is wrong with it any more."""
        self.weather = Weather()

    def merge(self) -> None:
        """A background merge."""
        self.tables["m.reads"].merge(self._chance)

    def forget_tokens(self, keep: int) -> None:
        """Only the newest tokens are remembered from now on."""
        self.window = keep

    def insert(self, table: str, rows: Sequence[Row], token: str) -> int:
        """One block under its token; returns the rows written."""
        fault = self._begin(f"insert {table} rows={len(rows)} token={token}")
        into = self.tables[table]
        known = into.tokens.get(token)
        if known is not None:
            if known != tuple(rows) and not self._world.salvaged:
                self._world.violate("I4", f"token {token} came with other rows than before")
            self._end(fault)
            return 0
        taken = self._taken(fault, rows)
        for row in taken:
            key, version = into.put(row)
            writer = into.writers.setdefault((key, version), token)
            if writer != token and not self._world.salvaged:
                self._world.violate(
                    "I4", f"{table} {key} version {version} came as {writer} and again as {token}"
                )
        if len(taken) == len(rows):
            self._remember(into, token, tuple(rows))
        self._end(fault)
        return len(rows)

    def keep_superseded(self, keys: Sequence[tuple[int, int]], below: int, token: str) -> None:
        """The copy into the history, of all versions that no merge has removed."""
        fault = self._begin(f"keep_superseded keys={len(keys)} below={below} token={token}")
        reads, history = self.tables["m.reads"], self.tables["m.read_history"]
        if token in history.tokens:
            self._end(fault)
            return
        copied = [
            row
            for key in keys
            for version, row in sorted(reads.rows.get(key, {}).items())  # type: ignore[type-var]
            if int(str(version)) < below
        ]
        taken = self._taken(fault, copied)
        for row in taken:
            history.put(row)
        if len(taken) == len(copied):
            self._remember(history, token, ())
        self._end(fault)

    def _remember(self, table: Table, token: str, rows: tuple[Row, ...]) -> None:
        table.tokens[token] = rows
        while len(table.tokens) > self.window:
            del table.tokens[next(iter(table.tokens))]

    def ask(self) -> None:
        """A question gets through or it does not."""
        self._end(self._begin(""))

    def _begin(self, what: str) -> str:
        weather = self.weather
        fault = weather.next_calls.pop(0) if weather.next_calls and what else ""
        if what:
            self._world.step(f"store {what} {fault}".rstrip())
        if weather.down:
            raise OperationalError(REFUSED)
        if weather.read_only and what:
            raise _refusal(242, "TABLE_IS_READ_ONLY", "Table is in readonly mode")
        if weather.parts and what:
            raise _refusal(252, "TOO_MANY_PARTS", "Too many parts (3000). Merges are slower")
        if fault == "lost":
            raise OperationalError(ABORTED)
        if fault == "memory":
            raise _refusal(241, "MEMORY_LIMIT_EXCEEDED", "Memory limit (total) exceeded")
        return fault

    def _taken(self, fault: str, rows: Sequence[Row]) -> Sequence[Row]:
        """A server that falls in the middle of an insert has taken some of its partitions."""
        if fault != "torn":
            return rows
        return [row for row in rows if hash_of(row) % 2]

    def _end(self, fault: str) -> None:
        if fault in {"unanswered", "torn"}:
            raise OperationalError(SILENT)


def hash_of(row: Row) -> int:
    """A partition's number; a row's day, or what it has instead."""
    day = row.get("interval_start") or row.get("position") or row.get("at") or 0
    return int(str(day)) // 86_400


class SimulatedClient:
    """What meteringest's Store drives: the calls of clickhouse_connect's client that it uses."""

    def __init__(self, server: SimulatedClickHouse, fence: "Fence") -> None:
        self._server = server
        self._fence = fence

    def command(self, sql: str, settings: Mapping[str, object] | None = None) -> None:
        """A statement without an answer."""
        self._fence.check()
        token = str((settings or {}).get("insert_deduplication_token", ""))
        if found := _SUPERSEDED.search(sql):
            pairs = [(int(a), int(b)) for a, b in _PAIR.findall(found["keys"])]
            self._server.keep_superseded(pairs, int(found["below"]), token)
        elif found := _BATCH.search(sql):
            row: Row = {
                "node": int(found["node"]),
                "first": int(found["first"]),
                "next": int(found["next"]),
                "reads": int(found["reads"]),
                "ver": int(found["next"]),
            }
            self._server.insert("m.batches", [row], token)
        elif sql.lstrip().startswith(("CREATE ", "ALTER ", "INSERT INTO m.schema_migrations")):
            self._server.ask()
        else:
            raise NotUnderstoodError(sql)

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> "Answer":
        """A question."""
        self._fence.check()
        self._server.ask()
        after = int(str((parameters or {}).get("after", 0)))
        if "FROM m.meters FINAL WHERE meter >" in sql:
            meters = [each for each in self._server.meters if each.meter > after]
            return Answer(METER_FIELDS, [msgspec.structs.astuple(each) for each in meters])
        if "FROM m.dcus FINAL WHERE dcu >" in sql:
            dcus = [each for each in self._server.dcus if each.dcu > after]
            return Answer(DCU_FIELDS, [msgspec.structs.astuple(each) for each in dcus])
        return _system(sql)

    def raw_insert(
        self, table: str, *, insert_block: bytes, settings: Mapping[str, object], fmt: str
    ) -> "Summary":
        """One Native block."""
        self._fence.check()
        if fmt != "Native":
            raise NotUnderstoodError(fmt)
        token = str(settings["insert_deduplication_token"])
        return Summary(self._server.insert(table, rows_in(insert_block), token))

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class Fence:
    """Between the server and a process that may be gone."""

    gone: bool = False

    def check(self) -> None:
        """Raises when nobody is there to ask."""
        if self.gone:
            raise OperationalError(ABORTED)


@dataclass(frozen=True)
class Summary:
    """What an insert answers."""

    written_rows: int


@dataclass(frozen=True)
class Answer:
    """What a question answers."""

    column_names: Sequence[str]
    result_rows: Sequence[tuple[object, ...]]
    column_types: Sequence[object] = ()


class NotUnderstoodError(AssertionError):
    """The service asks what the simulated server was never taught."""


def _system(sql: str) -> Answer:
    if "FROM system.columns" in sql:
        columns = [
            (table.removeprefix("m."), name, kind)
            for table, kinds in TABLES.items()
            for name, kind in kinds.items()
        ]
        return Answer(("table", "name", "type"), columns)
    if "name = 'schema_migrations'" in sql:
        return Answer(("count",), [(1,)])
    if "FROM m.schema_migrations" in sql:
        return Answer(("name", "digest"), [(each.name, each.digest) for each in migrations()])
    if "concat(database, '.', name) FROM system.tables" in sql:
        return Answer(("name",), [(name,) for each in migrations() for name in each.makes()])
    if "partition_key FROM system.tables" in sql:
        return Answer(("partition_key",), [("toDate(interval_start)",)])
    raise NotUnderstoodError(sql)


def _refusal(code: int, name: str, words: str) -> DatabaseError:
    return DatabaseError(f"Code: {code}. DB::Exception: {words}. ({name})", code=code, name=name)


MERGED = 0.5
REFUSED = "Error Connection refused executing HTTP request"
ABORTED = "Connection aborted, Remote end closed connection without response"
SILENT = "Read timed out. (read timeout=120)"
_PAIR = re.compile(r"\((\d+), (\d+)\)")
_SUPERSEDED = re.compile(
    r"INSERT INTO m\.read_history .* IN \((?P<keys>.+)\) AND ver < (?P<below>\d+)", re.DOTALL
)
_BATCH = re.compile(
    r"INSERT INTO m\.batches .* VALUES \((?P<node>\d+), (?P<first>\d+), (?P<next>\d+), "
    r".*, (?P<reads>\d+), '[^']*'\)",
    re.DOTALL,
)
