"""Registry rows in ClickHouse: m.meters and m.dcus, through a store that asks and inserts.

Rule 1: rows go in as one Native block with the tables' own column types, and come out in pages,
so that a registry of millions never stands in memory twice.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from meteringest.columns import rows_block
from meteringest.registry.rows import DCU_FIELDS, DCUS, METER_FIELDS, METERS, Dcu, Meter

PAGE_ROWS = 50_000

FIELDS = {METERS: METER_FIELDS, DCUS: DCU_FIELDS}
NUMBER = {METERS: "meter", DCUS: "dcu"}


class Answer(Protocol):
    """What a question comes back with."""

    @property
    def rows(self) -> Sequence[tuple[object, ...]]:
        """All rows."""
        ...


class Engine(Protocol):
    """ClickHouse, embedded or served."""

    def ask(self, sql: str, parameters: Mapping[str, object] | None = None, /) -> Answer:
        """A question and its whole answer."""
        ...

    def insert(self, table: str, block: bytes, token: str, /) -> int:
        """One Native block; the same token twice inserts once."""
        ...


class RegistryTables:
    """The registry's store, on ClickHouse."""

    def __init__(self, engine: Engine) -> None:
        """`engine` has the tables already."""
        self._engine = engine

    def load(self, table: str) -> Iterator[tuple[object, ...]]:
        """The newest version of every row, by number."""
        number, after = NUMBER[table], -1
        sql = (
            f"SELECT {', '.join(FIELDS[table])} FROM m.{table} FINAL "  # noqa: S608 -- ours
            f"WHERE {number} > {{after:Int64}} ORDER BY {number} LIMIT {PAGE_ROWS}"
        )
        while rows := self._engine.ask(sql, {"after": after}).rows:
            yield from rows
            after = int(str(rows[-1][0]))

    def save(self, table: str, rows: Sequence[Meter] | Sequence[Dcu]) -> None:
        """Inserts `rows`; returns when they are safe."""
        kinds = {name: _TYPES.get(name, "String") for name in FIELDS[table]}
        block = rows_block(kinds, [_values(row, FIELDS[table]) for row in rows])
        # Never the same twice: an engine that died may know the name of what it does not have.
        self._engine.insert(f"m.{table}", block, uuid.uuid4().hex)


def _values(row: Meter | Dcu, fields: tuple[str, ...]) -> tuple[str | int, ...]:
    return tuple(getattr(row, name) for name in fields)


_TYPES = {
    "meter": "UInt32",
    "dcu": "UInt32",
    "interval_s": "UInt32",
    "sanctioned_load_w": "UInt32",
    "account": "UInt64",
    "active": "UInt8",
    "ver": "UInt64",
}
