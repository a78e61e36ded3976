"""Rows as one block of ClickHouse's Native format, which every part that writes a table sends.

Rule 1: a value is what pure code holds: money in micro-units, energy and counts as whole numbers,
a Date as a date, a DateTime in whole seconds, a DateTime64(3) in milliseconds, both since 1970.
Rule 2: a value that its column cannot hold raises; nothing wraps or is cut off.

A block is: count of columns, count of rows (LEB128), then per column its name and its type
(length + text) and its values side by side, little-endian; an array is the running count of its
elements per row, then all of them.
"""

import struct
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate, chain

from meteringest.errors import InvariantError

DAY_ZERO = date(1970, 1, 1).toordinal()
MONEY = "Decimal(18, 6)"
MONEY_LIMIT = 10**18
_ARRAY = "Array("


def rows_block(kinds: Mapping[str, str], rows: Sequence[Sequence[object]]) -> bytes:
    """`rows`, each with its values in the order of `kinds`: the name and type of every column."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(kinds)
    filled = zip(kinds.items(), columns, strict=True)
    return block_of([(name, kind, _values(kind, each)) for (name, kind), each in filled], len(rows))


def block_of(columns: Sequence[tuple[str, str, bytes]], rows: int) -> bytes:
    """A block from names, types and ready values."""
    parts = [_leb(len(columns)), _leb(rows)]
    for name, kind, values in columns:
        parts += (_text(name), _text(kind), values)
    return b"".join(parts)


def _values(kind: str, column: Sequence[object]) -> bytes:
    if kind.startswith(_ARRAY):
        lists = [_list(each) for each in column]
        ends = accumulate(len(each) for each in lists)
        inner = kind.removeprefix(_ARRAY).removesuffix(")")
        return struct.pack(f"<{len(lists)}Q", *ends) + _values(inner, list(chain(*lists)))
    if kind == "String":
        return b"".join(_text(str(each)) for each in column)
    if kind == "Date":
        column = [_day(each) for each in column]
    if kind == MONEY:
        column = [_money(each) for each in column]
    code = _CODES.get(kind)
    if code is None:
        raise InvariantError("columns", f"a column of type {kind}")
    try:
        return struct.pack(f"<{len(column)}{code}", *column)
    except struct.error as error:
        raise InvariantError("columns", f"{kind}: {error}") from error


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise InvariantError("columns", f"{value!r} in an array's place")
    return value


def _day(value: object) -> int:
    if not isinstance(value, date):
        raise InvariantError("columns", f"{value!r} in a date's place")
    return value.toordinal() - DAY_ZERO


def _money(value: object) -> int:
    """18 digits: what lies between them and 64 bits the engine would take and print wrongly."""
    if not isinstance(value, int) or not -MONEY_LIMIT < value < MONEY_LIMIT:
        raise InvariantError("columns", f"{value!r} in the place of an amount of money")
    return value


def _text(text: str) -> bytes:
    raw = text.encode()
    return _leb(len(raw)) + raw


def _leb(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 (seven bits a byte, the top one says "more follows")
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_CODES = {
    "UInt8": "B",
    "UInt16": "H",
    "UInt32": "I",
    "UInt64": "Q",
    "Int8": "b",
    "Int16": "h",
    "Int32": "i",
    "Int64": "q",
    "Date": "H",
    "DateTime('UTC')": "I",
    "DateTime64(3, 'UTC')": "q",
    MONEY: "q",
}
