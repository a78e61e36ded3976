"""Native blocks as rows: what the simulated ClickHouse keeps."""

import struct
from collections.abc import Iterator

from meteringest.errors import InvariantError
from meteringest.store.native import Column, columns_of, rows_of

Row = dict[str, object]


def rows_in(block: bytes) -> list[Row]:
    """Every row of a block."""
    columns = columns_of(block)
    if columns is None:
        raise InvariantError("native", "a simulated block is never that long")
    count = rows_of(block)
    names = [column.name for column in columns]
    values = [_values(column, count) for column in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _values(column: Column, count: int) -> tuple[object, ...]:
    if column.width == 0:
        return tuple(_texts(bytes(column.values)))
    if column.type.startswith("FixedString"):
        raw = bytes(column.values)
        return tuple(raw[at : at + column.width] for at in range(0, len(raw), column.width))
    code = _CODES[column.width]
    signed = column.type.startswith("Int")
    return struct.unpack(f"<{count}{code.lower() if signed else code}", column.values)


def _texts(values: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(values):
        length = shift = 0
        while True:
            byte = values[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield values[at : at + length]
        at += length


_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
