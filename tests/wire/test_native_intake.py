"""Intake with the real splitter and decoder on real sockets.

No meter is known, so every frame becomes a reject; what matters here is who is told what, and
when a link ends.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import trio
import trio.lowlevel
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.line import Bench, FakeJournal, OneDcu
from tests.wire.sockets import Serving, ends, one, serving, settings_of, until
from tests.wire.test_uplink import acked_up_to, greeted, hello, message, uplink

from meteringest.intake.happenings import LinkClosed, LinkLost
from meteringest.intake.ports import Batch
from meteringest.intake.server import IntakeServer
from meteringest.native import Decoder, Link

WRAPPED = bytes.fromhex("0001 0001 0040 0003 0f0102")


class Journal(FakeJournal):
    """Syncs what it gets, and keeps counts instead of frames."""

    def __init__(self) -> None:
        super().__init__(syncs_itself=True)
        self.counted = 0

    def append(self, batch: Batch, _now_ms: int, /) -> int:
        self.appended += batch.rows
        self.durable = self.appended
        frames = batch.counts["frames"]
        assert isinstance(frames, int)
        self.counted += frames
        return self.appended


@asynccontextmanager
async def native(**listener: object) -> AsyncIterator[tuple[Serving, Journal]]:
    journal = Journal()
    decoder = Decoder(1, b"{}")
    wanted = settings_of(uplink()) if listener.get("framing") == "uplink" else one(**listener)
    async with serving(wanted, journal=journal, decoder=decoder, make_link=Link) as it:
        yield it, journal


def envelope(sequence: int, frame: bytes, *, form: str = "map") -> bytes:
    words = {"sequence": sequence, "received_at": 1_795_000_000_000, "meter": "", "frame": frame}
    body = msgspec.msgpack.encode(words if form == "map" else list(words.values()))
    return len(body).to_bytes(4, "big") + body


async def test_frames_are_counted_however_tcp_cuts_them() -> None:
    async with native() as (it, journal):
        peer = await it.connect()
        for cut in range(len(WRAPPED)):
            await peer.send_all(WRAPPED[:cut])
            await trio.lowlevel.checkpoint()
            await peer.send_all(WRAPPED[cut:])
        await until(lambda: journal.counted == len(WRAPPED))


async def test_half_a_frame_at_the_end_is_counted() -> None:
    async with native() as (it, journal):
        peer = await it.connect()
        await peer.send_all(WRAPPED + WRAPPED[:9])
        await peer.send_eof()
        assert await ends(peer) == b""
        await it.seen(LinkClosed)
        assert journal.counted == 2


async def test_a_wrapper_stream_that_is_lost_ends_its_link_and_says_where() -> None:
    async with native(framing="wrapper") as (it, journal):
        peer = await it.connect()
        await peer.send_all(WRAPPED + b"\xff" * 100_000)
        await ends(peer)
        await it.seen(LinkLost)
        assert it.bench.observer.of(LinkLost)[0].detail.startswith("wrapper: ")
        assert journal.counted == 2


async def test_envelopes_of_both_forms_are_acked() -> None:
    async with native(framing="uplink") as (it, journal):
        peer, _ = await greeted(it)
        await peer.send_all(envelope(1, WRAPPED * 3) + envelope(2, WRAPPED, form="array"))
        await acked_up_to(peer, 2)
        assert journal.counted == 4


async def test_an_envelope_that_cannot_be_read_is_bad_stream() -> None:
    async with native(framing="uplink") as (it, _):
        peer, _ = await greeted(it)
        await peer.send_all(envelope(1, WRAPPED) + b"\x00\x00\x00\x02\xc0\xc0")
        await acked_up_to(peer, 1)
        assert (await message(peer))["reason"] == "bad_stream"


async def test_a_gap_is_bad_stream_and_nothing_from_it_on_is_acked() -> None:
    async with native(framing="uplink") as (it, _):
        peer, _ = await greeted(it)
        await peer.send_all(envelope(1, WRAPPED) + envelope(3, WRAPPED) + envelope(2, WRAPPED))
        await acked_up_to(peer, 1)
        assert (await message(peer))["reason"] == "bad_stream"


async def test_a_length_of_two_gibibytes_is_refused_before_it_is_held() -> None:
    async with native(framing="uplink") as (it, _):
        peer, _ = await greeted(it)
        await peer.send_all(b"\x80\x00\x00\x00")
        assert (await message(peer))["reason"] == "bad_stream"


async def test_a_resent_envelope_is_acked_again_and_stored_once() -> None:
    async with native(framing="uplink") as (it, _):
        peer, _ = await greeted(it)
        await peer.send_all(envelope(1, WRAPPED))
        await acked_up_to(peer, 1)
        await peer.send_all(envelope(1, WRAPPED) + envelope(2, WRAPPED))
        await acked_up_to(peer, 2)


async def test_links_of_any_framing_come_in_at_one_port_and_keep_the_one_they_began_with() -> None:
    unnumbered = bytes.fromhex("7ea0070303938c117e")
    long_frame = bytes.fromhex("680606685300100101 0f 7416".replace(" ", ""))
    async with native() as (it, journal):
        peers = [await it.connect() for _ in range(3)]
        for peer, sent in zip(peers, (WRAPPED, unnumbered, long_frame), strict=True):
            for byte in sent:
                await peer.send_all(bytes([byte]))
        await until(lambda: journal.counted == 3)
        # Another framing's bytes: noise in HDLC, the end of a wrapper's link.
        await peers[1].send_all(WRAPPED + unnumbered)
        await until(lambda: journal.counted == 5)
        await peers[0].send_all(unnumbered)
        await it.seen(LinkLost)
        assert it.bench.observer.of(LinkLost)[0].detail.startswith("wrapper: ")
        assert journal.counted == 6


@settings(max_examples=50)
@given(garbage=st.binary(min_size=1, max_size=2_000), framed=st.booleans())
def test_garbage_never_harms_the_others(garbage: bytes, framed: bool) -> None:  # noqa: FBT001
    async def scenario() -> None:
        async with native(framing="wrapper" if framed else "auto") as (it, journal):
            bad = await it.connect()
            await bad.send_all(garbage)
            await bad.send_eof()
            await ends(bad)
            counted = journal.counted
            good = await it.connect()
            await good.send_all(WRAPPED)
            await until(lambda: journal.counted == counted + 1)

    trio.run(scenario)


def test_the_real_things_fit_the_ports() -> None:
    """Wiring only: a changed signature shows here and not in a running service."""
    bench = Bench()
    IntakeServer(one(), bench.line, Link, dcus=OneDcu(), last_acked={})
    assert hello()
