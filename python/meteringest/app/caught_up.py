"""What commands on stored reads need of the line: to know that the store has all, and to append."""

import trio

from meteringest.app.backlog import JournalBacklog
from meteringest.app.core import Core
from meteringest.app.storing import Storing
from meteringest.errors import JournalFull, StoreRefused, StoreUnavailable
from meteringest.intake.ports import Line
from meteringest.native import Batch
from meteringest.store.aside import Aside

STORED_TIMEOUT_S = 120.0
ASIDE = "rows that it refuses are set aside: mend that first, `meteringest aside` has the reason"


class CaughtUp:
    """The way from the journal's end to the store's."""

    def __init__(
        self, core: Core, line: Line, backlog: JournalBacklog, storing: Storing, aside: Aside
    ) -> None:
        """`line` is the one that intake uses."""
        self._aside = aside
        self._core = core
        self._line = line
        self._backlog = backlog
        self._storing = storing

    async def wait(self) -> None:
        """Returns once everything decoded until now is stored; raises StoreUnavailable if not.

        Also the batch in the decoder's hands: it may hold what the registry of before refused.
        Rows that wait aside raise StoreRefused: what stands cannot be told without them.
        """
        async with self._line.turn:
            position = self._line.journal.appended
        with trio.move_on_after(STORED_TIMEOUT_S):
            while self._backlog.stored() < position:
                await self._storing.moved()
            if await self._line.offload(self._aside.bytes_kept):
                raise StoreRefused(self._core.store.where, ASIDE)
            return
        reason = self._storing.trouble or f"did not take what waits within {STORED_TIMEOUT_S:g} s"
        raise StoreUnavailable(self._core.store.where, reason)

    async def append(self, batch: Batch, now_ms: int) -> None:
        """What was decoded has to be written, however long the disk has no room."""
        while True:
            try:
                await self._line.offload(self._line.journal.append, batch, now_ms)
            except JournalFull:
                await trio.sleep(self._core.config.intake.journal_full_retry_s)
            else:
                return
