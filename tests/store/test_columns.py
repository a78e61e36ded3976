"""What the block encoder writes is what the engine reads, for every type and its extremes."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from meteringest.columns import rows_block
from meteringest.errors import InvariantError
from meteringest.store.clickhouse import Store

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = 10**6
MOST = 2**63 - 1

# type, values as pure code holds them, values as the engine gives them back
CASES: dict[str, tuple[list[object], list[object]]] = {
    "String": (["", "पानीपत\t'\n\x00", "x" * 300], ["", "पानीपत\t'\n\x00", "x" * 300]),
    "UInt8": ([0, 255], [0, 255]),
    "UInt16": ([0, 2**16 - 1], [0, 2**16 - 1]),
    "UInt32": ([0, 2**32 - 1], [0, 2**32 - 1]),
    "UInt64": ([0, 2**64 - 1], [0, 2**64 - 1]),
    "Int8": ([-128, 127], [-128, 127]),
    "Int16": ([-(2**15), 2**15 - 1], [-(2**15), 2**15 - 1]),
    "Int32": ([-(2**31), 2**31 - 1], [-(2**31), 2**31 - 1]),
    "Int64": ([-MOST - 1, MOST], [-MOST - 1, MOST]),
    "Decimal(18, 6)": (
        [-1, 0, 12_340_001, 10**18 - 1, 1 - 10**18],
        [Decimal(n) / MICRO for n in (-1, 0, 12_340_001, 10**18 - 1, 1 - 10**18)],
    ),
    "Date": (
        [date(1970, 1, 1), date(2149, 6, 6)],
        [date(1970, 1, 1), date(2149, 6, 6)],
    ),
    "DateTime('UTC')": ([0, 2**32 - 1], [EPOCH, EPOCH + timedelta(seconds=2**32 - 1)]),
    "DateTime64(3, 'UTC')": (
        [0, 1_784_000_000_123],
        [EPOCH, EPOCH + timedelta(milliseconds=1_784_000_000_123)],
    ),
    "Array(String)": ([[], ["a", ""], ["b"]], [[], ["a", ""], ["b"]]),
    "Array(Decimal(18, 6))": (
        [[1], [], [-2_500_000, 3]],
        [[Decimal("0.000001")], [], [Decimal("-2.5"), Decimal("0.000003")]],
    ),
    "Array(Int64)": ([[MOST, -MOST - 1], [], [0]], [[MOST, -MOST - 1], [], [0]]),
}


def given_back(store: Store, kind: str, values: list[object]) -> list[object]:
    kinds = {"n": "UInt32", "v": kind}
    store.run(f"CREATE TABLE m.t (n UInt32, v {kind}) ENGINE = MergeTree ORDER BY n")
    assert store.insert("m.t", rows_block(kinds, list(enumerate(values))), "t") == len(values)
    found = [row[1] for row in store.ask("SELECT n, v FROM m.t ORDER BY n").rows]
    store.run("DROP TABLE m.t")
    return [_in_utc(value) if isinstance(value, datetime) else value for value in found]


def _in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def test_every_type_comes_back(store: Store) -> None:
    for kind, (values, wanted) in CASES.items():
        assert given_back(store, kind, values) == wanted, kind


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("UInt8", 256), ("UInt64", -1), ("Decimal(18, 6)", 2**63), ("UInt32", 1.5)],
        *[("Date", date(1969, 12, 31)), ("Date", 5), ("Array(Int64)", 7), ("Float64", 1.0)],
        *[("Decimal(18, 6)", 10**18), ("Array(Decimal(18, 6))", [-(10**18)])],
    ],
)
def test_what_a_column_cannot_hold_is_refused(kind: str, value: object) -> None:
    with pytest.raises(InvariantError):
        rows_block({"v": kind}, [(value,)])


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        rows_block({"a": "UInt8", "b": "UInt8"}, [(1, 2, 3)])


def test_no_rows_make_an_empty_block() -> None:
    assert rows_block({"a": "UInt8"}, []) == b"\x01\x00\x01a\x05UInt8"
