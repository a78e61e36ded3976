"""The order of all changes to rules, terms, links and entries: one ascending number.

Rule 1: a number is drawn and its rows are inserted under one lock, so that whoever sees a number
in the store sees every smaller one too.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

US_PER_MS = 1_000


class Sequence:
    """Microseconds since 1970, or one more than the last where the clock has not moved on."""

    def __init__(self, now_ms: Callable[[], int], newest: Callable[[], int]) -> None:
        """`newest` tells the last number in the store; asked once, before the first is drawn."""
        self._now_ms = now_ms
        self._newest = newest
        self._last: int | None = None
        self._one_at_a_time = threading.RLock()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else looks, draws and inserts meanwhile."""
        with self._one_at_a_time:
            yield

    def draw(self) -> int:
        """The next number, for the one who is alone."""
        last = self._newest() if self._last is None else self._last
        self._last = max(self._now_ms() * US_PER_MS, last + 1)
        return self._last
