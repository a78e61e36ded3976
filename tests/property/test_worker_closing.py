"""The month to date as bytes: whole again from them, and the same for one account and for many."""

from datetime import date, timedelta

import msgspec
import numpy as np
from hypothesis import given, settings
from tests.property.slow_model import SlowDay
from tests.property.tariff_strategies import account_span
from tests.property.test_charges import ACCOUNT, CASES, account_day
from tests.property.test_charges_bulk import told

from meteringest.prepaid.bulk_state import of_row
from meteringest.prepaid.charges import charge_day
from meteringest.prepaid.state import opened
from meteringest.prepaid.tariff import Tariff
from meteringest.prepaid.worker.closing import openings, pack, read_back, unpack, width, written


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
    if raw[0] != 1:
        return
    assert len(raw) == width(tariff)
    packed = np.frombuffer(raw, dtype=np.uint8)[None, :]
    state, load = unpack(tariff, packed)
    assert pack(tariff, state, load).tobytes() == raw
    columns = openings(packed, tariff, np.array([load_w]), {tariff.id: tariff}.get)
    single = read_back(raw, ACCOUNT, tomorrow, {tariff.id: tariff}.get)
    assert single is not None
    assert told(of_row(tariff, columns, 0, opened(ACCOUNT, tomorrow), load_w)) == told(
        msgspec.structs.replace(single, fixed=single.fixed)
    )
