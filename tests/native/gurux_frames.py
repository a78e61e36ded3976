"""Block-load pushes made by gurux-dlms alone: data, notification, ciphering and framing.

The library was written apart from us and from dlms-cosem, so it is a second opinion on every byte.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gurux_dlms import (
    GXByteBuffer,
    GXDateTime,
    GXInt8,
    GXInt16,
    GXInt64,
    GXUInt8,
    GXUInt16,
    GXUInt32,
    GXUInt64,
)
from gurux_dlms.enums import Conformance, DataType, InterfaceType, Security
from gurux_dlms.GXArray import GXArray
from gurux_dlms.GXStructure import GXStructure
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.secure import GXDLMSSecureNotify
from tests.native.frames import NOON, PUSH_SETUP, Meter

INTEGERS = {
    "integer": (GXInt8, 2**7 - 1),
    "unsigned": (GXUInt8, 2**8 - 1),
    "long": (GXInt16, 2**15 - 1),
    "long-unsigned": (GXUInt16, 2**16 - 1),
    "double-long": (int, 2**31 - 1),
    "double-long-unsigned": (GXUInt32, 2**32 - 1),
    "long64": (GXInt64, 2**63 - 1),
    "long64-unsigned": (GXUInt64, 2**64 - 1),
}
"""The library's class for each integer type, and the type's largest value."""

INTERFACES = {
    "wrapper": InterfaceType.WRAPPER,
    "hdlc": InterfaceType.HDLC,
    "none": InterfaceType.PDU,
}
BLOCK_TRANSFER = 0xE0
LAST_BLOCK = 0x80
CUT = "gurux cuts an APDU just over its limit in two that are none"
UNENDED = "gurux marks no last block when the bytes end with one"
NO_CARRY = "gurux writes an HDLC length without the carry of its header's bytes"
COLUMNS = {
    1: ("volt", "imp_wh", "imp_vah", "exp_wh", "exp_vah", "curr"),
    3: (
        *("curr_r", "curr_y", "curr_b", "volt_r", "volt_y", "volt_b", "imp_wh", "exp_wh"),
        *("varh_q1", "varh_q2", "varh_q3", "varh_q4", "imp_vah", "exp_vah"),
    ),
}
"""The columns behind the clock, by phases: IS 15959 block load."""

Tree = dict[str, object]
Cell = tuple[str, int]
"""Integer type and value."""


@dataclass(frozen=True, kw_only=True)
class Push:
    """What one push says, and how it is sent."""

    meter: Meter
    rows: Sequence[tuple[datetime, Mapping[str, Cell]]]
    counter: int = 9
    framing: str = "wrapper"
    indian_sign: bool = True
    """Whether deviations are minutes ahead of UTC, as Indian meters write them, not behind."""
    tagged_clocks: bool = False
    """Whether clocks are date-time values, not octet-strings."""
    told_time: bool = False
    """Whether the notification itself has a date-time."""
    info_bytes_max: int = 128
    """How much one HDLC frame may carry."""
    apdu_bytes_max: int = 0xFFFF
    """How long an APDU may be before it goes as general-block-transfer."""

    def frames(self) -> bytes:
        """The push as it goes out, in as many frames as it takes."""
        return b"".join(self._messages())

    def fault(self) -> str | None:
        """Why nobody can read the frames, when the library has made them so."""
        if self.framing == "hdlc" and not all(map(_length_holds, self._messages())):
            return NO_CARRY
        first, *more = replace(self, framing="none")._messages()  # noqa: SLF001 (its own class)
        if first[0] != BLOCK_TRANSFER:
            return CUT if more else None
        return None if [first, *more][-1][1] & LAST_BLOCK else UNENDED

    def _messages(self) -> list[bytes]:
        notify = self._notify()
        body = GXByteBuffer()
        entries = [self._entry(notify, end, row) for end, row in self.rows]
        head = [self.meter.serial.encode(), PUSH_SETUP, self._clock(notify, NOON)]
        pushed = _sequence(*head, GXArray(entries))
        _GXCommon.setData(notify.settings, body, DataType.STRUCTURE, pushed)
        told = NOON if self.told_time else None
        return [bytes(each) for each in notify.generateDataNotificationMessages(told, body)]

    def _notify(self) -> GXDLMSSecureNotify:
        interface = INTERFACES[self.framing]
        notify = GXDLMSSecureNotify(True, 64, 1, interface)  # noqa: FBT003 (its only way)
        notify.settings.useUtc2NormalTime = self.indian_sign
        notify.hdlcSettings.maxInfoTX = self.info_bytes_max
        # Without it the library sends nothing that takes two HDLC frames.
        notify.conformance |= Conformance.GENERAL_BLOCK_TRANSFER
        notify.maxReceivePDUSize = self.apdu_bytes_max
        ciphering = notify.ciphering
        ciphering.security = Security(self.meter.control)
        ciphering.systemTitle = self.meter.title
        ciphering.blockCipherKey = self.meter.encryption_key
        ciphering.authenticationKey = self.meter.authentication_key
        ciphering.invocationCounter = self.counter
        return notify

    def _entry(
        self, notify: GXDLMSSecureNotify, end: datetime, row: Mapping[str, Cell]
    ) -> GXStructure:
        cells = [row[name] for name in COLUMNS[self.meter.phases]]
        values = [INTEGERS[kind][0](value) for kind, value in cells]
        return _sequence(self._clock(notify, end), *values)

    def _clock(self, notify: GXDLMSSecureNotify, at: datetime) -> bytes | GXDateTime:
        if self.tagged_clocks:
            return GXDateTime(at)
        octets = GXByteBuffer()
        _GXCommon.setData(notify.settings, octets, DataType.OCTET_STRING, GXDateTime(at))
        return bytes(octets.array()[2:])

    def tree(self) -> Tree:
        """The body as `inspect` should show it."""
        kind = "date-time" if self.tagged_clocks else "octet-string"
        head: list[Tree] = [
            _octets(self.meter.serial.encode()),
            _octets(PUSH_SETUP),
            {"t": kind, "v": self.clock_octets(NOON).hex()},
        ]
        entries: list[Tree] = []
        for end, row in self.rows:
            cells = [row[name] for name in COLUMNS[self.meter.phases]]
            values: list[Tree] = [{"t": cell, "v": value} for cell, value in cells]
            entries.append(_structure({"t": kind, "v": self.clock_octets(end).hex()}, *values))
        return _structure(*head, {"t": "array", "v": entries})

    def clock_octets(self, at: datetime) -> bytes:
        """The twelve bytes of the standard's date-time; the library leaves the weekday out."""
        deviation = 330 if self.indian_sign else -330
        date = at.year.to_bytes(2) + bytes((at.month, at.day, 0xFF))
        time = bytes((at.hour, at.minute, at.second, 0))
        return date + time + deviation.to_bytes(2, signed=True) + b"\0"


def _length_holds(frame: bytes) -> bool:
    """Whether the length in an HDLC frame's format field is what stands between its flags."""
    return int.from_bytes(frame[1:3]) & 0x7FF == len(frame) - 2


def _sequence(*elements: object) -> GXStructure:
    made = GXStructure()
    made.extend(elements)
    return made


def _octets(octets: bytes) -> Tree:
    return {"t": "octet-string", "v": octets.hex()}


def _structure(*elements: Tree) -> Tree:
    return {"t": "structure", "v": list(elements)}
