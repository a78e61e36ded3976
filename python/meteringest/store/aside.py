"""Blocks the store refuses for what is in them, kept on disk with its reason until it takes them.

Rule 1: a block is set aside only when the store takes no rows of the same columns: a store
that refuses everything is in trouble itself, and then the whole line waits.
Rule 2: what is set aside is as safe as the journal before the line goes on; the same block of a
repeated range lands in the same file.
Rule 3: the bytes are a Native block as it was to be inserted, so that ClickHouse's own client can
take it too.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from meteringest.errors import StoreUnavailable
from meteringest.store.backlog import Range
from meteringest.store.native import rows_of

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
    """The folder of blocks set aside; made when the first one is."""

    def __init__(self, folder: Path, *, bytes_max: int) -> None:
        """Holds at most `bytes_max`."""
        self._folder = folder
        self._bytes_max = bytes_max

    def has_room(self, block: bytes) -> bool:
        """Whether `block` may be kept here at all."""
        return self.bytes_kept() + len(block) <= self._bytes_max

    def bytes_kept(self) -> int:
        """Of all blocks kept."""
        return sum(path.stat().st_size for path in self._folder.glob(f"*{BLOCK}"))

    def keep(self, within: Range, table: str, block: bytes, token: str, reason: str) -> Kept:
        """Returns once block and note survive a power cut; raises StoreUnavailable else."""
        note = Kept(
            table=table,
            node=within.node,
            first=within.first,
            next=within.next,
            rows=rows_of(block),
            token=token,
            reason=reason,
        )
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write(self._folder / f"{token}{BLOCK}", block)
            self._write(self._folder / f"{token}{NOTE}", msgspec.json.encode(note))
            for folder in (self._folder, self._folder.parent):
                _sync_folder(folder)
        except OSError as error:
            problem = f"a refused block cannot be set aside: {error.strerror}"
            raise StoreUnavailable(str(self._folder), problem) from None
        return note

    def kept(self) -> Iterator[Kept]:
        """All that is set aside, by token."""
        for path in sorted(self._folder.glob(f"*{NOTE}")):
            yield msgspec.json.decode(path.read_bytes(), type=Kept)

    def path(self, note: Kept) -> Path:
        """Where the bytes to insert stand."""
        return self._folder / f"{note.token}{BLOCK}"

    def block(self, note: Kept) -> bytes:
        """The bytes to insert."""
        return self.path(note).read_bytes()

    def drop(self, note: Kept) -> None:
        """The store has it now."""
        for form in (NOTE, BLOCK):
            (self._folder / f"{note.token}{form}").unlink()

    def _write(self, path: Path, content: bytes) -> None:
        """Whole under its name, or not there under it."""
        new = path.with_suffix(f"{path.suffix}.new")
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
