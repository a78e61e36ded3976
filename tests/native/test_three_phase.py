"""Three-phase pushes of IS 15959 become stored reads and registers, column by column.

The orders stand here once more, as the sources tell them and apart from the layouts that ship.
"""

import struct
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
import pytest
from dlms_cosem import dlms_data
from dlms_cosem.protocol.xdlms import DataNotification
from dlms_cosem.protocol.xdlms.data_notification import LongInvokeIdAndPriority
from tests.native.frames import INDIA, NOON, NOW_MS, Meter, clock
from tests.native.pushed import NUMBERS, new_journal, stored
from tests.native.setting_up import decode, row

from meteringest.native import Batch, Decoder, Journal
from meteringest.registry.layouts import load_layouts
from meteringest.registry.profiles import load_event_codes
from meteringest.store.native import columns_of

PHASES = ("curr_r_ma", "curr_y_ma", "curr_b_ma", "volt_r_cv", "volt_y_cv", "volt_b_cv")
QUADRANTS = ("varh_q1", "varh_q2", "varh_q3", "varh_q4")
FOUR = (*PHASES, "imp_wh", "exp_wh", *QUADRANTS, "imp_vah", "exp_vah")
DIRECT = (*PHASES, "imp_wh", "imp_vah", "exp_wh", "exp_vah")
HEALTH = ("status", "")
BLOCK_LOADS = {
    "is15959-block-load-3ph": FOUR,
    "is15959-block-load-3ph-health": (*FOUR, *HEALTH),
    "is15959-block-load-3ph-direct": DIRECT,
    "is15959-block-load-3ph-direct-health": (*DIRECT, *HEALTH),
    "is15959-block-load-3ph-apparent-first": (*DIRECT, *QUADRANTS),
}
"""Columns behind the clock; one without a name is not kept."""
AS_CAPTURED = {"curr": 10, "volt": 10}
"""What one of the meter's own numbers is in the store's unit, by what the column begins with."""

AMPERE, VOLT, HERTZ, WATT, VA, VAR, WH, VAH, VARH, MINUTE, NONE, SECOND = (
    *(33, 35, 44, 27, 28, 29, 30, 31, 32, 6, 255, 7),
)
Told = tuple[str, int, int, int]
"""Logical name, attribute, scaler, unit of a register; attribute 5 is the time of a demand."""


def _register(group: str, scaler: int = 0, unit: int = NONE) -> Told:
    return f"{group}.255", 2, scaler, unit


def _each(groups: Sequence[int], kind: str, scaler: int = 0, unit: int = NONE) -> list[Told]:
    return [_register(f"1.0.{group}.{kind}", scaler, unit) for group in groups]


def _demands(group: int, rates: Sequence[int], unit: int) -> Iterator[Told]:
    for rate in rates:
        name = f"1.0.{group}.6.{rate}.255"
        yield name, 2, 0, unit
        yield name, 5, 0, SECOND


MOMENT = [
    *_each((31, 51, 71), "7.0", -2, AMPERE),
    *_each((32, 52, 72), "7.0", -2, VOLT),
    *_each((33, 53, 73, 13), "7.0", -3),
    *_each((14,), "7.0", -2, HERTZ),
    *_each((9,), "7.0", 0, VA),
    *_each((1,), "7.0", 0, WATT),
    *_each((3,), "7.0", 0, VAR),
]
"""What both instantaneous profiles begin with."""
TAMPERS = [_register("0.0.94.91.0"), _register("0.0.0.1.0"), _register("0.0.96.2.0")]
MOST = [*_demands(1, (0,), WATT), *_demands(9, (0,), VA)]
PROFILES: dict[str, tuple[bytes, list[Told]]] = {
    "is15959-instantaneous-3ph": (
        bytes((0, 0, 25, 9, 0, 255)),
        [
            *MOMENT,
            *_each((1, 2), "8.0", 0, WH),
            *_each((9, 10), "8.0", 0, VAH),
            *_each((5, 6, 7, 8), "8.0", 0, VARH),
            *MOST,
            _register("0.0.94.91.14", 0, MINUTE),
            *TAMPERS,
            _register("0.0.96.3.10"),
            ("0.0.17.0.0.255", 3, 0, WATT),
        ],
    ),
    "is15959-instantaneous-3ph-four-quadrant": (
        bytes((1, 0, 94, 91, 0, 255)),
        [
            *MOMENT,
            _register("0.0.96.7.0"),
            _register("0.0.94.91.8", 0, MINUTE),
            *TAMPERS,
            ("0.0.0.1.2.255", 2, 0, SECOND),
            *_each((1, 2), "8.0", 0, WH),
            *_each((5, 6, 7, 8), "8.0", 0, VARH),
            *_each((9, 10), "8.0", 0, VAH),
            *MOST,
        ],
    ),
    "is15959-daily": (
        bytes((0, 6, 25, 9, 0, 255)),
        [
            _register("1.0.1.8.0", 0, WH),
            _register("1.0.9.8.0", 0, VAH),
            _register("1.0.2.8.0", 0, WH),
            _register("1.0.10.8.0", 0, VAH),
        ],
    ),
    "is15959-billing-3ph": (
        bytes((1, 0, 98, 1, 0, 255)),
        [
            _register("1.0.13.0.0", -3),
            *(_register(f"1.0.1.8.{rate}", 0, WH) for rate in range(9)),
            *(_register(f"1.0.9.8.{rate}", 0, VAH) for rate in range(9)),
            *_demands(1, range(9), WATT),
            *_demands(9, range(9), VA),
            _register("0.0.94.91.13", 0, MINUTE),
            *_each((2,), "8.0", 0, WH),
            *_each((10,), "8.0", 0, VAH),
            *_each((5, 6, 7, 8), "8.0", 0, VARH),
        ],
    ),
}
"""The push's logical name, and the columns behind the clock."""


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    return new_journal(tmp_path_factory.mktemp("journal"))


