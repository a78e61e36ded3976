"""What can happen to the journal while it runs."""

from collections.abc import Mapping
from typing import ClassVar

from meteringest.events import Event, Level


class JournalSynced(Event, frozen=True, kw_only=True):
    """Rows are safe on disk."""

    level: ClassVar[Level] = Level.DEBUG
    position: int
    rows: int
    took_s: float

    def tally(self) -> Mapping[str, float]:
        """How many syncs, how long they took in all, and how many rows they were for."""
        return {
            "journal_syncs_total": 1,
            "journal_sync_seconds_total": self.took_s,
            "journal_rows_synced_total": self.rows,
        }


class JournalSyncHeld(Event, frozen=True, kw_only=True):
    """The disk has no room for what was appended; it is kept in memory and tried again."""

    level: ClassVar[Level] = Level.ERROR
    position: int
    reason: str
