"""A receiver that shares nothing with the service: GCM by cryptography, A-XDR by dlms-cosem.

Slow, and plain enough to be checked against the rules by eye.
"""

import csv
import io
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from dlms_cosem import utils
from dlms_cosem.protocol.xdlms.data_notification import DataNotification

SINGLE = ("volt_cv", "imp_wh", "imp_vah", "exp_wh", "exp_vah", "curr_ma")
THREE = (
    *("curr_r_ma", "curr_y_ma", "curr_b_ma", "volt_r_cv", "volt_y_cv", "volt_b_cv"),
    *("imp_wh", "exp_wh", "varh_q1", "varh_q2", "varh_q3", "varh_q4", "imp_vah", "exp_vah"),
)
COLUMNS = {"is15959-block-load-1ph": SINGLE, "is15959-block-load-3ph": THREE}
UNITS = {"volt": 10, "curr": 10}
"""Voltages come in 0.1 V and stand in 0.01 V; currents in 0.01 A and stand in 0.001 A."""
IST = timedelta(hours=5, minutes=30)
CONTROL = {"encrypt+authenticate": 0x30, "authenticate": 0x10, "encrypt": 0x20}

Read = dict[str, int]


class RefusedFrameError(Exception):
    """A frame with nothing to take from."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass
class Receiver:
    """Everything received, by the rules of intake."""

    registry_csv: bytes
    now: datetime
    interval: timedelta
    rejected: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    stored: dict[tuple[str, datetime], Read] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Indexes the registry."""
        rows = list(csv.DictReader(io.StringIO(self.registry_csv.decode())))
        self.by_title = {row["system_title"]: row for row in rows}
        self.by_serial = {row["serial"]: row for row in rows}

    def feed(self, octets: bytes) -> None:
        """A stream until its end; whatever stops it is one reject."""
        at = 0
        while at < len(octets):
            header, length = octets[at : at + 2], octets[at + 6 : at + 8]
            end = at + 8 + int.from_bytes(length, "big")
            if header != b"\0\1":
                return self._refuse("bad_value")
            if end > len(octets):
                return self._refuse("truncated")
            self._frame(octets[at + 8 : end])
            at = end
        return None

    def _refuse(self, kind: str) -> None:
        self.frames["quarantined"] += 1
        self.rejected[kind] += 1

    def _frame(self, apdu: bytes) -> None:
        try:
            row, counter, plain = self.open(apdu)
        except RefusedFrameError as refused:
            return self._refuse(refused.kind)
        if counter is not None:
            if counter < self.counters.get(row["serial"], 0):
                return self._refuse("replayed_counter")
            self.counters[row["serial"]] = counter
        fates = [self._read(row["serial"], *read) for read in reads_of(row, plain)]
        self.reads.update(fates)
        new = set(fates) - {"duplicate"}
        self.frames["accepted" if new else "duplicate"] += 1
        return None

    def open(self, apdu: bytes) -> tuple[dict[str, str], int | None, bytes]:
        """Whose it is, its counter and its plaintext."""
        if apdu[0] == 0xE7:
            self._known(apdu[3 : 3 + apdu[2]])
            apdu = apdu[3 + apdu[2] :]
        if apdu[0] == 0x0F:
            body = utils.parse_as_dlms_data(DataNotification.from_bytes(apdu).body)
            return self._known(body[0]), None, apdu
        assert apdu[:2] == b"\xdb\x08"
        title, rest = apdu[2:10], apdu[10:]
        rest = rest[1 if rest[0] < 0x80 else 1 + (rest[0] & 0x7F) :]
        row = self.by_title.get(title.hex())
        if row is None:
            raise RefusedFrameError("unknown_meter")
        control, counter, body = rest[0], rest[1:5], rest[5:]
        if control != CONTROL[row["security"]]:
            raise RefusedFrameError("security_policy")
        keys = bytes.fromhex(row["encryption_key"]), bytes.fromhex(row["authentication_key"])
        plain = unsealed(keys, control, title + counter, body)
        proved = int.from_bytes(counter, "big") if control & 0x10 else None
        return row, proved, plain

    def _known(self, serial: bytes) -> dict[str, str]:
        row = self.by_serial.get(serial.decode())
        if row is None:
            raise RefusedFrameError("unknown_meter")
        return row

    def _read(self, serial: str, end: datetime, values: Read) -> str:
        since_midnight = end - end.replace(hour=0, minute=0, second=0, microsecond=0)
        if since_midnight % self.interval:
            self.rejected["misaligned"] += 1
            return "quarantined"
        utc = end - IST
        if utc > self.now + timedelta(minutes=15):
            self.rejected["future_timestamp"] += 1
            return "quarantined"
        if utc < self.now - timedelta(days=90):
            self.rejected["too_old"] += 1
            return "quarantined"
        key = (serial, utc - self.interval)
        before = self.stored.get(key)
        if before == values:
            return "duplicate"
        self.stored[key] = values
        return "stored" if before is None else "changed"


def unsealed(keys: tuple[bytes, bytes], control: int, nonce: bytes, body: bytes) -> bytes:
    """The plaintext of a body, checked where it can be."""
    key, authentication_key = keys
    head = bytes([control]) + authentication_key
    if control == 0x20:  # counter mode, from block 2 on as GCM counts
        stream = Cipher(algorithms.AES(key), modes.CTR(nonce + b"\0\0\0\2")).decryptor()
        return stream.update(body) + stream.finalize()
    try:
        if control == 0x30:
            return _gcm(key, nonce, body[:-12], body[-12:], head)
        _gcm(key, nonce, b"", body[-12:], head + body[:-12])
    except InvalidTag:
        raise RefusedFrameError("bad_authentication") from None
    return body[:-12]


def _gcm(key: bytes, nonce: bytes, text: bytes, tag: bytes, aad: bytes) -> bytes:
    """GCM with the tag of 12 bytes that DLMS cuts it to."""
    mode = modes.GCM(nonce, tag, min_tag_length=12)
    opener = Cipher(algorithms.AES(key), mode).decryptor()
    opener.authenticate_additional_data(aad)
    return opener.update(text) + opener.finalize()


def reads_of(row: dict[str, str], plain: bytes) -> list[tuple[datetime, Read]]:
    """The local end and the values, in the store's units, of every row."""
    body = utils.parse_as_dlms_data(DataNotification.from_bytes(plain).body)
    serial, setup, _pushed_at, entries = body
    assert serial.decode() == row["serial"]
    assert bytes(setup) == bytes([0, 0, 25, 9, 0, 255])
    columns = COLUMNS[row["layout"]]
    return [
        (
            local_end(clock),
            {
                name: value * UNITS.get(name[:4], 1)
                for name, value in zip(columns, values, strict=True)
            },
        )
        for clock, *values in entries
    ]


def local_end(clock: bytes) -> datetime:
    """The clock on the meter's wall; deviation and status are not needed in India."""
    year, month, day = int.from_bytes(clock[:2], "big"), clock[2], clock[3]
    end = datetime(year, month, day, *clock[5:8])  # noqa: DTZ001 (local by definition)
    assert clock[4] == end.isoweekday()
    assert bytes(clock[9:]) in {b"\x01\x4a\x00", b"\xfe\xb6\x00", b"\x80\x00\xff"}
    return end
