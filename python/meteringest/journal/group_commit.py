"""One sync after another for as long as something waits for one.

Rule 1: a sync starts as soon as the last has ended, so a slow disk makes large groups and a fast
one small delays; there is no timer to tune.
Rule 2: appending never waits for a sync, and comes from any thread.
Rule 3: a sync that fails for another reason than room is not tried again: the error ends the task.
"""

from collections.abc import Callable
from typing import NoReturn, Protocol

import trio

from meteringest.errors import JournalFull
from meteringest.events import Observer
from meteringest.journal.happenings import JournalSynced, JournalSyncHeld
from meteringest.journal.watermarks import Mark, Watermarks
from meteringest.offload import Offload

FULL_RETRY_S = 1.0


class Journal(Protocol):
    """What is synced; the native journal or a test's own."""

    @property
    def appended(self) -> int:
        """The position after the last row."""
        ...

    @property
    def durable(self) -> int:
        """The position after the last row that is safe."""
        ...

    @property
    def stored(self) -> int:
        """The position after the last row that the store has."""
        ...

    def sync(self) -> int:
        """Blocks until all that was appended before the call is safe; returns how far that is."""
        ...

    def on_append(self, wake: Callable[[], None] | None) -> None:
        """Calls `wake` after every append, in the thread that appended; None for nobody."""


class GroupCommit:
    """`run` is the one task that syncs; any number of tasks wait in `durable_after`."""

    def __init__(
        self,
        journal: Journal,
        offload: Offload,
        observer: Observer,
        *,
        full_retry_s: float = FULL_RETRY_S,
    ) -> None:
        """What recovery found counts as durable; nothing runs yet."""
        self._journal = journal
        self._offload = offload
        self._observer = observer
        self._full_retry_s = full_retry_s
        self._marks = Watermarks(durable=journal.durable, stored=journal.stored)
        self.held = ""
        """Why what was appended cannot be synced now; nothing when it can."""
        self._appended = trio.Event()
        self._synced = trio.Event()

    @property
    def durable(self) -> int:
        """The position up to which waiters were told."""
        return self._marks[Mark.DURABLE]

    async def durable_after(self, position: int) -> int:
        """Waits until the durable position is past `position` and returns it."""
        await trio.lowlevel.checkpoint()
        while self.durable <= position:
            await self._synced.wait()
        return self.durable

    async def run(self) -> NoReturn:
        """Syncs whenever something was appended."""
        token = trio.lowlevel.current_trio_token()
        self._journal.on_append(lambda: token.run_sync_soon(self._wake, idempotent=True))
        try:
            while True:
                await self._until_appended()
                await self._sync()
        finally:
            self._journal.on_append(None)

    def _wake(self) -> None:
        self._appended.set()

    async def _until_appended(self) -> None:
        while self._journal.appended <= self.durable:
            self._appended = trio.Event()
            await self._appended.wait()

    async def _sync(self) -> None:
        began = trio.current_time()
        try:
            durable = await self._offload(self._journal.sync)
        except JournalFull as full:
            self.held = str(full)
            self._observer.emit(JournalSyncHeld(position=self.durable, reason=self.held))
            # A disk tells nobody when it has room again, so it is asked.
            await trio.sleep(self._full_retry_s)
            return
        self.held = ""
        took_s = trio.current_time() - began
        rows = durable - self.durable
        self._marks.advance(Mark.APPENDED, self._journal.appended)
        self._marks.advance(Mark.DURABLE, durable)
        self._observer.emit(JournalSynced(position=durable, rows=rows, took_s=took_s))
        self._synced.set()
        self._synced = trio.Event()
