"""Cancelled at each await in turn: whatever was said is durable, whatever was counted is released.

One scenario is run again and again; run n is cancelled when its tasks have taken n steps.
"""

from contextlib import suppress
from dataclasses import dataclass

import trio
import trio.testing
from tests.wire.line import DAY_S, Bench, frame, reply

from meteringest.intake.connection import Connection

FRAMES = [b"?%d" % number for number in range(6)]
STEPS_MAX = 2_000


@dataclass(eq=False)
class CancelAtStep(trio.abc.Instrument):
    """Cancels a scope when the tasks of this run have taken so many steps."""

    scope: trio.CancelScope
    steps: int

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Counts steps of tasks, those of trio's own housekeeping left out."""
        if "tests.wire" in task.name or "meteringest" in task.name:
            self.steps -= 1
            if self.steps == 0:
                self.scope.cancel()


class Run:
    """One run of the scenario: two links, three syncs, one half frame."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.scope = trio.CancelScope()
        self.promised: list[bytes] = []
        self.safe: set[bytes] = set()
        self.broken_promises: list[bytes] = []

    async def go(self) -> None:
        with trio.fail_after(DAY_S), self.scope:
            async with trio.open_nursery() as nursery:
                self.bench.start(nursery)
                nursery.start_soon(self.link, nursery, FRAMES[:3])
                nursery.start_soon(self.link, nursery, FRAMES[3:])
                for _ in range(30):
                    await trio.sleep(1)
                    self.safe = set(self.bench.journal.frames)
                    self.bench.journal.sync()
                nursery.cancel_scope.cancel()

    async def link(self, nursery: trio.Nursery, frames: list[bytes]) -> None:
        peer, ours = trio.testing.lockstep_stream_pair()
        connection = self.bench.connection(ours)
        nursery.start_soon(self.listen, peer)
        nursery.start_soon(self.say, peer, frames)
        await connection.run()
        assert isinstance(connection, Connection)

    async def say(self, peer: trio.abc.SendStream, frames: list[bytes]) -> None:
        with suppress(trio.BrokenResourceError):
            for body in frames:
                await peer.send_all(frame(body))
                await trio.sleep(0.7)
            await peer.send_all(b"\x50half")
            await peer.aclose()

    async def listen(self, peer: trio.abc.ReceiveStream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while said := bytes(await peer.receive_some()):
                for body in FRAMES:
                    if reply(body[1:]) in said:
                        self.promised.append(body)
                        if body not in self.safe:
                            self.broken_promises.append(body)


def run_cancelled_at(step: int) -> tuple[Run, bool]:
    run = Run()
    cancel = CancelAtStep(run.scope, step)
    trio.run(run.go, clock=trio.testing.MockClock(autojump_threshold=0), instruments=[cancel])
    return run, run.scope.cancelled_caught


def test_the_scenario_itself_promises_everything() -> None:
    run, cancelled = run_cancelled_at(-1)
    assert not cancelled
    assert sorted(run.promised) == FRAMES
    assert run.bench.journal.frames.count(b"truncated") == 2


def test_cancelled_at_any_await_no_promise_is_broken_and_nothing_is_left_behind() -> None:
    steps = 0
    cancelled = True
    while cancelled:
        steps += 1
        run, cancelled = run_cancelled_at(steps)
        assert run.broken_promises == [], f"cancelled at step {steps}"
        assert run.bench.gatherer.members == 0, f"cancelled at step {steps}"
        assert steps < STEPS_MAX
    assert steps > 100
