"""The calls of clickhouse_connect's client that meteringest's Store makes, on the simulated server.

Rule 1: what it does not understand it refuses loudly; a statement that is new must be taught here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from clickhouse_connect.driver.exceptions import OperationalError
from tests.sim import questions
from tests.sim.blocks import Row, rows_in
from tests.sim.clickhouse import ABORTED, SimulatedClickHouse

from meteringest.registry.rows import DCU_FIELDS, METER_FIELDS
from meteringest.store.migrate import migrations
from meteringest.store.schema import TABLES


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
        elif found := _NOTHING.search(sql):
            self._server.take_none(found["table"])
        elif sql.lstrip().startswith(("CREATE ", "ALTER ", "INSERT INTO m.schema_migrations")):
            self._server.ask()
        else:
            raise NotUnderstoodError(sql)

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> "Answer":
        """A question."""
        self._fence.check()
        self._server.ask()
        after = int(str((parameters or {}).get("after", 0)))
        if (found := questions.answer(self._server.tables, sql, parameters or {})) is not None:
            return Answer(*found)
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
        if table == "m.meters":
            return Summary(self._server.register(rows_in(insert_block)))
        token = str(settings.get("insert_deduplication_token", ""))
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


_NOTHING = re.compile(r"INSERT INTO (?P<table>[\w.]+) \(.*\) SELECT .* LIMIT 0$", re.DOTALL)
_PAIR = re.compile(r"\((\d+), (\d+)\)")
_SUPERSEDED = re.compile(
    r"INSERT INTO m\.read_history .* IN \((?P<keys>.+)\) AND ver < (?P<below>\d+)", re.DOTALL
)
_BATCH = re.compile(
    r"INSERT INTO m\.batches .* VALUES \((?P<node>\d+), (?P<first>\d+), (?P<next>\d+), "
    r".*, (?P<reads>\d+), '[^']*'\)",
    re.DOTALL,
)