@pytest.fixture(scope="module")
def made() -> Decoder:
    layouts = load_layouts()
    made = Decoder(1, msgspec.json.encode({}))
    made.set_layouts(layouts.json())
    made.set_profiles(layouts.profiles_json(), msgspec.json.encode(load_event_codes()))
    return made


def pushed(
    made: Decoder, layout: str, name: bytes, rows: list[list[dlms_data.BaseDlmsData]]
) -> Batch:
    """A new meter's push of these rows, each with its clock."""
    meter = Meter(number=next(NUMBERS), phases=3)
    registered = row(meter)
    made.upsert_meters([(*registered[:7], layout, *registered[8:])])
    entries = [dlms_data.DataStructure(value=each) for each in rows]
    body = dlms_data.DataStructure(
        value=[
            dlms_data.OctetStringData(meter.serial.encode()),
            dlms_data.OctetStringData(name),
            dlms_data.OctetStringData(clock(NOON)),
            dlms_data.DataArray(value=entries),
        ]
    )
    invoke = LongInvokeIdAndPriority(long_invoke_id=5)
    apdu = DataNotification(invoke, None, body.to_bytes()).to_bytes()
    return decode(made, meter.seal(9, apdu), now_ms=NOW_MS)


def _u32(value: int) -> dlms_data.BaseDlmsData:
    return dlms_data.DoubleLongUnsignedData(value)


def _at(moment: datetime) -> dlms_data.BaseDlmsData:
    return dlms_data.OctetStringData(clock(moment))


@pytest.mark.parametrize("layout", BLOCK_LOADS)
def test_a_block_load_is_read_in_the_order_of_its_layout(
    layout: str, made: Decoder, journal: Journal
) -> None:
    columns = BLOCK_LOADS[layout]
    ends = [NOON - timedelta(minutes=30 * back) for back in (2, 1, 0)]
    rows = [
        [_at(end), *(_u32(100 * at + place) for place in range(len(columns)))]
        for at, end in enumerate(ends, 1)
    ]
    batch = pushed(made, layout, bytes((1, 0, 99, 1, 0, 255)), rows)
    assert batch.counts["reads_accepted"] == 3, batch.counts
    for at, (end, read) in enumerate(zip(ends, stored(journal, batch), strict=True), 1):
        assert read["interval_start"] == int((end - timedelta(minutes=30)).timestamp())
        for place, column in enumerate(columns):
            factor = AS_CAPTURED.get(column[:4], 1)
            assert not column or read[column] == factor * (100 * at + place), column


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_of_registers_is_kept_with_name_unit_and_time(
    profile: str, made: Decoder, journal: Journal
) -> None:
    name, columns = PROFILES[profile]
    values = [
        int((NOON - timedelta(minutes=place)).timestamp()) if unit == SECOND else 1_000 + place
        for place, (*_, unit) in enumerate(columns)
    ]
    cells = [
        _at(datetime.fromtimestamp(value, INDIA)) if unit == SECOND else _u32(value)
        for value, (*_, unit) in zip(values, columns, strict=True)
    ]
    batch = pushed(made, "is15959-block-load-3ph", name, [[_at(NOON), *cells]])
    assert not batch.counts["rejected"]
    registers = registers_of(journal, batch)
    assert {each["at"] for each in registers} == {int(NOON.timestamp())}
    kept = [
        (each["obis"], each["attribute"], each["value"], each["scaler"], each["unit"])
        for each in registers
    ]
    wanted = [
        (obis, attribute, value, scaler, unit)
        for value, (obis, attribute, scaler, unit) in zip(values, columns, strict=True)
    ]
    assert sorted(map(str, kept)) == sorted(map(str, wanted))


def registers_of(journal: Journal, batch: Batch) -> list[dict[str, object]]:
    """The rows of the one block of registers that the batch is gathered into."""
    before = journal.appended
    journal.append(batch, NOW_MS)
    journal.sync()
    gathered = journal.gather(before, rows_max=1_000)
    assert gathered is not None
    (block,) = [block for table, block in gathered.blocks if table == "m.registers"]
    columns = columns_of(block)
    assert columns is not None
    values = {each.name: list(_values(each.type, bytes(each.values))) for each in columns}
    return [dict(zip(values, each, strict=True)) for each in zip(*values.values(), strict=True)]


FORMATS = {
    "UInt8": "B", "Int8": "b", "UInt16": "H", "Int16": "h", "UInt32": "I", "UInt64": "Q",
    "Int64": "q", "DateTime('UTC')": "I",
}  # fmt: skip


def _values(kind: str, octets: bytes) -> Iterator[object]:
    if kind in FORMATS:
        yield from (value for (value,) in struct.iter_unpack("<" + FORMATS[kind], octets))
        return
    assert kind == "String", kind
    at = 0
    while at < len(octets):
        length = octets[at]
        assert length < 0x80
        yield octets[at + 1 : at + 1 + length].decode()
        at += 1 + length
