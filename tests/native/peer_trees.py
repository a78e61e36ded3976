"""Data as gurux-dlms and dlms-cosem parse it, in the trees of `inspect`; a refusal is text."""

from collections.abc import Callable

from dlms_cosem import dlms_data
from gurux_dlms import GXByteBuffer, GXDate, GXDateTime, GXTime
from gurux_dlms.enums import DateTimeExtraInfo, DateTimeSkips
from gurux_dlms.GXArray import GXArray
from gurux_dlms.GXBitString import GXBitString
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms.GXEnum import GXEnum
from gurux_dlms.GXFloat32 import GXFloat32
from gurux_dlms.GXFloat64 import GXFloat64
from gurux_dlms.GXInt8 import GXInt8
from gurux_dlms.GXStructure import GXStructure
from gurux_dlms.GXUInt8 import GXUInt8
from gurux_dlms.GXUInt16 import GXUInt16
from gurux_dlms.GXUInt32 import GXUInt32
from gurux_dlms.GXUInt64 import GXUInt64
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo
from tests.native.data_trees import TAGS, Tree

NAMES = {tag: name for name, tag in TAGS.items()}
GURUX_CLASSES = {
    GXInt8: "integer",
    GXUInt8: "unsigned",
    GXUInt16: "long-unsigned",
    GXUInt32: "double-long-unsigned",
    GXUInt64: "long64-unsigned",
    GXEnum: "enum",
    GXFloat32: "float32",
    GXFloat64: "float64",
    GXBitString: "bit-string",
    bool: "boolean",
    int: "int",
    str: "text",
}
"""Types by the class of the value; `int` and `text` are of a type that gurux-dlms does not tell."""


def gurux_tree(octets: bytes) -> Tree | str:
    described = _GXDataInfo()
    try:
        value = _GXCommon.getData(GXDLMSSettings(False, None), GXByteBuffer(octets), described)  # noqa: FBT003
    except Exception as error:  # noqa: BLE001 (whatever it is, it is the library's answer)
        return type(error).__name__.removesuffix("Error")
    return _from_gurux(value) if described.complete else "incomplete"


def _from_gurux(value: object) -> Tree:
    if value is None:
        return {"t": "null-data"}
    if isinstance(value, list):
        kinds = {GXArray: "array", GXStructure: "structure", list: "compact-array"}
        kind = kinds[type(value)]
        inner = _from_gurux_row if kind == "compact-array" else _from_gurux
        return {"t": kind, "v": [inner(each) for each in value]}
    if isinstance(value, GXDateTime):
        return _from_gurux_moment(value)
    if isinstance(value, bytes | bytearray):
        return {"t": "octet-string", "v": value.hex()}
    shown = str(value) if isinstance(value, GXBitString) else value
    return {"t": GURUX_CLASSES[type(value)], "v": shown}


def _from_gurux_row(row: object) -> Tree:
    """A row of a compact array: a bare list stands for a structure."""
    if type(row) is list:
        return {"t": "structure", "v": [_from_gurux_row(each) for each in row]}
    return _from_gurux(row)


def _from_gurux_moment(moment: GXDateTime) -> Tree:
    """Bytes again, from the fields and from what is said of fields without a value."""
    value, skip = moment.value, moment.skip

    def one(part: DateTimeSkips, number: int) -> int:
        return 0xFF if skip & part else number

    month = _marked(moment, (DateTimeExtraInfo.DST_END, DateTimeExtraInfo.DST_BEGIN))
    day = _marked(moment, (DateTimeExtraInfo.LAST_DAY2, DateTimeExtraInfo.LAST_DAY))
    year = 0xFFFF if skip & DateTimeSkips.YEAR else value.year
    date = year.to_bytes(2) + bytes((
        month or one(DateTimeSkips.MONTH, value.month),
        day or one(DateTimeSkips.DAY, value.day),
        one(DateTimeSkips.DAY_OF_WEEK, moment.dayOfWeek),
    ))  # fmt: skip
    hundredths = one(DateTimeSkips.MILLISECOND, value.microsecond // 10_000)
    time = bytes((value.hour, value.minute, value.second, hundredths))
    if isinstance(moment, GXTime):
        return {"t": "time", "v": time.hex()}
    if isinstance(moment, GXDate):
        return {"t": "date", "v": date.hex()}
    ahead = value.utcoffset()
    behind = -0x8000 if ahead is None else -int(ahead.total_seconds()) // 60
    octets = date + time + behind.to_bytes(2, signed=True) + bytes((moment.status,))
    return {"t": "date-time", "v": octets.hex()}


def _marked(moment: GXDateTime, marks: tuple[DateTimeExtraInfo, DateTimeExtraInfo]) -> int:
    """0xFD or 0xFE when the moment has the first or second mark, else 0."""
    found = [octet for octet, mark in zip((0xFD, 0xFE), marks, strict=True) if moment.extra & mark]
    return sum(found)


def dlms_cosem_tree(octets: bytes) -> Tree | str:
    try:
        (value,) = dlms_data.DlmsDataParser().parse(octets, limit=1)
        return _from_dlms_cosem(value)
    except Exception as error:  # noqa: BLE001 (as above)
        return type(error).__name__.removesuffix("Error")


def _from_dlms_cosem(value: dlms_data.BaseDlmsData) -> Tree:
    name = NAMES[value.TAG]
    if name == "null-data":
        return {"t": name}
    if name in ("array", "structure"):
        return {"t": name, "v": [_from_dlms_cosem(each) for each in value.value]}
    if name == "octet-string":
        return {"t": name, "v": value.value.hex()}
    if name in DLMS_COSEM_MOMENTS:
        return {"t": name, "v": DLMS_COSEM_MOMENTS[name](value.value).hex()}
    return {"t": name, "v": value.value}


def _date(date: object) -> bytes:
    octets: bytes = dlms_data.time.date_to_bytes(date)
    return octets


def _time(time: object) -> bytes:
    octets: bytes = dlms_data.time.time_to_bytes(time)
    return octets


def _date_time(parsed: object) -> bytes:
    assert isinstance(parsed, tuple)
    moment, status = parsed
    octets: bytes = dlms_data.time.datetime_to_bytes(moment, status)
    return octets


DLMS_COSEM_MOMENTS: dict[str, Callable[[object], bytes]] = {
    "date": _date,
    "time": _time,
    "date-time": _date_time,
}
