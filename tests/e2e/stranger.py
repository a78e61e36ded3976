"""A meter, a concentrator and a reader nobody here wrote: plain sockets, cryptography, MessagePack.

Nothing of meteringest or its simulator makes or reads a byte here (the clock is the machine's);
what both got wrong in the same way shows.
"""

import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from meteringest.clock import WallClock

IST = timedelta(hours=5, minutes=30)
PUSH_LN = bytes([0, 0, 25, 9, 0, 255])
HALF_HOUR = timedelta(minutes=30)
TIMEOUT_S = 20.0


def sized(count: int) -> bytes:
    """An A-XDR length."""
    if count < 0x80:
        return bytes([count])
    return b"\x81" + bytes([count]) if count < 0x100 else b"\x82" + struct.pack(">H", count)


def octets(content: bytes) -> bytes:
    return b"\x09" + sized(len(content)) + content


def u16(value: int) -> bytes:
    return b"\x12" + struct.pack(">H", value)


def u32(value: int) -> bytes:
    return b"\x06" + struct.pack(">I", value)


def u64(value: int) -> bytes:
    return b"\x15" + struct.pack(">Q", value)


def i32(value: int) -> bytes:
    return b"\x05" + struct.pack(">i", value)


def structure(*fields: bytes) -> bytes:
    return b"\x02" + sized(len(fields)) + b"".join(fields)


def array(*rows: bytes) -> bytes:
    return b"\x01" + sized(len(rows)) + b"".join(rows)


def date_time(local: datetime, *, deviation: int = 330, status: int = 0) -> bytes:
    """Twelve bytes with `local` as it stands on the meter's display."""
    day = struct.pack(">HBBB", local.year, local.month, local.day, local.isoweekday())
    clock = bytes([local.hour, local.minute, local.second, 0])
    return day + clock + struct.pack(">hB", deviation, status)


@dataclass
class Row:
    """One interval of a single-phase meter; energies in Wh and VAh, 0.1 V, 0.01 A."""

    end: datetime
    imp: int
    volt: int = 2301
    imp_vah: int = 0
    exp: int = 0
    exp_vah: int = 0
    curr: int = 412

    def packed(self, clock: bytes | None = None) -> bytes:
        """As the built-in single-phase layout orders it; `end` is UTC and sent as IST."""
        stamp = octets(date_time(self.end + IST)) if clock is None else clock
        values = (u16(self.volt), u32(self.imp), u32(self.imp_vah), u32(self.exp))
        return structure(stamp, *values, u32(self.exp_vah), u16(self.curr))


def notification(body: bytes, *, invoke: int = 1, confirmed: bool = False) -> bytes:
    long_invoke_id = invoke | (0x40000000 if confirmed else 0)
    return b"\x0f" + struct.pack(">I", long_invoke_id) + b"\x00" + body


def wrapped(apdu: bytes, *, source: int = 1, destination: int = 64) -> bytes:
    return struct.pack(">HHHH", 1, source, destination, len(apdu)) + apdu


def gateway(device: bytes, apdu: bytes, *, tag: int = 0xE7, network: int = 3) -> bytes:
    return bytes([tag, network, len(device)]) + device + apdu


