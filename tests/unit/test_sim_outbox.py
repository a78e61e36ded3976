"""The reference client's rules, without a socket: docs/uplink.md, sections 3 to 5."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meteringest.errors import LinkError
from meteringest_sim.links import ConfirmCounter
from meteringest_sim.outbox import Ack, Envelope, Message, MessageReader, Outbox, Refusal, Welcome
from meteringest_sim.uplink import ENVELOPE_FRAMES_BYTES, envelopes


def wrapped(apdu: bytes) -> bytes:
    return b"\0\1\0\1\0\x40" + len(apdu).to_bytes(2, "big") + apdu


def said(message: Message) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4, "big") + body


def left(octets: bytes) -> list[Envelope]:
    """The envelopes in what left an outbox."""
    found = []
    while octets:
        end = 4 + int.from_bytes(octets[:4], "big")
        found.append(msgspec.msgpack.decode(octets[4:end], type=Envelope))
        octets = octets[end:]
    return found


def greeted(acked: int = 0, window: int = 3) -> Outbox:
    outbox = Outbox()
    outbox.hello(1)
    outbox.welcome(Welcome(acked, window))
    return outbox


def filled(outbox: Outbox, count: int) -> Outbox:
    for index in range(count):
        outbox.put(wrapped(bytes([index])), received_at_ms=7)
    return outbox


def numbers(octets: bytes) -> list[int]:
    return [envelope.sequence for envelope in left(octets)]


def test_the_hello_of_the_example_in_the_specification() -> None:
    assert Outbox().hello(7).hex() == (
        "00000023" + "84" + "a474797065" + "a568656c6c6f" + "a870726f746f636f6c" + "01"
        "a3646375" + "07" + "a6726573756d65" + "c0"
    )


def test_the_window_limits_what_leaves_and_acks_open_it() -> None:
    outbox = filled(greeted(window=3), 5)
    assert numbers(outbox.take()) == [1, 2, 3]
    assert outbox.take() == b""
    assert not outbox.room
    outbox.covers(2)
    assert numbers(outbox.take()) == [4, 5]
    assert (outbox.pending, outbox.acked) == (3, 2)


def test_a_client_without_memory_goes_on_where_the_server_is() -> None:
    outbox = filled(greeted(acked=41), 1)
    assert numbers(outbox.take()) == [42]


def test_after_a_loss_everything_unacked_goes_out_again_with_the_same_bytes() -> None:
    outbox = filled(greeted(), 3)
    first = outbox.take()
    outbox.covers(1)
    hello = msgspec.msgpack.decode(outbox.hello(1)[4:])
    assert hello["resume"] == 1
    assert outbox.take() == b""
    outbox.welcome(Welcome(2, 3))
    again = outbox.take()
    assert numbers(again) == [3]
    assert first.endswith(again)


def test_a_server_that_goes_on_elsewhere_is_an_error_and_never_a_renumbering() -> None:
    outbox = filled(greeted(), 2)
    outbox.covers(1)
    with pytest.raises(LinkError, match="goes on at 1, this outbox holds 2"):
        outbox.welcome(Welcome(0, 3))


@given(
    window=st.integers(1, 5),
    moves=st.lists(st.sampled_from(["put", "take", "ack", "lose"]), max_size=60),
)
def test_nothing_is_lost_or_reordered_whatever_happens(window: int, moves: list[str]) -> None:
    outbox = greeted(window=window)
    taken = sent = put = 0
    for move in moves:
        match move:
            case "put":
                put += 1
                outbox.put(wrapped(b""), received_at_ms=put)
            case "take":
                for envelope in left(outbox.take()):
                    assert envelope.sequence <= sent + 1
                    assert envelope.received_at == envelope.sequence
                    sent = max(sent, envelope.sequence)
                assert sent - taken <= window
            case "ack":
                taken = sent
                outbox.covers(taken)
            case _:
                taken = sent  # the server had taken more than it could say
                outbox.hello(1)
                outbox.welcome(Welcome(taken, window))
        assert outbox.pending == put - taken
        assert outbox.acked == taken


MESSAGES: list[Message] = [Welcome(5, 9), Ack(6), Ack(1 << 63), Refusal("busy", "later")]


@given(st.lists(st.sampled_from(MESSAGES)), st.lists(st.integers(1, 9)))
def test_messages_do_not_depend_on_how_tcp_cuts_them(
    messages: list[Message], cuts: list[int]
) -> None:
    octets = b"".join(map(said, messages))
    reader = MessageReader()
    heard: list[Message] = []
    for cut in [*cuts, len(octets)]:
        heard += reader.feed(octets[:cut])
        octets = octets[cut:]
    assert heard == messages


@given(st.lists(st.integers(0, 9_000), max_size=40))
def test_envelopes_hold_whole_frames_up_to_their_limit(lengths: list[int]) -> None:
    frames = [wrapped(bytes(length)) for length in lengths]
    octets = b"".join(frames)
    runs = list(envelopes(memoryview(octets)))
    assert b"".join(runs) == octets
    assert all(0 < len(run) <= ENVELOPE_FRAMES_BYTES for run in runs)
    starts = {sum(map(len, frames[:index])) for index in range(len(frames))}
    assert {sum(map(len, runs[:index])) for index in range(len(runs))} <= starts
    assert all(
        len(one) + len(other) > ENVELOPE_FRAMES_BYTES - 9_008 for one, other in pairwise(runs)
    )


def test_a_frame_longer_than_an_envelope_goes_alone() -> None:
    octets = wrapped(b"") + wrapped(bytes(65_000)) + wrapped(b"")
    assert [len(run) for run in envelopes(octets)] == [8, 65_008, 8]


CONFIRMS = [b"\x10abcdef", b"\xe6\0\2MM\x10abcdef"]


@given(
    st.lists(st.sampled_from([*CONFIRMS, b"\x0f", b"\xe6", b"\xe6\0\2MM\x0f", b""])),
    st.lists(st.integers(1, 9)),
)
def test_only_whole_confirms_are_counted(apdus: list[bytes], cuts: list[int]) -> None:
    octets = b"".join(map(wrapped, apdus)) + wrapped(b"\x10")[:-1]
    counter = ConfirmCounter()
    count = 0
    for cut in [*cuts, len(octets)]:
        count += counter.feed(octets[:cut])
        octets = octets[cut:]
    assert count == sum(apdus.count(confirm) for confirm in CONFIRMS)
