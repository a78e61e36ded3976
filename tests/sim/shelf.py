"""A simulated folder of small files: what was not synced may be gone after a power cut, or back.

Rule 1: the folder outlives processes; a process that is gone changes nothing in it any more.
"""

import errno
from collections.abc import Callable, Mapping
from random import Random

NO_ROOM = OSError(errno.ENOSPC, "No space left on device")
GONE = OSError(errno.EIO, "the process is gone")


class SimulatedFolder:
    """Its files as any process sees them, and what a power cut would leave."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.full = False
        self._durable: dict[str, bytes] = {}

    def sync(self) -> None:
        """All of it is safe."""
        self._durable = dict(self.files)

    def power_cut(self, chance: Random) -> None:
        """Of what was not synced some has happened."""
        for name in sorted(self.files.keys() | self._durable.keys()):
            if chance.random() < LOST:
                self._put(name, self._durable.get(name))
        self.sync()

    def _put(self, name: str, content: bytes | None) -> None:
        if content is None:
            self.files.pop(name, None)
        else:
            self.files[name] = content


class SimulatedShelf:
    """One process's way to it; `passing` hears of each change, before it and after."""

    where = "/simulated/aside"

    def __init__(
        self, folder: SimulatedFolder, gone: Callable[[], bool], passing: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._gone = gone
        self._passing = passing

    def sizes(self) -> Mapping[str, int]:
        """As a real one."""
        return {name: len(content) for name, content in self._folder.files.items()}

    def read(self, name: str) -> bytes:
        """As a real one."""
        return self._folder.files[name]

    def write(self, name: str, content: bytes) -> None:
        """As a real one."""
        if self._folder.full:
            raise NO_ROOM
        self._step("set_aside", lambda: self._folder.files.update({name: content}))

    def remove(self, name: str) -> None:
        """As a real one."""
        self._step("take_back", lambda: self._folder.files.pop(name, None))

    def sync(self) -> None:
        """As a real one."""
        self._step("sync_aside", self._folder.sync)

    def _step(self, step: str, act: Callable[[], object]) -> None:
        self._passing(f"before {step}")
        if self._gone():
            raise GONE
        act()
        self._passing(f"after {step}")
        if self._gone():
            raise GONE


LOST = 0.5
