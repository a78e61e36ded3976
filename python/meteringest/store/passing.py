"""The folder that inserts pass through: in memory where there is room, else in the store's own.

Rule 1: a folder in memory belongs to the process that holds its lock; the system lets go of the
lock when the process dies, however it dies, and whoever starts next removes what is left.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

RAM_DISK = Path("/dev/shm")  # noqa: S108 (a folder of our own is made in it, mode 0700)


class Passage:
    """Open until left; call it only once the engine is open.

    The engine's lock proves that what lies in the store's own folder was left by a killed process.
    """

    def __init__(self, store: Path, *, ram_bytes_min: int) -> None:
        """Takes `ram_bytes_min` of free memory for room enough."""
        own = f"meteringest-store-{os.getuid()}-"
        name = hashlib.sha256(str(store).encode()).hexdigest()[:16]
        disk = store / "meteringest" / "tmp"
        for stale in (RAM_DISK / f"{own}{name}", disk):
            shutil.rmtree(stale, ignore_errors=True)
        for folder in RAM_DISK.glob(f"{own}*"):
            _remove_if_left(folder)
        in_ram = _room(RAM_DISK) >= ram_bytes_min
        self.folder = RAM_DISK / f"{own}{name}" if in_ram else disk
        self._lock = _made_and_locked(self.folder)
        tempfile.tempdir = str(self.folder)

    def leave(self) -> None:
        """An insert that is still running keeps its open file."""
        if tempfile.tempdir == str(self.folder):
            tempfile.tempdir = None
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def _made_and_locked(folder: Path) -> int:
    """The lock, which lasts as long as the process; another's sweep may come between the steps."""
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.fstat(lock).st_nlink:
                return lock
            os.close(lock)


def _remove_if_left(folder: Path) -> None:
    """Unless a living process holds it."""
    with suppress(FileNotFoundError):
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            return
        finally:
            os.close(lock)


def _room(path: Path) -> int:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return -1
