"""What must come out of what was sent: the books of one concentrator.

Rule 1: a number here is computed from what was sent, never from what a server says.
Rule 2: the true frame of every push always arrives in the end, so every push's reads count once;
faults only add to the books.
"""

from collections.abc import Sequence

from msgspec import Struct, field

from meteringest_sim.fleet import CHANNELS


class Change(Struct, frozen=True, array_like=True):
    """One interval that was corrected after it had been sent."""

    meter: int
    slot: int
    added_wh: int


class Account(Struct, kw_only=True):
    """Frames and reads by what must become of them; `sums` are those of the final values.

    A run of bytes that is no frame counts as one that is quarantined.
    """

    frames: int = 0
    frames_accepted: int = 0
    frames_quarantined: int = 0
    frames_duplicate: int = 0
    reads: int = 0
    reads_stored: int = 0
    reads_quarantined: int = 0
    reads_duplicate: int = 0
    reads_changed: int = 0
    fragments: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    sums: list[int] = field(default_factory=lambda: [0] * len(CHANNELS))

    @property
    def distinct(self) -> int:
        """Reads that must stand in the store: a changed one replaces its predecessor."""
        return self.reads_stored - self.reads_changed

    @property
    def confirms(self) -> int:
        """Frames a server answers when they ask for it: repeated ones too."""
        return self.frames_accepted + self.frames_duplicate

    def pushed(self, frames: int, reads: int, sums: Sequence[int]) -> None:
        """True frames that arrive for the first time."""
        self.frames += frames
        self.frames_accepted += frames
        self.reads += reads
        self.reads_stored += reads
        self.sums = [have + more for have, more in zip(self.sums, sums, strict=True)]

    def repeated(self, reads: int) -> None:
        """The same reads again, in the very same frame or in a new one: nothing new in it."""
        self.frames += 1
        self.frames_duplicate += 1
        self.reads += reads
        self.reads_duplicate += reads

    def corrected(self, added_wh: int) -> None:
        """One read again, with another import."""
        self.frames += 1
        self.frames_accepted += 1
        self.reads += 1
        self.reads_stored += 1
        self.reads_changed += 1
        self.sums[CHANNELS.index("imp_wh")] += added_wh

    def mistimed(self, reads: int, kind: str) -> None:
        """A good frame none of whose reads can be of that time."""
        self.frames += 1
        self.frames_accepted += 1
        self.reads += reads
        self.reads_quarantined += reads
        self._reject(kind, reads)

    def refused(self, kind: str) -> None:
        """A whole frame that must be kept as a reject."""
        self.frames += 1
        self.frames_quarantined += 1
        self._reject(kind, 1)

    def torn(self, kind: str) -> None:
        """Bytes that are no whole frame, refused as one run."""
        self.fragments += 1
        self.refused(kind)

    def _reject(self, kind: str, count: int) -> None:
        self.rejected[kind] = self.rejected.get(kind, 0) + count


def total(accounts: Sequence[Account]) -> Account:
    """The books of several concentrators as one."""
    whole = Account()
    for each in accounts:
        for name in Account.__struct_fields__:
            setattr(whole, name, _plus(getattr(whole, name), getattr(each, name)))
    return whole


def _plus(
    have: int | dict[str, int] | list[int], more: int | dict[str, int] | list[int]
) -> int | dict[str, int] | list[int]:
    match have, more:
        case dict(), dict():
            return {key: have.get(key, 0) + more.get(key, 0) for key in sorted({*have, *more})}
        case list(), list():
            return [a + b for a, b in zip(have, more, strict=True)]
        case int(), int():
            return have + more
        case _:
            raise TypeError(have, more)
