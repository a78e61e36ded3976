"""Writing to standard output so that nothing is lost on the way."""

import sys


def write_out(text: str | bytes) -> None:
    """All of `text`: unbuffered, Python's stdout writes what fits and says nothing of the rest."""
    left = memoryview(text.encode() if isinstance(text, str) else text)
    while left:
        left = left[sys.stdout.buffer.write(left) :]
