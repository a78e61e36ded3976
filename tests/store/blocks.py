"""Blocks as the core makes them, built with numpy: the values are a function of the position."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from meteringest.columns import block_of
from meteringest.store.schema import OPTIONAL, READ, TABLES

DAY0 = 1_793_404_800  # 2026-10-31 00:00:00 UTC
HALF_HOUR_S = 1_800
SLOTS = 48
_NUMPY = {
    "UInt8": "u1",
    "UInt16": "u2",
    "Int16": "i2",
    "UInt32": "u4",
    "UInt64": "u8",
    "Date": "u2",
    "DateTime('UTC')": "u4",
}
Arrays = dict[str, np.ndarray]


class Range(Struct, frozen=True):
    """A Gathered of the tests' own."""

    first: int
    next: int
    blocks: Sequence[tuple[str, bytes]]
    reads: int
    changed: Sequence[tuple[int, int]] = ()
    received_ms: tuple[int, int] = (1_793_404_800_000, 1_793_404_801_000)


def reads(
    first: int, meters: int, *, day: int = 0, slots: int = SLOTS, from_meter: int = 1
) -> Arrays:
    """One day of reads, sorted by (meter, interval_start); versions count up from `first`."""
    rows = meters * slots
    at = np.arange(rows)
    seed = np.random.default_rng(first)
    columns = {name: np.zeros(rows, _NUMPY[kind]) for name, kind in READ.items()}
    columns["meter"] = (from_meter + at // slots).astype("u4")
    columns["interval_start"] = (DAY0 + day * 86_400 + (at % slots) * HALF_HOUR_S).astype("u4")
    columns["interval_s"][:] = HALF_HOUR_S
    columns["imp_wh"] = seed.integers(0, 2_000, rows).astype("u4")
    columns["imp_vah"] = (columns["imp_wh"] + seed.integers(0, 50, rows)).astype("u4")
    columns["volt_cv"] = seed.integers(22_500, 24_000, rows).astype("u4")
    columns["curr_ma"] = seed.integers(0, 20_000, rows).astype("u4")
    columns["present"][:] = 0b110101
    columns["deviation_min"][:] = 330
    columns["dcu"] = (1 + columns["meter"] // 1_000).astype("u4")
    columns["counter"][:] = 1 + day
    columns["ver"] = (first + at).astype("u8")
    return columns


def block(columns: Arrays, *, optional: bool = False) -> bytes:
    """The Native block of `columns`, by default without the channels that may be left out."""
    kinds = {name: kind for table in TABLES.values() for name, kind in table.items()}
    kept = {name: values for name, values in columns.items() if optional or name not in OPTIONAL}
    rows = len(next(iter(kept.values())))
    return block_of([(name, kinds[name], values.tobytes()) for name, values in kept.items()], rows)


def range_of(
    first: int, columns: Arrays, *, changed: Sequence[tuple[int, int]] = (), rejects: int = 0
) -> Range:
    """A range with a block of reads, a ledger row and some rejects."""
    count = len(columns["ver"])
    after = first + count
    blocks = [
        ("m.reads", block(columns)),
        ("m.rejects", rejects_block(after, rejects)),
        ("m.intake_ledger", ledger_block(after + rejects, count, rejects)),
    ]
    return Range(first, after + rejects + 1, blocks, count, changed)


def rejects_block(first: int, count: int) -> bytes:
    """Rejected frames of one byte each."""
    values = {
        "position": np.arange(first, first + count, dtype="u8").tobytes(),
        "at": np.full(count, DAY0 * 1_000, "i8").tobytes(),
        "dcu": np.full(count, 1, "u4").tobytes(),
        "peer": b"\x09127.0.0.1" * count,
        "meter": np.zeros(count, "u4").tobytes(),
        "layer": b"\x07framing" * count,
        "kind": b"\x09bad_value" * count,
        "offset": np.zeros(count, "u4").tobytes(),
        "counter": np.zeros(count, "u4").tobytes(),
        "raw": b"\x01\xff" * count,
        "part": b"\x05frame" * count,
        "hint": b"\x00" * count,
        "flags": np.zeros(count, "u4").tobytes(),
    }
    kinds = TABLES["m.rejects"]
    return block_of([(name, kinds[name], values[name]) for name in kinds], count)


def ledger_block(position: int, read_count: int, rejects: int) -> bytes:
    """One row that adds up."""
    counts = {
        "frames": 1 + rejects,
        "frames_accepted": 1,
        "frames_quarantined": rejects,
        "reads": read_count,
        "reads_stored": read_count,
    }
    row = {"position": position, "day": DAY0 // 86_400, "dcu": 1, **counts}
    kinds = TABLES["m.intake_ledger"]
    return block_of(
        [
            (name, kind, np.array([row.get(name, 0)], _NUMPY[kind]).tobytes())
            for name, kind in kinds.items()
        ],
        1,
    )
