"""The month to date as it stands in m.charge_days.closing: one form for one account and for many.

Rule 1: a state that columns can hold is packed: see packing.py. What does not fit is JSON of the
same state; the first byte tells them apart.
"""

from collections.abc import Callable
from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

from meteringest.prepaid.bulk_state import BulkState, in_columns, of_row
from meteringest.prepaid.state import MonthToDate, following, opened
from meteringest.prepaid.tariff import Tariff
from meteringest.prepaid.worker.packing import (
    FORMS,
    ID,
    LEAN,
    SIGN_BIT,
    SIGN_BYTE,
    Ints,
    Records,
    components,
    heads,
    large,
    length,
    masks,
    pack,
    record_of,
    unpack,
)
from meteringest.prepaid.worker.ports import distinct

TariffOf = Callable[[str], Tariff | None]


def openings(records: Records, tariff: Tariff, load_w: Ints, tariff_of: TariffOf) -> BulkState:
    """Packed states, or rows of zeros, as columns for a day under `tariff`."""
    head = heads(records)
    kinds = _kinds(head)
    alike = distinct(kinds)
    if len(alike) == 1:
        return _opened(records, tariff, load_w, tariff_of)
    found = BulkState(len(records))
    for kind in alike:
        rows = np.flatnonzero(kinds == kind)
        _spread(found, rows, _opened(records[rows], tariff, load_w[rows], tariff_of))
    return found


def _kinds(head: Records) -> Ints:
    """A number for each row, the same for those of one form, version and mask."""
    version = np.searchsorted(distinct(head["tariff"].astype(np.uint64)), head["tariff"])
    mask = np.where(head["form"] == LEAN, head["mask"], 0).astype(np.int64)
    kinds: Ints = (version << 40) + (mask << 8) + head["form"]
    return np.where(is_packed(head), kinds, 0)


def is_packed(head: Records) -> NDArray[np.bool_]:
    """Rows that are no zeros."""
    return np.isin(head["form"], list(FORMS))


def _opened(records: Records, now: Tariff, load_w: Ints, tariff_of: TariffOf) -> BulkState:
    """Of rows of one kind. Under another version or load only what is the month's goes on."""
    head = heads(records[:1])
    found = _begun(now, len(records))
    if not is_packed(head)[0]:
        return found
    before = tariff_of(f"{int(head['tariff'][0]):016x}")
    if before is None:
        found.scalar[:] = True
        return found
    state, load_before = unpack(before, records)
    found.net_wh, found.days = state.net_wh, state.days
    found.demand_w, found.demand_va = state.demand_w, state.demand_va
    for name, charged in state.month.items():
        if name in found.month:
            found.month[name] = charged
        else:
            found.scalar |= charged != 0
    if before.id != now.id:
        return found
    found.numerators, found.charged = state.numerators, state.charged
    same = load_before == load_w
    for name in found.fixed_days:
        found.fixed_days[name] = np.where(same, state.fixed_days[name], 0)
        found.fixed_billed[name] = np.where(same, state.fixed_billed[name], 0)
    return found


def _begun(tariff: Tariff, rows: int) -> BulkState:
    """Zeros, for everything that the version can charge."""
    found, nothing = BulkState(rows), np.zeros(rows, dtype=np.int64)
    for columns in (found.month, found.numerators, found.charged):
        columns.update(dict.fromkeys(components(tariff), nothing))
    for columns in (found.fixed_days, found.fixed_billed):
        columns.update(dict.fromkeys((each.name for each in tariff.fixed), nothing))
    return found


def _spread(found: BulkState, rows: Ints, part: BulkState) -> None:
    """Puts `part` in its rows."""
    for name, column in vars(part).items():
        if isinstance(column, dict):
            whole = getattr(found, name)
            for key, own in column.items():
                whole.setdefault(key, np.zeros(found.rows, dtype=np.int64))[rows] = own
        elif name != "rows":
            getattr(found, name)[rows] = column


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
    load = np.array([load_w], dtype=np.int64)
    if column.scalar[0] or strangers or large(tariff, column, load)[0]:
        return msgspec.json.encode(msgspec.structs.replace(state, ver=0))
    mask = int(masks(tariff, column)[0])
    return pack(tariff, column, load, mask, np.zeros(1, dtype=np.int64)).tobytes()


def read_back(raw: bytes, account: int, day: date, tariff_of: TariffOf) -> MonthToDate | None:
    """The state with which the account's `day` opens; None when its version is not known."""
    if not raw or not raw[0]:
        return opened(account, day)
    if raw[0] not in FORMS:
        return msgspec.json.decode(raw, type=MonthToDate)
    tariff = tariff_of(raw[ID].hex())
    if tariff is None:
        return None
    state, load_w = unpack(tariff, record_of(raw))
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
    if not raw or raw[0] not in FORMS:
        return raw
    tariff = tariff_of(raw[ID].hex())
    return raw if tariff is None else raw[: length(tariff, raw)]


def has_surplus(raw: bytes) -> bool:
    """Whether energy is carried into the next month."""
    if raw and raw[0] in FORMS:
        return raw[SIGN_BYTE] >= SIGN_BIT
    return bool(raw) and msgspec.json.decode(raw, type=MonthToDate).net_uwh < 0
