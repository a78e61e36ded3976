"""Small files of one folder, kept by name: each is whole under its name, or not there at all.

Rule 1: what has been written or removed is sure to stay so only after `sync`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

UNFINISHED = ".new"


class Shelf(Protocol):
    """A folder; a simulation has its own. All of it may raise OSError."""

    @property
    def where(self) -> str:
        """For messages."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """The bytes of every file, by name."""
        ...

    def read(self, name: str) -> bytes:
        """What a file holds."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Puts a file in its place, or another in its stead."""
        ...

    def remove(self, name: str) -> None:
        """A file is gone; one that is not there is no fault."""
        ...

    def sync(self) -> None:
        """Returns when all of that survives a power cut."""
        ...


class FolderShelf:
    """A folder of this machine, made when the first file is written."""

    def __init__(self, folder: Path) -> None:
        """Touches nothing."""
        self._folder = folder

    @property
    def where(self) -> str:
        """Its path."""
        return str(self._folder)

    def sizes(self) -> Mapping[str, int]:
        """The bytes of every file, by name."""
        paths = self._folder.iterdir() if self._folder.is_dir() else ()
        return {path.name: path.stat().st_size for path in paths}

    def read(self, name: str) -> bytes:
        """What a file holds."""
        return (self._folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Beside its place first, so that it is never there in part."""
        self._folder.mkdir(parents=True, exist_ok=True)
        new = self._folder / f"{name}{UNFINISHED}"
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / name)

    def remove(self, name: str) -> None:
        """A file is gone."""
        (self._folder / name).unlink(missing_ok=True)

    def sync(self) -> None:
        """The names; what stands under them was synced when it was written."""
        for folder in (self._folder, self._folder.parent):
            number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(number)
            finally:
                os.close(number)
