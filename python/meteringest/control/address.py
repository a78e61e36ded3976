"""Where the control socket stands, also when its folder's name is longer than a socket's may be."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOCKET_NAME = "control.sock"
PATH_BYTES_MAX = 100


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name for `path` that fits a socket address (108 bytes on Linux), while it is used."""
    if len(os.fsencode(path)) <= PATH_BYTES_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
