"""Captured frames of real meters, sent over the wire like any others.

Nobody here has their meters' keys, so what must come out is not their reads: every frame is in
the ledger, and what was not understood or not known stands among the rejects with its bytes.
"""

from importlib import resources

import msgspec
import trio
from msgspec import Struct

FILE = "captured.jsonl"


class Captured(Struct, frozen=True):
    """One frame, and where it was published."""

    id: str
    transport: str
    hex: str
    source: str


def captured_frames() -> list[Captured]:
    """All of them; provenance stands in each."""
    text = (resources.files("meteringest_sim.demo") / FILE).read_bytes()
    return [msgspec.json.decode(line, type=Captured) for line in text.splitlines()]


async def send_captured(frames: list[Captured], port: int) -> None:
    """Each on a connection of its own, as from a meter of its own; waits for the server's close."""
    for frame in frames:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(bytes.fromhex(frame.hex))
            await stream.send_eof()
            while await stream.receive_some():
                pass
