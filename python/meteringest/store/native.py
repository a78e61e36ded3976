"""ClickHouse's Native format, as far as a block must be looked into before it is sent.

Rule 1: rows are never made into Python objects, except the day numbers of a block that spans
more days than one insert may.
Rule 2: a block that does not hold together is our bug, so it raises InvariantError.

A block is: count of columns, count of rows (LEB128), then per column its name and its type
(length + text) and its values side by side, little-endian.
"""

import re
from array import array
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Literal

from msgspec import Struct

from meteringest.columns import block_of
from meteringest.errors import InvariantError

DAY_S = 86_400
STRINGS_ROWS_MAX = 4_096


class Column(Struct, frozen=True):
    """One column of a block; `values` is a view into it."""

    name: str
    type: str
    width: int
    values: memoryview


def rows_of(block: bytes) -> int:
    """How many rows a block says it has."""
    _, at = _leb(block, 0)
    rows, _ = _leb(block, at)
    return rows


def columns_of(block: bytes) -> tuple[Column, ...] | None:
    """The columns, or None for a long block of strings, which is not worth walking through."""
    if rows_of(block) > STRINGS_ROWS_MAX and _has_strings(block):
        return None
    return _columns(block)


def _has_strings(block: bytes) -> bool:
    """Found at the first such column: what lies behind it is not looked at."""
    count, at = _leb(block, 0)
    rows, at = _leb(block, at)
    for _ in range(count):
        _, at = _text(block, at)
        kind, at = _text(block, at)
        width = _width(kind)
        if width == 0:
            return True
        at += rows * width
    return False


def _columns(block: bytes) -> tuple[Column, ...]:
    count, at = _leb(block, 0)
    rows, at = _leb(block, at)
    view = memoryview(block)
    columns: list[Column] = []
    for _ in range(count):
        name, at = _text(block, at)
        kind, at = _text(block, at)
        width = _width(kind)
        end = at + rows * width if width else _past_strings(block, at, rows)
        columns.append(Column(name, kind, width, view[at:end]))
        at = end
    if at != len(block):
        raise InvariantError("native", f"block of {len(block)} bytes, its columns end at {at}")
    return tuple(columns)


def names_of(block: bytes) -> list[str]:
    """The names of its columns."""
    return [each.name for each in _columns(block)]


def can_be_cut(block: bytes) -> bool:
    """Whether it has more than one row, all of fixed width."""
    return rows_of(block) > 1 and all(each.width for each in _columns(block))


def in_two(block: bytes) -> tuple[bytes, bytes]:
    """The first and the second half of a block without strings, always cut at the same row."""
    columns = columns_of(block)
    if columns is None:
        raise InvariantError("native", "a block with strings is not cut in two")
    rows = rows_of(block)
    half = rows // 2
    return _rows_between(columns, 0, half), _rows_between(columns, half, rows)


def by_days(block: bytes, time_column: str, days_max: int) -> list[bytes]:
    """The block cut into blocks of at most `days_max` UTC days each, its order kept.

    The same block is always cut into the same blocks, so that their tokens hold for a retry.
    """
    columns = columns_of(block)
    if columns is None:
        raise InvariantError("native", "a block with strings is not cut by days")
    time = next(column for column in columns if column.name == time_column)
    days = [second // DAY_S for second in time.values.cast("I")]
    group = {day: at // days_max for at, day in enumerate(sorted(set(days)))}
    cut: list[bytes] = []
    for wanted in range(max(group.values(), default=0) + 1):
        mask = [group[day] == wanted for day in days]
        kept = [(column.name, column.type, _select(column, mask)) for column in columns]
        cut.append(block_of(kept, sum(mask)))
    return cut


def _rows_between(columns: Sequence[Column], first: int, until: int) -> bytes:
    return block_of(
        [
            (each.name, each.type, bytes(each.values[first * each.width : until * each.width]))
            for each in columns
        ],
        until - first,
    )


def _select(column: Column, mask: Sequence[bool]) -> bytes:
    code = _ARRAY_CODES[column.width]
    return array(code, compress(column.values.cast(code), mask)).tobytes()


def _leb(block: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = block[at]
        number |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:  # noqa: PLR2004 (the top bit says "more follows")
            return number, at
        shift += 7


def _text(block: bytes, at: int) -> tuple[str, int]:
    length, at = _leb(block, at)
    return block[at : at + length].decode(), at + length


def _past_strings(block: bytes, at: int, rows: int) -> int:
    for _ in range(rows):
        length, at = _leb(block, at)
        at += length
    return at


def _width(kind: str) -> int:
    """Bytes a value takes; 0 for String, whose values say it themselves."""
    base = kind.partition("(")[0]
    if base == "String":
        return 0
    if base == "FixedString":
        return int(kind[len("FixedString(") : -1])
    if base not in _WIDTHS and not _NUMBER.fullmatch(base):
        raise InvariantError("native", f"a block carries a column of type {kind}")
    number = _NUMBER.fullmatch(base)
    return int(number[1]) // 8 if number else _WIDTHS[base]


_ARRAY_CODES: Mapping[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
_NUMBER = re.compile(r"U?Int(8|16|32|64)")
_WIDTHS = {"Date": 2, "DateTime": 4, "DateTime64": 8}
