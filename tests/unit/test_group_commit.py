"""Group commit against a journal whose syncs take as long as the test says."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from meteringest.errors import JournalError, JournalFull
from meteringest.events import Event
from meteringest.journal.group_commit import GroupCommit
from meteringest.journal.happenings import JournalSynced, JournalSyncHeld
from meteringest.offload import InlineOffload

SYNC_S = 3.0
DAY_S = 86_400


class SlowJournal:
    """Appending is instant, a sync takes SYNC_S; `faults` are met by the next syncs."""

    def __init__(self) -> None:
        self.appended = self.durable = self.stored = 100
        self.faults: list[JournalError] = []
        self.wake: Callable[[], None] | None = None

    def on_append(self, wake: Callable[[], None] | None) -> None:
        self.wake = wake

    def append(self, rows: int) -> int:
        self.appended += rows
        if self.wake:
            self.wake()
        return self.appended

    def sync(self) -> int:
        if self.faults:
            raise self.faults.pop(0)
        self.durable = self.appended
        return self.durable


class SlowOffload(InlineOffload):
    """Begins with what is appended at the start of the call and ends SYNC_S later."""

    def __init__(self) -> None:
        self.running = self.most = 0

    async def __call__(self, call, *arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN204
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            outcome = call(*arguments)
            await trio.sleep(SYNC_S)
        finally:
            self.running -= 1
        return outcome


class Recorded:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


class World:
    """A journal, its group commit at work, and what was told."""

    def __init__(self) -> None:
        self.journal = SlowJournal()
        self.offload = SlowOffload()
        self.observer = Recorded()
        self.commit = GroupCommit(
            self.journal, self.offload, self.observer, full_retry_s=10 * SYNC_S
        )


@asynccontextmanager
async def running(clock: trio.testing.MockClock) -> AsyncIterator[World]:
    clock.autojump_threshold = 0
    world = World()
    with trio.fail_after(DAY_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.commit.run)
            await trio.testing.wait_all_tasks_blocked()
            yield world
            nursery.cancel_scope.cancel()
    assert world.journal.wake is None


async def test_an_append_is_durable_one_sync_later(mock_clock: trio.testing.MockClock) -> None:
    async with running(mock_clock) as world:
        began = trio.current_time()
        position = world.journal.append(5)
        assert await world.commit.durable_after(position - 1) == 105
        assert trio.current_time() - began == SYNC_S
        assert world.observer.events == [JournalSynced(position=105, rows=5, took_s=SYNC_S)]


async def test_what_comes_during_a_sync_is_one_group_right_after_it(
    mock_clock: trio.testing.MockClock,
) -> None:
    async with running(mock_clock) as world:
        began = trio.current_time()
        world.journal.append(1)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(50):
            position = world.journal.append(1)
        assert await world.commit.durable_after(100) == 101
        assert await world.commit.durable_after(position - 1) == 151
        assert trio.current_time() - began == 2 * SYNC_S
        assert world.offload.most == 1
        rows = [event.rows for event in world.observer.events if isinstance(event, JournalSynced)]
        assert rows == [1, 50]


async def test_nothing_is_told_before_its_sync_has_ended(
    mock_clock: trio.testing.MockClock,
) -> None:
    async with running(mock_clock) as world:
        world.journal.append(1)
        await trio.sleep(SYNC_S / 2)
        assert world.journal.durable == 101, "the fake has synced, its call has not returned"
        assert world.commit.durable == 100


async def test_without_appends_there_is_no_sync(mock_clock: trio.testing.MockClock) -> None:
    async with running(mock_clock) as world:
        await trio.sleep(1000 * SYNC_S)
        assert world.observer.events == []
        assert world.offload.most == 0


async def test_what_was_appended_before_the_task_ran_is_synced(
    mock_clock: trio.testing.MockClock,
) -> None:
    mock_clock.autojump_threshold = 0
    world = World()
    world.journal.append(7)
    with trio.fail_after(DAY_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.commit.run)
            assert await world.commit.durable_after(100) == 107
            nursery.cancel_scope.cancel()


async def test_a_full_disk_is_said_and_asked_again(mock_clock: trio.testing.MockClock) -> None:
    async with running(mock_clock) as world:
        world.journal.faults = [JournalFull("/data/journal", "full"), JournalFull("x", "full")]
        position = world.journal.append(1)
        assert await world.commit.durable_after(position - 1) == 101
        held = [event for event in world.observer.events if isinstance(event, JournalSyncHeld)]
        assert [event.position for event in held] == [100, 100]
        assert held[0].reason == "journal /data/journal: full"


async def test_any_other_failure_ends_the_task(mock_clock: trio.testing.MockClock) -> None:
    with pytest.RaisesGroup(JournalError):
        async with running(mock_clock) as world:
            world.journal.faults = [JournalError("/data/journal", "syncing failed")]
            world.journal.append(1)
            await world.commit.durable_after(100)
