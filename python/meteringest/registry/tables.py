"""Registry rows in ClickHouse: m.meters and m.dcus, through a store that asks and inserts.

Rule 1: rows go in as one Native block with the tables' own column types, and come out in pages,
so that a registry of millions never stands in memory twice.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

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
        fields = FIELDS[table]
        columns = zip(*(_values(row, fields) for row in rows), strict=True)
        block = b"".join(
            (
                _leb(len(fields)),
                _leb(len(rows)),
                *(_column(name, values) for name, values in zip(fields, columns, strict=True)),
            )
        )
        self._engine.insert(f"m.{table}", block, hashlib.sha256(block).hexdigest())


def _values(row: Meter | Dcu, fields: tuple[str, ...]) -> tuple[str | int, ...]:
    return tuple(getattr(row, name) for name in fields)


def _column(name: str, values: Sequence[str | int]) -> bytes:
    kind = _TYPES.get(name, "String")
    if kind == "String":
        encoded = (str(value).encode() for value in values)
        body = b"".join(part for text in encoded for part in (_leb(len(text)), text))
    else:
        body = struct.pack(f"<{len(values)}{_CODES[kind]}", *_whole(values))
    return b"".join((_text(name), _text(kind), body))


def _whole(values: Iterable[str | int]) -> Iterator[int]:
    return (int(value) for value in values)


def _text(text: str) -> bytes:
    return _leb(len(text)) + text.encode()


def _leb(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 -- seven bits a byte, the top one says "more follows"
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_TYPES = {
    "meter": "UInt32",
    "dcu": "UInt32",
    "interval_s": "UInt32",
    "sanctioned_load_w": "UInt32",
    "account": "UInt64",
    "active": "UInt8",
    "ver": "UInt64",
}
_CODES = {"UInt8": "B", "UInt32": "I", "UInt64": "Q"}
