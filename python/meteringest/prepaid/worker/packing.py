"""The bytes of a month to date that columns can hold: a million of them are one array.

Rule 1: every field is at its place, and the row itself says which: by its form, the tariff version
whose components it has, and a mask of those of them that are not 0.
Rule 2: whole rows are what earlier releases wrote; they are read, never written.

Lean: 0x02, the tariff's id (8 bytes), position in the slabs in Wh (64 bits), the mask (32 bits),
then 32 bits each: days, highest demand in W and VA, load billed in W, of every fixed charge the
days it has run and the load billed last; then 64 bits each of every component, in their order: what
was charged this month under other versions where bit 2i of the mask is set, the numerator of the
running total and what was charged of it where bit 2i+1 is. From the 17th on all three are there.
Whole: 0x01, the id, then 64 bits each: position, days, demands, load; all three of every component;
both of every fixed charge. Integers are little-endian.
"""

import numpy as np
from numpy.typing import NDArray

from meteringest.prepaid.bulk_state import BulkState
from meteringest.prepaid.tariff import (
    EXPORT,
    MINIMUM,
    SURPLUS,
    TIME_OF_DAY,
    ExportMode,
    Tariff,
)

Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Records = NDArray[np.void]

WHOLE, LEAN = 1, 2
FORMS = bytes((WHOLE, LEAN))
_TOP = [("form", "u1"), ("tariff", ">u8"), ("net_wh", "<i8")]
_MASK = [("mask", "<u4")]
HEAD = np.dtype(_TOP + _MASK)
ID = slice(1, 9)
SIGN_BYTE, SIGN_BIT = 16, 128
"""Of the position in the slabs."""
MASKED = 16
SMALL_LIMIT = 1 << 32


def components(tariff: Tariff) -> list[str]:
    """Those that the version can charge at all."""
    never = {
        TIME_OF_DAY: not tariff.bands,
        EXPORT: tariff.export.mode is not ExportMode.CREDIT,
        MINIMUM: tariff.minimum is None,
        SURPLUS: tariff.export.surplus_month is None,
    }
    return [name for name in tariff.components if not never.get(name, False)]


def width(tariff: Tariff) -> int:
    """Bytes of the longest row under that version."""
    everything = (1 << 2 * MASKED) - 1
    return max(_fields(tariff, *each).itemsize for each in ((WHOLE, 0), (LEAN, everything)))


def heads(records: Records) -> Records:
    """What every row begins with; a whole one has no mask there."""
    return records.view(_within(HEAD, records.itemsize))


def bytes_of(records: Records) -> Bytes:
    """The same, as rows of bytes."""
    rows: Bytes = np.ascontiguousarray(records).view(np.uint8)
    return rows.reshape(len(records), records.itemsize)


def record_of(raw: bytes) -> Records:
    """A single row."""
    return np.frombuffer(raw.ljust(HEAD.itemsize, b"\0"), dtype=f"V{max(len(raw), HEAD.itemsize)}")


def length(tariff: Tariff, raw: bytes) -> int:
    """Bytes of the row that `raw` begins with."""
    return _fields(tariff, raw[0], int(heads(record_of(raw))["mask"][0])).itemsize


def large(tariff: Tariff, state: BulkState, load_w: Ints) -> Bools:
    """Rows with a figure that 32 bits have no room for."""
    found = np.zeros(state.rows, dtype=bool)
    for column in _small(tariff, state, load_w).values():
        if column.max(initial=0) >= SMALL_LIMIT or column.min(initial=0) < 0:
            found |= (column >= SMALL_LIMIT) | (column < 0)
    return found


def masks(tariff: Tariff, state: BulkState) -> Ints:
    """Of every row its mask."""
    found = np.zeros(state.rows, dtype=np.int64)
    for number, name in enumerate(components(tariff)[:MASKED]):
        charged = state.of(state.charged, name)
        if name in state.month:
            found |= (state.month[name] != charged).astype(np.int64) << 2 * number
        if name in state.numerators or name in state.charged:
            running = (charged != 0) | (state.of(state.numerators, name) != 0)
            found |= running.astype(np.int64) << 2 * number + 1
    return found


