"""The month to date as bytes: whole again from them, and the same for one account and for many."""

import struct
from datetime import date, timedelta

import msgspec
import numpy as np
from hypothesis import given, settings
from tests.property.slow_model import SlowDay
from tests.property.tariff_strategies import account_span
from tests.property.test_charges import ACCOUNT, CASES, account_day
from tests.property.test_charges_bulk import told
from tests.unit.tariff_days import EXAMPLES

from meteringest.prepaid.bulk_state import BulkState, of_row
from meteringest.prepaid.charges import charge_day
from meteringest.prepaid.state import opened
from meteringest.prepaid.tariff import Tariff
from meteringest.prepaid.tariff_file import parse
from meteringest.prepaid.worker.closing import openings, read_back, written
from meteringest.prepaid.worker.packing import (
    LEAN,
    SMALL_LIMIT,
    components,
    length,
    pack,
    record_of,
    unpack,
    width,
)


@settings(max_examples=CASES)
@given(account_span())
def test_a_state_goes_on_from_its_bytes(span: list[SlowDay]) -> None:
    """Every day is charged from what stands in bytes, and all days come out as without."""
    parsed: dict[str, Tariff] = {}
    straight, raw = opened(ACCOUNT, span[0].day), b""
    for slow in span:
        day = account_day(slow, slow.reads, parsed)
        versions = {tariff.id: tariff for tariff in parsed.values()}
        state = read_back(raw, ACCOUNT, slow.day, versions.get)
        assert state is not None
        done, wanted = charge_day(day, state), charge_day(day, straight)
        assert [(x.key, x.amount) for x in done.lines] == [(x.key, x.amount) for x in wanted.lines]
        straight = wanted.closing
        assert day.tariff is not None
        raw = written(done.closing, day.tariff, day.load_w)
        _columns_agree(raw, day.tariff, day.load_w, slow.day + timedelta(days=1))


def _columns_agree(raw: bytes, tariff: Tariff, load_w: int, tomorrow: date) -> None:
    if raw[0] != LEAN:
        return
    assert length(tariff, raw + b"wider") == len(raw) <= width(tariff)
    state, load = unpack(tariff, record_of(raw))
    mask = int.from_bytes(raw[17:21], "little")
    assert pack(tariff, state, load, mask, np.array([0])).tobytes() == raw
    before = whole(tariff, state, load_w)
    assert length(tariff, before) == len(before) <= width(tariff)
    single = read_back(raw, ACCOUNT, tomorrow, {tariff.id: tariff}.get)
    assert single is not None
    for each in (raw, before, raw + b"wider"):
        assert read_back(each, ACCOUNT, tomorrow, {tariff.id: tariff}.get) == single
        columns = openings(record_of(each), tariff, np.array([load_w]), {tariff.id: tariff}.get)
        found = of_row(tariff, columns, 0, opened(ACCOUNT, tomorrow), load_w)
        assert told(found) == told(single)


def whole(tariff: Tariff, state: BulkState, load_w: int) -> bytes:
    """As releases before lean rows wrote it."""
    words = [state.net_wh, state.days, state.demand_w, state.demand_va, np.array([load_w])]
    for name in components(tariff):
        charged = state.charged[name]
        words += [state.month[name] - charged, state.numerators[name], charged]
    for fixed in tariff.fixed:
        words += [state.fixed_days[fixed.name], state.fixed_billed[fixed.name]]
    packed = struct.pack(f"<{len(words)}q", *(int(each[0]) for each in words))
    return b"\x01" + bytes.fromhex(tariff.id) + packed


def test_what_32_bits_do_not_hold_is_no_packed_state() -> None:
    tariff = parse((EXAMPLES / "domestic-slabs.toml").read_text())
    state = msgspec.structs.replace(opened(ACCOUNT, date(2026, 5, 2)), demand_w=SMALL_LIMIT - 1)
    assert written(state, tariff, 2_000)[0] == LEAN
    raw = written(msgspec.structs.replace(state, demand_w=SMALL_LIMIT), tariff, 2_000)
    found = read_back(raw, ACCOUNT, state.next_day, {tariff.id: tariff}.get)
    assert found is not None
    assert found.demand_w == SMALL_LIMIT
