"""A simulated ClickHouse: tables in memory, and what befalls those who use them.

Rule 1: it keeps what ClickHouse promises and no more: a block is taken under its token once while
the window remembers the token, and rows of one key are told apart by version only when asked.
Rule 2: it knows rows and no SQL; client.py does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import msgspec
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from tests.sim.blocks import Row
from tests.sim.world import World

from meteringest.registry.rows import Dcu, Meter

Key = tuple[object, ...]

KEYS: Mapping[str, tuple[str, ...]] = {
    "m.reads": ("meter", "interval_start"),
    "m.read_history": ("meter", "interval_start", "ver"),
    "m.rejects": ("position", "dcu", "at"),
    "m.intake_ledger": ("day", "dcu", "position"),
    "m.registers": ("meter", "profile", "obis", "attribute", "at", "value", "scaler"),
    "m.events": ("meter", "at", "source", "obis", "code", "bit"),
    "m.reject_resolutions": ("position", "dcu", "received_at"),
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

    def every(self) -> list[Row]:
        """All versions."""
        return [row for versions in self.rows.values() for row in versions.values()]

    def merge(self, chance: Random, share: float) -> None:
        """Older versions of some keys are gone."""
        for versions in self.rows.values():
            if len(versions) > 1 and chance.random() < share:
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
    closed: str = ""
    """A table that takes nothing."""
    poison: tuple[str, int] = ("", 1)
    """A table, and of how many rows it refuses one for what is in it."""
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

    def merge(self, share: float) -> None:
        """A background merge, of so many of the keys."""
        self.tables["m.reads"].merge(self._chance, share)

    def forget_tokens(self, keep: int) -> None:
        """Only the newest tokens are remembered from now on."""
        self.window = keep

    def insert(self, table: str, rows: Sequence[Row], token: str) -> int:
        """One block under its token, or under none; returns the rows written."""
        fault = self._begin(f"insert {table} rows={len(rows)} token={token}")
        self._check(table, rows)
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
            writer = into.writers.setdefault((key, version), token) if token else token
            if not _same_origin(writer, token) and not self._world.salvaged:
                self._world.violate(
                    "I4", f"{table} {key} version {version} came as {writer} and again as {token}"
                )
        if self._notes_token(fault):
            self._remember(into, token, tuple(rows))
        self._end(fault)
        return len(rows)

    def keep_superseded(self, keys: Sequence[tuple[int, int]], below: int, token: str) -> None:
        """The copy into the history, of all versions that no merge has removed."""
        fault = self._begin(f"keep_superseded keys={len(keys)} below={below} token={token}")
        self._check("m.read_history", ())
        reads, history = self.tables["m.reads"], self.tables["m.read_history"]
        if token in history.tokens:
            self._end(fault)
            return
        copied = [
            row
            for key in keys
            for version, row in sorted(reads.rows.get(key, {}).items())
            if int(str(version)) < below
        ]
        taken = self._taken(fault, copied)
        for row in taken:
            history.put(row)
        if self._notes_token(fault):
            self._remember(history, token, ())
        self._end(fault)

    def _remember(self, table: Table, token: str, rows: tuple[Row, ...]) -> None:
        if not token:
            return
        table.tokens[token] = rows
        while len(table.tokens) > self.window:
            del table.tokens[next(iter(table.tokens))]

    def register(self, rows: Sequence[Row]) -> int:
        """Meters, in place of those of the same number."""
        fault = self._begin(f"insert m.meters rows={len(rows)}")
        known = {each.meter: each for each in self.meters}
        for row in rows:
            values = {name: _plain(value) for name, value in row.items()}
            known[int(str(row["meter"]))] = msgspec.convert(values, Meter)
        self.meters = [known[number] for number in sorted(known)]
        self._end(fault)
        return len(rows)

    def take_none(self, table: str) -> None:
        """An insert of no rows."""
        fault = self._begin(f"insert {table} rows=0")
        self._check(table, ())
        self._end(fault)

    def _check(self, table: str, rows: Sequence[Row]) -> None:
        if table == self.weather.closed:
            raise _refusal(60, "UNKNOWN_TABLE", f"Table {table} does not exist")
        refused, of = self.weather.poison
        if table == refused and any(_number_of(row) % of == 0 for row in rows):
            raise _refusal(469, "VIOLATED_CONSTRAINT", f"Constraint for {table} is violated")

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

    def _notes_token(self, fault: str) -> bool:
        """The real one notes it before the rows are there, and may fall in between."""
        return fault != "torn" or self._chance.random() < NOTED_SHARE

    def _end(self, fault: str) -> None:
        if fault in {"unanswered", "torn"}:
            raise OperationalError(SILENT)


NOTED_SHARE = 0.5


def hash_of(row: Row) -> int:
    """A partition's number; a row's day, or what it has instead."""
    day = row.get("interval_start") or row.get("position") or row.get("at") or 0
    return int(str(day)) // 86_400


def _plain(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def _number_of(row: Row) -> int:
    """The journal's, which is the same however often the row comes."""
    return int(str(row.get("ver") or row.get("position") or 0))


def _same_origin(writer: str, token: str) -> bool:
    """What was cut to find a bad row may come again whole; what was late is kept twice."""
    late = token.endswith("-late") or writer.endswith("-late")
    return late or _CUTS.sub("", writer) == _CUTS.sub("", token)


def _refusal(code: int, name: str, words: str) -> DatabaseError:
    return DatabaseError(f"Code: {code}. DB::Exception: {words}. ({name})", code=code, name=name)


REFUSED = "Error Connection refused executing HTTP request"
ABORTED = "Connection aborted, Remote end closed connection without response"
SILENT = "Read timed out. (read timeout=120)"
_CUTS = re.compile(r"(-first|-second)*$")
