"""Blocks are walked and cut without losing or moving a value."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meteringest.columns import block_of
from meteringest.errors import InvariantError
from meteringest.store.native import DAY_S, by_days, columns_of, rows_of

DAY0 = 20_000 * DAY_S


def packed(code: str, values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}{code}", *values)


def sample(days: list[int]) -> bytes:
    at = [DAY0 + day * DAY_S + index % DAY_S for index, day in enumerate(days)]
    return block_of(
        [
            ("a", "UInt8", packed("B", [index % 256 for index in range(len(days))])),
            ("t", "DateTime('UTC')", packed("I", at)),
            ("b", "Int16", packed("h", [-index for index in range(len(days))])),
            ("v", "UInt64", packed("Q", [2**63 + index for index in range(len(days))])),
        ],
        len(days),
    )


def rows(block: bytes) -> list[tuple[int, ...]]:
    columns = columns_of(block)
    assert columns is not None
    codes = {"UInt8": "B", "DateTime('UTC')": "I", "Int16": "h", "UInt64": "Q"}
    return list(zip(*(column.values.cast(codes[column.type]) for column in columns), strict=True))  # type: ignore[call-overload]


@given(st.lists(st.integers(0, 300), max_size=300), st.integers(1, 100))
def test_a_cut_block_holds_the_same_rows_in_order(days: list[int], days_max: int) -> None:
    whole = sample(days)
    parts = by_days(whole, "t", days_max)
    pieces = [rows(part) for part in parts]
    assert sorted(row for piece in pieces for row in piece) == sorted(rows(whole))
    for part, piece in zip(parts, pieces, strict=True):
        assert rows_of(part) == len(piece)
        assert [row[3] for row in piece] == sorted(row[3] for row in piece)
        assert len({row[1] // DAY_S for row in piece}) <= days_max
    assert by_days(whole, "t", days_max) == parts


def test_strings_are_walked_in_short_blocks_only() -> None:
    short = block_of([("s", "String", b"\x02ab\x00\x01c"), ("n", "UInt8", b"\x01\x02\x03")], 3)
    columns = columns_of(short)
    assert columns is not None
    assert [bytes(column.values) for column in columns] == [b"\x02ab\x00\x01c", b"\x01\x02\x03"]
    long = block_of([("s", "String", b"\x00" * 5_000)], 5_000)
    assert columns_of(long) is None
    assert rows_of(long) == 5_000


def test_widths_of_every_type_a_block_carries() -> None:
    kinds = {"Date": 2, "DateTime64(3, 'UTC')": 8, "FixedString(8)": 8, "Int64": 8}
    block = block_of([(kind, kind, bytes(width)) for kind, width in kinds.items()], 1)
    columns = columns_of(block)
    assert columns is not None
    assert [column.width for column in columns] == list(kinds.values())


@pytest.mark.parametrize(
    "block",
    [sample([1, 2])[:-1], sample([1, 2]) + b"\x00", block_of([("x", "Float64", bytes(8))], 1)],
)
def test_a_block_that_does_not_hold_together_is_our_bug(block: bytes) -> None:
    with pytest.raises(InvariantError):
        columns_of(block)
