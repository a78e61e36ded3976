"""glibc's heaps of this process: few.

Rule 1: columns of a batch are made on one thread and freed on another; with a heap for every thread
(eight a core) each of them keeps holes of a batch's size, and memory grows for an hour.
"""

import ctypes

M_ARENA_MAX = -8
"""malloc.h"""
ARENAS_MAX = 2


def few() -> bool:
    """Limits the heaps not yet made, so it comes before chDB's threads; False without glibc."""
    libc = ctypes.CDLL(None)
    return hasattr(libc, "mallopt") and bool(libc.mallopt(M_ARENA_MAX, ARENAS_MAX))
