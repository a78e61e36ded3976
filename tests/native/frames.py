"""Frames made by dlms-cosem and cryptography alone: none of our code is on this side of a test."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from dlms_cosem import dlms_data, security
from dlms_cosem.protocol.xdlms import DataNotification
from dlms_cosem.protocol.xdlms.data_notification import LongInvokeIdAndPriority
from dlms_cosem.time import datetime_to_bytes

INDIA = timezone(timedelta(minutes=330))
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=INDIA)
NOW_MS = int(NOON.timestamp()) * 1_000
INTERVAL = timedelta(minutes=30)
PUSH_SETUP = bytes((0, 0, 25, 9, 0, 255))
TAG_BYTES = 12

Row = dict[str, int]
"""Values as the meter captures them, by column: volts with one decimal, amperes with two."""


@dataclass(frozen=True, kw_only=True)
class Meter:
    """A meter with identity and keys of its own."""

    number: int
    control: int = 0x30
    phases: int = 1

    @property
    def serial(self) -> str:
        return f"SN{self.number:08}"

    @property
    def title(self) -> bytes:
        return b"MIG" + self.number.to_bytes(5)

    @property
    def encryption_key(self) -> bytes:
        return bytes(range(16))[::-1] if self.number == 0 else self.number.to_bytes(16)

    @property
    def authentication_key(self) -> bytes:
        return (self.number + 7_000).to_bytes(16)

    def push(self, rows: list[tuple[datetime, Row]], *, confirmed: bool = False) -> bytes:
        """A data-notification with one structure per row: its end, then its values."""
        entry = _single_phase if self.phases == 1 else _three_phase
        body = dlms_data.DataStructure(
            value=[
                dlms_data.OctetStringData(self.serial.encode()),
                dlms_data.OctetStringData(PUSH_SETUP),
                dlms_data.OctetStringData(clock(NOON)),
                dlms_data.DataArray(value=[entry(end, row) for end, row in rows]),
            ]
        )
        invoke = LongInvokeIdAndPriority(long_invoke_id=5, confirmed=confirmed)
        return DataNotification(invoke, None, body.to_bytes()).to_bytes()

    def seal(self, counter: int, apdu: bytes) -> bytes:
        """The APDU under this meter's protection, in a wrapper frame."""
        if self.control == 0:
            return wrapped(apdu)
        text = self._protected(counter, apdu)
        content = bytes((self.control,)) + counter.to_bytes(4) + text
        length = dlms_data.encode_variable_integer(len(content))
        return wrapped(b"\xdb\x08" + self.title + bytes(length) + content)

    def frame(self, counter: int, rows: list[tuple[datetime, Row]]) -> bytes:
        return self.seal(counter, self.push(rows))

    def _protected(self, counter: int, apdu: bytes) -> bytes:
        nonce = self.title + counter.to_bytes(4)
        head = bytes((self.control,)) + self.authentication_key
        if self.control == 0x30:
            field = security.SecurityControlField(
                security_suite=0, authenticated=True, encrypted=True
            )
            return security.encrypt(
                field, self.title, counter, self.encryption_key, apdu, self.authentication_key
            )
        gcm = AESGCM(self.encryption_key)
        if self.control == 0x20:
            return gcm.encrypt(nonce, apdu, None)[: len(apdu)]
        return apdu + gcm.encrypt(nonce, b"", head + apdu)[:TAG_BYTES]


def wrapped(apdu: bytes, source: int = 1, destination: int = 64) -> bytes:
    header = (1, source, destination, len(apdu))
    return b"".join(word.to_bytes(2) for word in header) + apdu


def ends(count: int, last: datetime = NOON) -> list[datetime]:
    """The ends of the `count` intervals up to `last`."""
    times = [last - INTERVAL * back for back in reversed(range(count))]
    assert all(later - earlier == INTERVAL for earlier, later in pairwise(times))
    return times


def clock(at: datetime) -> bytes:
    """A date-time as Indian meters write it: their deviation has the reversed sign."""
    fields = bytearray(datetime_to_bytes(at))
    fields[9:11] = (330).to_bytes(2)
    fields[11] = 0
    return bytes(fields)


def _u16(value: int) -> dlms_data.UnsignedLongData:
    return dlms_data.UnsignedLongData(value)


def _u32(value: int) -> dlms_data.DoubleLongUnsignedData:
    return dlms_data.DoubleLongUnsignedData(value)


def _single_phase(end: datetime, row: Row) -> dlms_data.DataStructure:
    energies = [_u32(row[name]) for name in ("imp_wh", "imp_vah", "exp_wh", "exp_vah")]
    at = dlms_data.OctetStringData(clock(end))
    return dlms_data.DataStructure(value=[at, _u16(row["volt"]), *energies, _u16(row["curr"])])


def _three_phase(end: datetime, row: Row) -> dlms_data.DataStructure:
    at = dlms_data.OctetStringData(clock(end))
    phases = ("curr_r", "curr_y", "curr_b", "volt_r", "volt_y", "volt_b")
    energies = (
        "imp_wh",
        "exp_wh",
        "varh_q1",
        "varh_q2",
        "varh_q3",
        "varh_q4",
        "imp_vah",
        "exp_vah",
    )
    return dlms_data.DataStructure(
        value=[
            at,
            *(_u16(row[name]) for name in phases),
            *(_u32(row[name]) for name in energies),
        ]
    )
