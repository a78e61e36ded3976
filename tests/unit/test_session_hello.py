"""An uplink's first message, however it is cut and whatever it is."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meteringest.intake.uplink import (
    HELLO_BYTES_MAX,
    Ack,
    Hello,
    HelloReader,
    Refusal,
    UplinkRefused,
    Welcome,
    packed,
)

SPECIFIED_HELLO = bytes.fromhex(
    "0000002384a474797065a568656c6c6fa870726f746f636f6c01a364637507a6726573756d65c0"
)
SPECIFIED_WELCOME = bytes.fromhex(
    "0000001f83a474797065a777656c636f6d65a561636b656400a677696e646f77cd1000"
)


def framed(message: object) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4, "big") + body


def refusal(message: bytes) -> Refusal:
    with pytest.raises(UplinkRefused) as refused:
        HelloReader().feed(message)
    return refused.value.refusal


def test_the_example_of_the_specification() -> None:
    assert HelloReader().feed(SPECIFIED_HELLO) == Hello(
        type="hello", protocol=1, dcu=7, resume=None
    )
    assert packed(Welcome(acked=0, window=4096)) == SPECIFIED_WELCOME


@given(cut=st.integers(0, len(SPECIFIED_HELLO)))
def test_a_hello_may_be_cut_anywhere(cut: int) -> None:
    reader = HelloReader()
    first = reader.feed(SPECIFIED_HELLO[:cut])
    assert (first or reader.feed(SPECIFIED_HELLO[cut:])) == Hello(type="hello", protocol=1, dcu=7)


def test_unknown_keys_are_ignored() -> None:
    hello = {"type": "hello", "protocol": 1, "dcu": "north-7", "resume": 3, "colour": [1, {}]}
    assert HelloReader().feed(framed(hello)) == Hello(
        type="hello", protocol=1, dcu="north-7", resume=3
    )


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"type": "hello", "protocol": 2, "dcu": 7}, "unsupported_protocol"),
        ({"protocol": 1, "dcu": 7}, "bad_hello"),
        ({"type": "hello", "protocol": 1}, "bad_hello"),
        ({"type": "hello", "protocol": 1, "dcu": 7, "resume": -1}, "bad_hello"),
        ({"type": "hello", "protocol": 1, "dcu": 1.5}, "bad_hello"),
        ({"type": "welcome", "protocol": 1, "dcu": 7}, "bad_hello"),
        ([1, 2, 3], "bad_hello"),
        (None, "bad_hello"),
    ],
)
def test_what_is_no_hello_is_refused(message: object, reason: str) -> None:
    assert refusal(framed(message)).reason == reason


def test_a_length_of_two_gibibytes_is_refused_before_anything_is_held() -> None:
    assert "2147483648" in refusal(b"\x80\x00\x00\x00").detail
    assert refusal((HELLO_BYTES_MAX + 1).to_bytes(4, "big")).reason == "bad_hello"
    assert refusal(bytes(4)).reason == "bad_hello"


def test_bytes_behind_the_hello_are_refused() -> None:
    assert refusal(SPECIFIED_HELLO + b"\x00").reason == "bad_hello"


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_waited_for_and_never_raises_anything_else(body: bytes) -> None:
    with suppress(UplinkRefused):
        HelloReader().feed(len(body).to_bytes(4, "big") + body)


def test_deep_nesting_is_refused() -> None:
    body = b"\x91" * 4_000 + b"\xc0"
    assert refusal(len(body).to_bytes(4, "big") + body).reason == "bad_hello"


def test_server_messages_carry_their_type() -> None:
    for message, kind in (
        (Ack(5), "ack"),
        (Welcome(5, 10), "welcome"),
        (Refusal("busy", "later"), "error"),
    ):
        wire = packed(message)
        assert int.from_bytes(wire[:4], "big") == len(wire) - 4
        assert msgspec.msgpack.decode(wire[4:])["type"] == kind
