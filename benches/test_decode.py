"""Ciphered block-load pushes to checked columns, beside the Python peers, on one core.

Ours: everything up to the journal record (keys looked up per meter, tag verified, counter, layout,
checks, duplicate window). Peers: one frame to a tree of values, nothing checked.
"""

import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.frames import AUTHENTICATION_KEY, Meter, meters, pushes
from benches.peers import dlms_cosem_rows, gurux_decoder
from meteringest.native import Batch, Decoder, Link
from meteringest.registry.layouts import load_layouts

if TYPE_CHECKING:
    from collections.abc import Callable

# One thread each, so processor time: what else the machine does is left out.
pytestmark = pytest.mark.benchmark(timer=time.process_time)

FLEET = meters(256)
ROUNDS_OF_FRAMES = {48: 16, 1: 96}
# 2026-11-30T00:00:00Z: after every bench interval, well before any is too old.
NOW_MS = 1_795_996_800_000
LAYOUT = "is15959-block-load-1ph"


def fresh(frames: bytes) -> tuple[Decoder, Link]:
    """A decoder that has seen nothing, and a link on which all frames wait."""
    decoder = Decoder(1, msgspec.json.encode({}))
    decoder.set_layouts(load_layouts().json())
    decoder.upsert_meters([_row(meter) for meter in FLEET])
    link = Link(1, "wrapper")
    link.feed(frames)
    return decoder, link


def _row(meter: Meter) -> tuple[int, str, bytes, int, bytes, bytes, str, str, int, str, str]:
    keys = (meter.key, AUTHENTICATION_KEY)
    policy = ("encrypt+authenticate", LAYOUT, 1_800, "ist", "1ph")
    return (meter.number, meter.serial, meter.title, 1, *keys, *policy)


@pytest.mark.parametrize("per_push", [48, 1])
def test_decode(benchmark: BenchmarkFixture, per_push: int) -> None:
    """Frames on a link to a batch ready for the journal."""
    frames = pushes(FLEET, per_push=per_push, rounds=ROUNDS_OF_FRAMES[per_push])
    stream = b"".join(frames)

    def setup() -> tuple[tuple[Decoder, Link], dict[str, object]]:
        return fresh(stream), {}

    def decode(decoder: Decoder, link: Link) -> Batch:
        return decoder.decode([link], NOW_MS)

    note(benchmark, "meteringest", per_push, len(frames))
    batch = benchmark.pedantic(decode, setup=setup, rounds=15, warmup_rounds=2)
    assert batch.counts["reads_accepted"] == len(frames) * per_push


@pytest.mark.parametrize("per_push", [48, 1])
def test_dlms_cosem(benchmark: BenchmarkFixture, per_push: int) -> None:
    """The peer most Python services use."""
    frames = pushes(FLEET[:16], per_push=per_push, rounds=1)

    def decode() -> int:
        return sum(
            len(dlms_cosem_rows(frame, meter))
            for frame, meter in zip(frames, FLEET[:16], strict=True)
        )

    note(benchmark, "dlms-cosem", per_push, len(frames))
    assert benchmark(decode) == 16 * per_push


@pytest.mark.parametrize("per_push", [48, 1])
def test_gurux(benchmark: BenchmarkFixture, per_push: int) -> None:
    """The reference implementation's Python port."""
    some = FLEET[:4]
    frames = pushes(some, per_push=per_push, rounds=1)
    decoders: list[Callable[[bytes], list[list[object]]]] = [gurux_decoder(meter) for meter in some]

    def decode() -> int:
        return sum(len(rows(frame)) for rows, frame in zip(decoders, frames, strict=True))

    note(benchmark, "gurux-dlms", per_push, len(frames))
    assert benchmark.pedantic(decode, rounds=5) == len(some) * per_push


def note(benchmark: BenchmarkFixture, who: str, per_push: int, frames: int) -> None:
    """What one round was, for the table."""
    benchmark.group = f"decode, {per_push}-interval ciphered push"
    benchmark.extra_info.update(who=who, unit="intervals", amount=frames * per_push)
