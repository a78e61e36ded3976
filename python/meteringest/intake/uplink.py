"""The acked uplink's messages, all but the envelopes: docs/uplink.md, sections 1, 3 and 6.

Rule 1: what a hello must be is decided here; envelopes go from the socket into the link unread.
Rule 2: this file knows no socket and no clock.
"""

from typing import Literal

import msgspec

PROTOCOL = 1
HELLO_BYTES_MAX = 4_096
LENGTH_BYTES = 4

Reason = Literal[
    "bad_hello",
    "unsupported_protocol",
    "unknown_dcu",
    "not_authenticated",
    "busy",
    "superseded",
    "bad_stream",
    "idle",
    "shutting_down",
]


class Hello(msgspec.Struct, frozen=True):
    """Who is speaking, and up to where it was told."""

    # A field and no tag: a tag that is missing is taken for the right one.
    type: Literal["hello"]
    protocol: int
    dcu: int | str
    resume: int | None = None
    token: str | None = None


class Welcome(msgspec.Struct, frozen=True, tag_field="type", tag="welcome"):
    """Where to go on, and how far ahead of the acks."""

    acked: int
    window: int


class Ack(msgspec.Struct, frozen=True, tag_field="type", tag="ack"):
    """Everything up to here is durable."""

    acked: int


class Refusal(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    """The last message: why the link ends."""

    reason: Reason
    detail: str


class UplinkRefused(Exception):  # noqa: N818 (it is an answer on the wire, not a fault of ours)
    """Ends a greeting: the peer is told `refusal` and the link is closed."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """Carries what goes on the wire."""
        super().__init__(reason, detail)
        self.refusal = Refusal(reason, detail)

    def __str__(self) -> str:
        """One line for the log."""
        return f"{self.refusal.reason}: {self.refusal.detail}"


def packed(message: Welcome | Ack | Refusal) -> bytes:
    """`message` as it goes on the wire."""
    body = _ENCODER.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class HelloReader:
    """Collects the first message of a link, however TCP has cut it."""

    def __init__(self) -> None:
        """Nothing read yet."""
        self._held = bytearray()

    def feed(self, chunk: bytes) -> Hello | None:
        """The hello once it is whole, None while it is not; raises UplinkRefused on anything else.

        No more than one over-long hello and a chunk is ever held.
        """
        self._held += chunk
        if len(self._held) < LENGTH_BYTES:
            return None
        length = int.from_bytes(self._held[:LENGTH_BYTES], "big")
        if not 0 < length <= HELLO_BYTES_MAX:
            raise UplinkRefused(
                "bad_hello", f"a hello has 1 to {HELLO_BYTES_MAX} bytes, this one says {length}"
            )
        if len(self._held) < LENGTH_BYTES + length:
            return None
        if len(self._held) > LENGTH_BYTES + length:
            raise UplinkRefused("bad_hello", "bytes after the hello, before the welcome")
        return _hello(bytes(self._held[LENGTH_BYTES:]))


def _hello(body: bytes) -> Hello:
    try:
        hello = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UplinkRefused("bad_hello", str(error)) from None
    if hello.protocol != PROTOCOL:
        raise UplinkRefused(
            "unsupported_protocol", f"this server speaks {PROTOCOL}, not {hello.protocol}"
        )
    if hello.resume is not None and not 0 <= hello.resume < SEQUENCE_END:
        raise UplinkRefused("bad_hello", f"resume is not an unsigned 64-bit number: {hello.resume}")
    return hello


SEQUENCE_END = 1 << 64
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Hello)
