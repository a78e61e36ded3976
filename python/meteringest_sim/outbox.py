"""A concentrator's side of the acked uplink, without a socket: docs/uplink.md, sections 3 to 5.

Rule 1: an envelope leaves the outbox only when a welcome or an ack covers its number.
Rule 2: this file knows no socket and no clock. A concentrator that must survive its own restart
keeps `pending` in a file; the simulator's memory is its process.
"""

from collections import deque

import msgspec

from meteringest.errors import LinkError

PROTOCOL = 1
LENGTH_BYTES = 4
MESSAGE_BYTES_MAX = 4_096
"""A welcome, an ack and an error are far shorter."""


class Hello(msgspec.Struct, frozen=True, tag_field="type", tag="hello", omit_defaults=True):
    """The first message of a link."""

    protocol: int
    dcu: int
    resume: int | None
    token: str | None = None


class Welcome(msgspec.Struct, frozen=True, tag_field="type", tag="welcome"):
    """Where to go on."""

    acked: int
    window: int


class Ack(msgspec.Struct, frozen=True, tag_field="type", tag="ack"):
    """Everything up to here is safe."""

    acked: int


class Refusal(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    """Why the link ends."""

    reason: str
    detail: str = ""


Message = Welcome | Ack | Refusal

FINAL = frozenset(
    {"bad_hello", "unsupported_protocol", "unknown_dcu", "not_authenticated", "superseded"}
)
"""Reasons after which coming back does not help."""


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """One message of frames; as an array it is shortest."""

    sequence: int
    received_at: int
    meter: str
    frame: bytes


class Pending(msgspec.Struct, frozen=True):
    """A numbered envelope, exactly as it goes on the wire."""

    sequence: int
    wire: bytes


class MessageReader:
    """The server's messages, however TCP has cut them."""

    def __init__(self) -> None:
        """Nothing read yet."""
        self._held = bytearray()

    def feed(self, chunk: bytes) -> list[Message]:
        """The messages that `chunk` completes; raises LinkError on what is none."""
        self._held += chunk
        messages: list[Message] = []
        at = 0
        while len(self._held) - at >= LENGTH_BYTES:
            length = int.from_bytes(self._held[at : at + LENGTH_BYTES], "big")
            if not 0 < length <= MESSAGE_BYTES_MAX:
                raise LinkError("uplink", f"the server announces a message of {length} bytes")
            end = at + LENGTH_BYTES + length
            if end > len(self._held):
                break
            messages.append(_message(bytes(self._held[at + LENGTH_BYTES : end])))
            at = end
        del self._held[:at]
        return messages


class Outbox:
    """Numbered envelopes: not yet sent, in flight, or gone because the server has them."""

    def __init__(self) -> None:
        """A concentrator without memory: the server's welcome says where numbering starts."""
        self.told: int | None = None
        self.acked = 0
        self._pending: deque[Pending] = deque()
        self._in_flight = 0
        self._window = 0
        self._next = 1

    @property
    def pending(self) -> int:
        """Envelopes that no ack covers yet."""
        return len(self._pending)

    @property
    def room(self) -> bool:
        """Whether the next envelope may leave at once."""
        return len(self._pending) < self._window

    def put(self, frame: bytes, *, received_at_ms: int, meter: str = "") -> None:
        """Numbers one envelope; a welcome must have come before the first."""
        envelope = Envelope(self._next, received_at_ms, meter, frame)
        self._pending.append(Pending(self._next, packed(envelope)))
        self._next += 1

    def take(self) -> bytes:
        """Everything that may leave now, in order."""
        leaving: list[bytes] = []
        while self._in_flight < min(len(self._pending), self._window):
            leaving.append(self._pending[self._in_flight].wire)
            self._in_flight += 1
        return b"".join(leaving)

    def hello(self, dcu: int, token: str | None = None) -> bytes:
        """The first bytes of a new link."""
        self._in_flight = 0
        self._window = 0
        return packed(Hello(PROTOCOL, dcu, self.told, token))

    def welcome(self, welcome: Welcome) -> None:
        """Goes on after what the server has; everything younger goes out again."""
        self._window = welcome.window
        first = self.told is None and not self._pending
        self.covers(welcome.acked)
        if first:
            self._next = welcome.acked + 1
        expected = self._pending[0].sequence if self._pending else self._next
        if expected != welcome.acked + 1:
            reason = f"the server goes on at {welcome.acked + 1}, this outbox holds {expected}"
            raise LinkError("uplink", reason)

    def covers(self, acked: int) -> None:
        """Forgets every envelope up to `acked`."""
        self.told = max(acked, self.told or 0)
        while self._pending and self._pending[0].sequence <= acked:
            self._pending.popleft()
            self._in_flight = max(0, self._in_flight - 1)
            self.acked += 1


def packed(message: Hello | Envelope) -> bytes:
    """`message` as it goes on the wire."""
    body = _ENCODER.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def _message(body: bytes) -> Message:
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise LinkError("uplink", f"the server sent what is no message: {error}") from None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
