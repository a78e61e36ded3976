"""Where the stages stand on the node's number line of rows.

Rule 1: whether to acknowledge, release or resume follows from these three marks alone.
Rule 2: no I/O and no clock here; a stage says how far it came, and an impossible claim is a bug.

    appended >= durable >= stored

A position is that of the next row: ranges are half open, and a new journal's marks are all equal.
"""

from enum import StrEnum

from meteringest.errors import InvariantError


class Mark(StrEnum):
    """How far a stage has come."""

    APPENDED = "appended"
    DURABLE = "durable"
    STORED = "stored"


class Watermarks:
    """Three marks that never go back and never pass the one before them."""

    def __init__(self, *, durable: int, stored: int) -> None:
        """As recovery found them: what is on disk was appended, or it would not be there."""
        self._marks = {Mark.APPENDED: durable, Mark.DURABLE: durable, Mark.STORED: stored}
        self._check(Mark.STORED, stored)

    def __getitem__(self, mark: Mark) -> int:
        """Every row before this position has come past `mark`."""
        return self._marks[mark]

    def advance(self, mark: Mark, position: int) -> None:
        """`mark` has come to `position`; the same position again is no news and no error."""
        was = self._marks[mark]
        if position < was:
            raise InvariantError("I5", f"{mark} went back from row {was} to row {position}")
        self._check(mark, position)
        self._marks[mark] = position

    def _check(self, mark: Mark, position: int) -> None:
        before = _BEFORE.get(mark)
        if before is not None and position > self._marks[before]:
            ahead = self._marks[before]
            raise InvariantError("I5", f"{mark} row {position} is past {before} row {ahead}")


_BEFORE = {Mark.DURABLE: Mark.APPENDED, Mark.STORED: Mark.DURABLE}
