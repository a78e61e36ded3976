"""The month to date as it stands in m.charge_days.closing: one form for one account and for many.

Rule 1: a state that columns can hold is packed: every field at its place, so that a million of them
are one array. What does not fit is JSON of the same state; the first byte tells them apart.
Rule 2: a packed state names its tariff version, whose components say what stands where.

Packed: 0x01, the tariff's id (8 bytes), then 64-bit little-endian integers: position in the slabs
in Wh, days, highest demand in W and VA, billed load in W; per component the amount charged this
month under other versions, numerator of the running total, amount charged of it; per fixed charge
the days it has run and the load billed last.
"""

from collections.abc import Callable
from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

from meteringest.prepaid.bulk_state import BulkState, in_columns, of_row
from meteringest.prepaid.state import MonthToDate, following, opened
from meteringest.prepaid.tariff import (
    EXPORT,
    MINIMUM,
    SURPLUS,
    TIME_OF_DAY,
    ExportMode,
    Tariff,
)
from meteringest.prepaid.worker.ports import distinct

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
TariffOf = Callable[[str], Tariff | None]

PACKED = 1
HEAD_BYTES = 9
HEAD_FIELDS = 5
WORD_BYTES = 8
SIGN_BIT = 128


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
    """Bytes of a packed state under that version."""
    words = HEAD_FIELDS + 3 * len(components(tariff)) + 2 * len(tariff.fixed)
    return HEAD_BYTES + WORD_BYTES * words


def pack(tariff: Tariff, state: BulkState, load_w: Ints) -> Bytes:
    """One row of bytes per account."""
    words = [state.net_wh, state.days, state.demand_w, state.demand_va, load_w]
    for name in components(tariff):
        charged = state.of(state.charged, name)
        words += [state.of(state.month, name) - charged, state.of(state.numerators, name), charged]
    for fixed in tariff.fixed:
        words += [
            state.of(state.fixed_days, fixed.name),
            state.of(state.fixed_billed, fixed.name),
        ]
    packed = np.empty((state.rows, width(tariff)), dtype=np.uint8)
    packed[:, 0] = PACKED
    packed[:, 1:HEAD_BYTES] = np.frombuffer(bytes.fromhex(tariff.id), dtype=np.uint8)
    body = np.stack(words, axis=1).astype("<i8")
    packed[:, HEAD_BYTES:] = body.view(np.uint8).reshape(state.rows, -1)
    return packed


def unpack(tariff: Tariff, packed: Bytes) -> tuple[BulkState, Ints]:
    """The states, and the load each was billed for."""
    rows = len(packed)
    body = np.ascontiguousarray(packed[:, HEAD_BYTES : width(tariff)])
    words = iter(np.ascontiguousarray(body.view("<i8").reshape(rows, -1).T))
    state = BulkState(rows)
    state.net_wh, state.days, state.demand_w, state.demand_va, load_w = (
        next(words) for _ in range(HEAD_FIELDS)
    )
    for name in components(tariff):
        elsewhere, state.numerators[name], state.charged[name] = (next(words) for _ in range(3))
        state.month[name] = elsewhere + state.charged[name]
    for fixed in tariff.fixed:
        state.fixed_days[fixed.name], state.fixed_billed[fixed.name] = next(words), next(words)
    return state, load_w


def openings(packed: Bytes, tariff: Tariff, load_w: Ints, tariff_of: TariffOf) -> BulkState:
    """Packed states, or empty rows of zeros, as columns for a day under `tariff`."""
    found = BulkState(len(packed))
    for name in components(tariff):
        for columns in (found.month, found.numerators, found.charged):
            columns[name] = np.zeros(len(packed), dtype=np.int64)
    for fixed in tariff.fixed:
        for columns in (found.fixed_days, found.fixed_billed):
            columns[fixed.name] = np.zeros(len(packed), dtype=np.int64)
    heads = np.ascontiguousarray(packed[:, 1:HEAD_BYTES]).view(">u8")[:, 0]
    known = packed[:, 0] == PACKED
    for head in distinct(heads[known].astype(np.uint64)):
        rows = np.flatnonzero(known & (heads == head))
        before = tariff_of(f"{int(head):016x}")
        if before is None:
            found.scalar[rows] = True
        else:
            _open(found, rows, packed[rows], (before, tariff), load_w[rows])
    return found


