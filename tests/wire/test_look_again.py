"""Blocks that wait for more are timed out although no frame comes any more."""

from dataclasses import dataclass, field

import trio
import trio.testing
from tests.wire.line import (
    Bench,
    FakeBatch,
    FakeDecoder,
    FakeJournal,
    FakeLink,
    frame,
    virtual_time,
)

from meteringest.intake.ports import Link

PATIENCE_S = 60.0


@dataclass
class Patient(FakeDecoder):
    """Holds what comes first until its time is up, and then has one row to journal."""

    began: float = 0.0
    calls: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """As the other one."""
        super().__init__()

    def decode(self, links: list[Link], now_ms: int, /) -> FakeBatch:
        batch = super().decode(links, now_ms)
        self.calls.append(len(links))
        if links:
            self.began, batch.waits, batch.rows = trio.current_time(), True, 0
        elif trio.current_time() - self.began < PATIENCE_S:
            batch.waits = True
        else:
            batch.rows = 1
        return batch


@virtual_time
async def test_a_line_that_falls_silent_is_looked_at_until_nothing_waits(
    nursery: trio.Nursery,
) -> None:
    decoder = Patient()
    bench = Bench(decoder=decoder, journal=FakeJournal(syncs_itself=True))
    bench.start(nursery)
    peer, ours = trio.testing.lockstep_stream_pair()
    connection = bench.connection(ours)
    assert isinstance(connection.link, FakeLink)
    nursery.start_soon(connection.run)
    await peer.send_all(frame(b"half a message"))
    await trio.sleep(2 * PATIENCE_S)
    assert bench.journal.appended == 1
    assert decoder.calls[0] == 1
    assert set(decoder.calls[1:]) == {0}
    calls = len(decoder.calls)
    await trio.sleep(PATIENCE_S)
    assert len(decoder.calls) == calls, "nothing waits any more"
