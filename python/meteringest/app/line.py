"""The journal as intake sees it: appended with checkpoints, synced in groups."""

from meteringest.app.checkpoints import Checkpoints
from meteringest.journal.group_commit import GroupCommit
from meteringest.native import Batch, Journal


class DurableJournal:
    """Joins the native journal, its group commit and the decoder's checkpoints."""

    def __init__(self, journal: Journal, commit: GroupCommit, checkpoints: Checkpoints) -> None:
        """Nothing runs here."""
        self._journal = journal
        self._commit = commit
        self._checkpoints = checkpoints

    @property
    def appended(self) -> int:
        """The position after the last batch."""
        return self._journal.appended

    @property
    def durable(self) -> int:
        """Everything before this position survives a power cut."""
        return self._journal.durable

    def append(self, batch: Batch, now_ms: int, /) -> int:
        """Buffers `batch` and returns the position after it."""
        return self._checkpoints.append(batch, now_ms)

    async def durable_after(self, position: int, /) -> int:
        """Waits until the durable position is past `position` and returns it."""
        return await self._commit.durable_after(position)
