"""The journal as the store's writer sees it, and the notes that make its retries exact.

Rule 1: what is about to be inserted is noted before it is sent; what is stored is noted after, by
the journal itself when it lets segments go.
Rule 2: a segment is let go only when it is stored and no restart needs it any more.
"""

import struct
from collections.abc import Callable

from meteringest.journal.group_commit import GroupCommit
from meteringest.native import Gathered, Journal

NOTE = "inserting"
_NOTE = struct.Struct(">QQ")


class JournalBacklog:
    """The stretch between stored and durable, and the range in flight."""

    def __init__(
        self, journal: Journal, commit: GroupCommit, *, kept_from: Callable[[], int]
    ) -> None:
        """`kept_from` is where a restart would begin to replay."""
        self._journal = journal
        self._commit = commit
        self._kept_from = kept_from
        self._plan = _interrupted(journal)

    def stored(self) -> int:
        """Everything before this position is in the store."""
        return self._journal.stored

    def durable(self) -> int:
        """Everything before this position may be gathered."""
        return self._journal.durable

    def planned(self) -> tuple[int, int] | None:
        """The range a crash interrupted."""
        return self._plan

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

    async def grown(self, past: int) -> None:
        """Waits until durable is past `past`."""
        await self._commit.durable_after(past)


def _interrupted(journal: Journal) -> tuple[int, int] | None:
    """The range noted last, unless it was stored after all."""
    note = journal.read_checkpoint(NOTE)
    if note is None:
        return None
    first, until = _NOTE.unpack(note)
    return (first, until) if until > journal.stored else None