@dataclass
class Meter:
    """One registered meter, and the counter of what it has sent."""

    serial: str
    number: int
    security: str = "encrypt+authenticate"
    phase: int = 1
    interval_s: int = 1800
    time_policy: str = "ist"
    counter: int = 0
    title: bytes = field(init=False)
    encryption_key: bytes = field(init=False)
    authentication_key: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Makes its title and keys of its number."""
        self.title = b"STR" + struct.pack(">BI", 0, self.number)
        self.encryption_key = bytes((self.number * 7 + place) % 256 for place in range(16))
        self.authentication_key = bytes((self.number * 13 + place) % 256 for place in range(16))

    def csv(self, dcu: str = "") -> str:
        key, auth = self.encryption_key.hex(), self.authentication_key.hex()
        kept = (key, auth) if self.security != "none" else ("", "")
        shape = (self.security, str(self.phase), str(self.interval_s), self.time_policy)
        return ",".join((self.serial, self.title.hex(), dcu, *kept, *shape))

    def sealed(self, plain: bytes, *, control: int = 0x30, counter: int | None = None) -> bytes:
        """A general-glo-ciphering APDU; its counter is the next one unless given."""
        if counter is None:
            self.counter += 1
            counter = self.counter
        nonce = self.title + struct.pack(">I", counter)
        head = bytes([control])
        if control & 0x30 == 0x30:
            aad = head + self.authentication_key
            body = AESGCM(self.encryption_key).encrypt(nonce, plain, aad)[:-4]
        elif control & 0x10:
            aad = head + self.authentication_key + plain
            body = plain + AESGCM(self.encryption_key).encrypt(nonce, b"", aad)[:12]
        else:
            mode = modes.CTR(nonce + struct.pack(">I", 2))
            encryptor = Cipher(algorithms.AES(self.encryption_key), mode).encryptor()
            body = encryptor.update(plain)
        inner = head + struct.pack(">I", counter) + body
        return b"\xdb\x08" + self.title + sized(len(inner)) + inner

    def body(self, rows: Sequence[bytes], *, clock: bytes = b"\x00", alone: bool = False) -> bytes:
        identity = (octets(self.serial.encode()), octets(PUSH_LN), clock)
        return structure(*identity, rows[0] if alone else array(*rows))

    def push(
        self,
        rows: Iterable[Row],
        *,
        counter: int | None = None,
        control: int = 0x30,
        confirmed: bool = False,
        invoke: int = 1,
    ) -> bytes:
        """The common frame: wrapper, general-glo, data-notification, array of rows."""
        body = self.body([row.packed() for row in rows])
        plain = notification(body, confirmed=confirmed, invoke=invoke)
        return wrapped(self.sealed(plain, control=control, counter=counter))


CSV_HEAD = (
    "serial,system_title,dcu,encryption_key,authentication_key,"
    "security,phase,interval_s,time_policy"
)


def half_hours(last: datetime, count: int, first_imp: int = 100) -> list[Row]:
    """`count` rows ending at `last`, oldest first."""
    return [
        Row(last - HALF_HOUR * (count - 1 - place), first_imp + place) for place in range(count)
    ]


def midnight_ist(days_ago: int = 1) -> datetime:
    """00:00 in India, in UTC."""
    local = datetime.fromtimestamp(WallClock().now_s(), UTC) + IST
    return datetime(local.year, local.month, local.day, tzinfo=UTC) - timedelta(days=days_ago) - IST


class Wire:
    """A plain TCP peer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        """Connected already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Without a goodbye."""
        self.socket.close()

    def send(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self.socket.sendall(chunk)

    def rest(self) -> bytes:
        """Half-closes, and takes whatever still comes until the server closes."""
        self.socket.shutdown(socket.SHUT_WR)
        return self.until_closed()

    def until_closed(self) -> bytes:
        taken = b""
        try:
            while chunk := self.socket.recv(65_536):
                taken += chunk
        except ConnectionResetError:
            pass
        return taken

    def exactly(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            chunk = self.socket.recv(count - len(taken))
            if not chunk:
                raise ConnectionAbortedError(len(taken), count)
            taken += chunk
        return taken


def exchange(port: int, *chunks: bytes) -> bytes:
    """Sends, half-closes, returns the answers; what was answered is durable when this returns."""
    with Wire(port) as wire:
        wire.send(*chunks)
        return wire.rest()


class Concentrator(Wire):
    """The acked uplink from its specification alone; keeps what is not acknowledged."""

    def __init__(self, port: int, dcu: int | str, *, token: str | None = None) -> None:
        super().__init__(port)
        self.dcu = dcu
        self.token = token
        self.acked = 0
        self.window = 0

    def tell(self, message: object) -> None:
        body = msgspec.msgpack.encode(message)
        self.send(struct.pack(">I", len(body)) + body)

    def hear(self) -> dict[str, Any]:
        (length,) = struct.unpack(">I", self.exactly(4))
        message: dict[str, Any] = msgspec.msgpack.decode(self.exactly(length))
        if message["type"] == "ack":
            self.acked = message["acked"]
        return message

    def hello(self, resume: int | None = None) -> dict[str, Any]:
        told: dict[str, Any] = {"type": "hello", "protocol": 1, "dcu": self.dcu, "resume": resume}
        if self.token is not None:
            told["token"] = self.token
        self.tell(told)
        answer = self.hear()
        if answer["type"] == "welcome":
            self.acked, self.window = answer["acked"], answer["window"]
        return answer

    def envelope(
        self, sequence: int, frame: bytes, *, meter: str = "", as_array: bool = False
    ) -> None:
        received_at = WallClock().now_ms()
        if as_array:
            self.tell([sequence, received_at, meter, frame])
        else:
            told = {"sequence": sequence, "received_at": received_at}
            self.tell({**told, "meter": meter, "frame": frame})

    def until_acked(self, sequence: int) -> None:
        while self.acked < sequence:
            message = self.hear()
            assert message["type"] == "ack", message


def crc16(octets_of: bytes) -> bytes:
    """CRC-16/X.25, low byte first, bit by bit."""
    crc = 0xFFFF
    for byte in octets_of:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return struct.pack("<H", crc ^ 0xFFFF)


def hdlc(apdu: bytes, *, size: int = 120) -> bytes:
    """UI frames of at most `size` octets of an APDU each; LLC only in the first."""
    content = b"\xe6\xe7\x00" + apdu
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    frames = b""
    for at, part in enumerate(parts):
        segmented = 0x0800 if at + 1 < len(parts) else 0
        head = struct.pack(">HBBB", 0xA000 | segmented | (len(part) + 9), 0x03, 0x21, 0x13)
        body = head + crc16(head) + part
        frames += b"\x7e" + body + crc16(body) + b"\x7e"
    return frames


def mbus(apdu: bytes, *, size: int = 200) -> bytes:
    """M-Bus long frames: segment index in CI, bit 0x10 in the last."""
    parts = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    frames = b""
    for at, part in enumerate(parts):
        last = 0x10 if at + 1 == len(parts) else 0
        body = bytes([0x53, 0xFF, at | last, 0x01, 0x67]) + part
        frames += b"\x68" + bytes([len(body)] * 2) + b"\x68" + body
        frames += bytes([sum(body) % 256, 0x16])
    return frames


def in_blocks(apdu: bytes, *, size: int = 100) -> list[bytes]:
    """general-block-transfer as pushes use it: streaming, window 0, nobody acknowledges."""
    parts = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    return [
        b"\xe0"
        + bytes([0xC0 if number == len(parts) else 0x40])
        + struct.pack(">HH", number, 0)
        + sized(len(part))
        + part
        for number, part in enumerate(parts, 1)
    ]
