"""The journal as the store's writer sees it, and the notes that make its retries exact.

Rule 1: what is about to be inserted is noted before it is sent; what is stored is noted after, by
the journal itself when it lets segments go.
Rule 2: a segment is let go only when it is stored and no restart needs it any more.
"""

import struct
from collections.abc import Callable

from meteringest.journal.group_commit import GroupCommit
from meteringest.native import Gathered, Journal
from meteringest.store.backlog import Ahead

NOTE = "inserting"
AHEAD_NOTE = "ahead"
_NOTE = struct.Struct(">QQ")
_AHEAD = struct.Struct(">QQQQQ")


class JournalBacklog:
    """The stretch between stored and durable, and the range in flight."""

    def __init__(
        self, journal: Journal, commit: GroupCommit, *, kept_from: Callable[[], int]
    ) -> None:
        """`kept_from` is where a restart would begin to replay."""
        self._journal = journal
        self._commit = commit
        self._kept_from = kept_from
        self._ahead = _stored_ahead(journal)
        self._plan = _interrupted(journal, self._ahead)

    def stored(self) -> int:
        """Everything before this position is in the store."""
        return self._journal.stored

    def durable(self) -> int:
        """Everything before this position may be gathered."""
        return self._journal.durable

    def planned(self) -> tuple[int, int] | None:
        """The range a crash interrupted."""
        return self._plan

    def ahead(self) -> Ahead | None:
        """What was stored before its turn."""
        return self._ahead

    def note_ahead(self, ahead: Ahead) -> None:
        """Notes it durably; what was about to be inserted is part of it."""
        note = _AHEAD.pack(ahead.first, ahead.next, ahead.reads, *ahead.received_ms)
        self._journal.write_checkpoint(AHEAD_NOTE, note)
        self._ahead, self._plan = ahead, None

    def gather(self, first: int, *, rows_max: int, until: int | None) -> Gathered | None:
        """Whole records from `first` on, or exactly up to `until`."""
        return self._journal.gather(first, rows_max=rows_max, until=until)

    def plan(self, first: int, next: int) -> None:  # noqa: A002 (the port's word)
        """Notes durably that this very range is about to be inserted."""
        self._journal.write_checkpoint(NOTE, _NOTE.pack(first, next))
        self._plan = (first, next)

    def advance(self, stored: int) -> None:
        """Notes durably that everything before `stored` is in the store, and lets it go."""
        self._journal.release(stored, self._kept_from())
        self._plan = None
        if self._ahead is not None and self._ahead.next <= stored:
            self._ahead = None

    async def grown(self, past: int) -> None:
        """Waits until durable is past `past`."""
        await self._commit.durable_after(past)


def _stored_ahead(journal: Journal) -> Ahead | None:
    """The stretch noted last, unless everything below it was stored since."""
    note = journal.read_checkpoint(AHEAD_NOTE)
    if note is None:
        return None
    first, until, reads, low, high = _AHEAD.unpack(note)
    if until <= journal.stored:
        return None
    return Ahead(first=first, next=until, reads=reads, received_ms=(low, high))


def _interrupted(journal: Journal, ahead: Ahead | None) -> tuple[int, int] | None:
    """The range noted last, unless it was stored after all, or a salvage gave rows of it up.

    What is left of such a range goes as any other: a row that is there already keeps its version.
    """
    note = journal.read_checkpoint(NOTE)
    if note is None:
        return None
    first, until = _NOTE.unpack(note)
    if until <= journal.stored or (ahead and ahead.first <= first and until <= ahead.next):
        return None
    skipped = journal.recovery["skipped"]
    lost = any(begin < until and end > first for *_, begin, end in skipped)
    return None if lost else (first, until)