def _open(
    found: BulkState, rows: Ints, packed: Bytes, versions: tuple[Tariff, Tariff], load_w: Ints
) -> None:
    """Under another version or load only what is the month's goes on; stretches begin anew."""
    before, now = versions
    state, load_before = unpack(before, packed)
    found.net_wh[rows], found.days[rows] = state.net_wh, state.days
    found.demand_w[rows], found.demand_va[rows] = state.demand_w, state.demand_va
    for name, charged in state.month.items():
        if name in found.month:
            found.month[name][rows] = charged
        else:
            found.scalar[rows] |= charged != 0
    if before.id != now.id:
        return
    for name in components(now):
        found.numerators[name][rows] = state.numerators[name]
        found.charged[name][rows] = state.charged[name]
    same = load_before == load_w
    for fixed in now.fixed:
        found.fixed_days[fixed.name][rows] = np.where(same, state.fixed_days[fixed.name], 0)
        found.fixed_billed[fixed.name][rows] = np.where(same, state.fixed_billed[fixed.name], 0)


def followed(state: BulkState, tomorrow: date) -> BulkState:
    """As state.following: at a new month everything but a surplus starts."""
    if tomorrow.day != 1:
        return state
    fresh = BulkState(state.rows)
    fresh.net_wh = np.minimum(state.net_wh, 0)
    return fresh


def written(state: MonthToDate, tariff: Tariff, load_w: int) -> bytes:
    """A single state: packed when it fits."""
    column = in_columns(tariff, state.next_day, [state], [load_w])
    known = components(tariff)
    strangers = any(charged and k not in known for k, charged in state.charged.items())
    if column.scalar[0] or strangers:
        return msgspec.json.encode(msgspec.structs.replace(state, ver=0))
    return pack(tariff, column, np.array([load_w], dtype=np.int64)).tobytes()


def read_back(raw: bytes, account: int, day: date, tariff_of: TariffOf) -> MonthToDate | None:
    """The state with which the account's `day` opens; None when its version is not known."""
    if not raw or not raw[0]:
        return opened(account, day)
    if raw[0] != PACKED:
        return msgspec.json.decode(raw, type=MonthToDate)
    tariff = tariff_of(raw[1:HEAD_BYTES].hex())
    if tariff is None:
        return None
    packed = np.frombuffer(raw[: width(tariff)], dtype=np.uint8)[None, :]
    state, load_w = unpack(tariff, packed)
    return of_row(tariff, state, 0, opened(account, day), int(load_w[0]))


def carried(raw: bytes, account: int, tomorrow: date, tariff_of: TariffOf) -> bytes:
    """Over a day on which nothing could be charged."""
    if tomorrow.day != 1:
        return trimmed(raw, tariff_of)
    state = read_back(raw, account, tomorrow, tariff_of)
    if state is None or state.net_uwh >= 0:
        return b""
    return msgspec.json.encode(following(msgspec.structs.replace(state, next_day=tomorrow, ver=0)))


def trimmed(raw: bytes, tariff_of: TariffOf) -> bytes:
    """Without what a wider row of an array left behind it."""
    if not raw or raw[0] != PACKED:
        return raw
    tariff = tariff_of(raw[1:HEAD_BYTES].hex())
    return raw if tariff is None else raw[: width(tariff)]


def has_surplus(raw: bytes) -> bool:
    """Whether energy is carried into the next month."""
    if raw and raw[0] == PACKED:
        return raw[HEAD_BYTES + WORD_BYTES - 1] >= SIGN_BIT
    return bool(raw) and msgspec.json.decode(raw, type=MonthToDate).net_uwh < 0
