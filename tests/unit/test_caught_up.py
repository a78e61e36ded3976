"""A command waits for everything before it, also for the batch in the decoder's hands."""

from types import SimpleNamespace

import trio
import trio.testing

from meteringest.app.caught_up import CaughtUp
from meteringest.offload import InlineOffload


async def test_what_is_being_decoded_is_waited_for(nursery: trio.Nursery) -> None:
    turn, moved, waited = trio.Lock(), trio.Event(), trio.Event()
    journal, stored = SimpleNamespace(appended=5), [5]
    backlog = SimpleNamespace(stored=lambda: stored[-1])
    line = SimpleNamespace(turn=turn, journal=journal, offload=InlineOffload())
    aside = SimpleNamespace(bytes_kept=lambda: 0)
    storing = SimpleNamespace(moved=moved.wait)
    caught_up = CaughtUp(None, line, backlog, storing, aside)  # type: ignore[arg-type]

    async def waiting() -> None:
        await caught_up.wait()
        waited.set()

    async with turn:
        nursery.start_soon(waiting)
        await trio.testing.wait_all_tasks_blocked()
        assert not waited.is_set()
        journal.appended = 8
    await trio.testing.wait_all_tasks_blocked()
    assert not waited.is_set()
    stored.append(8)
    moved.set()
    await waited.wait()
