"""The heaps of a process with many threads, counted by the allocator itself."""

import subprocess
import sys

import pytest

from meteringest.arenas import ARENAS_MAX

HELD = """
import ctypes, sys, threading
from meteringest import arenas
if "few" in sys.argv:
    assert arenas.few()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.fopen.restype = ctypes.c_void_p
met = threading.Barrier(8)
def hold():
    assert libc.malloc(100_000)
    met.wait()
threads = [threading.Thread(target=hold) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
file = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


def heaps(*argv: str) -> int:
    said = subprocess.run((sys.executable, "-c", HELD, *argv), check=True, capture_output=True)
    return said.stdout.count(b"<heap nr=")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_many_threads_share_few_heaps() -> None:
    assert heaps() > ARENAS_MAX
    assert heaps("few") <= ARENAS_MAX
