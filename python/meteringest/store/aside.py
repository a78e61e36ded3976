"""Blocks the store refuses for what is in them, kept on disk with its reason until it takes them.

Rule 1: a block is set aside only when the store takes no rows of the same columns: a store
that refuses everything is in trouble itself, and then the whole line waits.
Rule 2: what is set aside is as safe as the journal before the line goes on; the same block of a
repeated range lands in the same file.
Rule 3: the bytes are a Native block as it was to be inserted, so that ClickHouse's own client can
take it too.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from msgspec import Struct

from meteringest.errors import StoreUnavailable
from meteringest.store.backlog import Range
from meteringest.store.native import rows_of
from meteringest.store.shelf import Shelf

FOLDER = "aside"
BLOCK = ".native"
NOTE = ".json"


class Kept(Struct, frozen=True, kw_only=True):
    """One block set aside."""

    table: str
    node: int
    first: int
    next: int
    rows: int
    token: str
    reason: str


class Aside:
    """The blocks set aside; all of it raises StoreUnavailable when its folder fails."""

    def __init__(self, shelf: Shelf, *, bytes_max: int) -> None:
        """Holds at most `bytes_max`."""
        self._shelf = shelf
        self._bytes_max = bytes_max

    def has_room(self, block: bytes) -> bool:
        """Whether `block` may be kept here at all."""
        return self.bytes_kept() + len(block) <= self._bytes_max

    def bytes_kept(self) -> int:
        """Of all blocks kept."""
        with self._working("cannot be looked through"):
            sizes = self._shelf.sizes()
        return sum(size for name, size in sizes.items() if name.endswith(BLOCK))

    def keep(self, within: Range, table: str, block: bytes, token: str, reason: str) -> Kept:
        """Returns once block and note survive a power cut."""
        note = Kept(
            table=table,
            node=within.node,
            first=within.first,
            next=within.next,
            rows=rows_of(block),
            token=token,
            reason=reason,
        )
        with self._working("a refused block cannot be set aside"):
            self._shelf.write(f"{token}{BLOCK}", block)
            self._shelf.write(f"{token}{NOTE}", msgspec.json.encode(note))
            self._shelf.sync()
        return note

    def kept(self) -> tuple[Kept, ...]:
        """All that is set aside, by token."""
        with self._working("cannot be looked through"):
            names = self._shelf.sizes()
            tokens = sorted(name.removesuffix(NOTE) for name in names if name.endswith(NOTE))
            return tuple(
                msgspec.json.decode(self._shelf.read(f"{token}{NOTE}"), type=Kept)
                for token in tokens
                if f"{token}{BLOCK}" in names
            )

    def path(self, note: Kept) -> str:
        """Where the bytes to insert stand."""
        return f"{self._shelf.where}/{note.token}{BLOCK}"

    def block(self, note: Kept) -> bytes:
        """The bytes to insert."""
        with self._working("a block cannot be read"):
            return self._shelf.read(f"{note.token}{BLOCK}")

    def drop(self, note: Kept) -> None:
        """The store has it now."""
        with self._working("a block that the store has taken cannot be removed"):
            for form in (NOTE, BLOCK):
                self._shelf.remove(f"{note.token}{form}")

    def tidy(self) -> None:
        """Removes what an interrupted keep or drop left; call it while no range is in flight.

        Half of a keep comes again with its range, half of a drop is in the store.
        """
        whole = {f"{note.token}{form}" for note in self.kept() for form in (NOTE, BLOCK)}
        with self._working("cannot be tidied"):
            for name in self._shelf.sizes().keys() - whole:
                self._shelf.remove(name)

    @contextmanager
    def _working(self, problem: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(self._shelf.where, f"{problem}: {error.strerror}") from None