def pack(tariff: Tariff, state: BulkState, load_w: Ints, mask: int, rows: Ints) -> Bytes:
    """Those rows, all with that mask, as rows of bytes."""
    fields = _fields(tariff, LEAN, mask)
    packed = np.empty(len(rows), dtype=fields)
    packed["form"], packed["tariff"], packed["mask"] = LEAN, int(tariff.id, 16), mask
    packed["net_wh"], there = state.net_wh[rows], _names(fields)
    for field, column in _small(tariff, state, load_w).items():
        packed[field] = column[rows]
    for number, name in enumerate(components(tariff)):
        charged = state.of(state.charged, name)[rows]
        if f"elsewhere {number}" in there:
            packed[f"elsewhere {number}"] = state.of(state.month, name)[rows] - charged
        if f"charged {number}" in there:
            packed[f"numerator {number}"] = state.of(state.numerators, name)[rows]
            packed[f"charged {number}"] = charged
    return bytes_of(packed)


def unpack(tariff: Tariff, records: Records) -> tuple[BulkState, Ints]:
    """The states, and the load each was billed for; all rows are of one form and mask."""
    first = heads(records[:1])
    fields = _fields(tariff, int(first["form"][0]), int(first["mask"][0]))
    found = records.view(_within(fields, records.itemsize))
    nothing, there = np.zeros(len(records), dtype=np.int64), _names(fields)

    def column(field: str) -> Ints:
        return found[field].astype(np.int64) if field in there else nothing

    state = BulkState(len(records))
    state.net_wh, state.days = column("net_wh"), column("days")
    state.demand_w, state.demand_va = column("demand_w"), column("demand_va")
    for number, name in enumerate(components(tariff)):
        state.numerators[name] = column(f"numerator {number}")
        state.charged[name] = column(f"charged {number}")
        state.month[name] = column(f"elsewhere {number}") + state.charged[name]
    for number, fixed in enumerate(tariff.fixed):
        state.fixed_days[fixed.name] = column(f"fixed_days {number}")
        state.fixed_billed[fixed.name] = column(f"fixed_billed {number}")
    return state, column("load_w")


def _small(tariff: Tariff, state: BulkState, load_w: Ints) -> dict[str, Ints]:
    """What has 32 bits in a lean row, by the names of the fields."""
    found = {name: getattr(state, name) for name in ("days", "demand_w", "demand_va")}
    found["load_w"] = load_w
    for number, fixed in enumerate(tariff.fixed):
        found[f"fixed_days {number}"] = state.of(state.fixed_days, fixed.name)
        found[f"fixed_billed {number}"] = state.of(state.fixed_billed, fixed.name)
    return found


def _fields(tariff: Tariff, form: int, mask: int) -> np.dtype[np.void]:
    """Of a row; components and fixed charges are numbered."""
    small = "<u4" if form == LEAN else "<i8"
    month = [(name, small) for name in ("days", "demand_w", "demand_va", "load_w")]
    fixed = [
        (f"{name} {number}", small)
        for number in range(len(tariff.fixed))
        for name in ("fixed_days", "fixed_billed")
    ]
    wide = []
    for number in range(len(components(tariff))):
        there = mask >> 2 * number if form == LEAN and number < MASKED else 3
        names = ("elsewhere",) * (there & 1) + ("numerator", "charged") * (there >> 1 & 1)
        wide += [(f"{name} {number}", "<i8") for name in names]
    if form == LEAN:
        return np.dtype([*_TOP, *_MASK, *month, *fixed, *wide])
    return np.dtype([*_TOP, *month, *wide, *fixed])


def _within(fields: np.dtype[np.void], itemsize: int) -> np.dtype[np.void]:
    """The same fields of rows that go on behind them."""
    ends = np.cumsum([kind.itemsize for kind in _names(fields).values()])
    return np.dtype(
        {
            "names": list(_names(fields)),
            "formats": list(_names(fields).values()),
            "offsets": [0, *ends[:-1].tolist()],
            "itemsize": itemsize,
        }
    )


def _names(fields: np.dtype[np.void]) -> dict[str, np.dtype[np.void]]:
    return {name: fields[name] for name in fields.names or ()}
