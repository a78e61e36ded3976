"""When a push is due: at once, or when the interval it closes has ended, as at real meters.

Rule 1: pace decides only when; what is sent does not depend on it.
"""

from dataclasses import dataclass

import trio

SPREAD = 0.5
"""Meters push within the first half of the next interval, each at its own moment."""


@dataclass(frozen=True, slots=True)
class Fast:
    """As fast as the server takes it."""

    async def until(self, slot_end_s: float, part: float) -> None:
        """Always now."""
        del slot_end_s, part
        await trio.lowlevel.checkpoint()


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Calendar time, `speed` times as fast, from `began_s` (calendar) at `began` (trio)."""

    began_s: float
    began: float
    speed: float
    interval_s: int

    async def until(self, slot_end_s: float, part: float) -> None:
        """`part` (0 to 1) says where among its concentrator's meters the pushing one stands."""
        due_s = slot_end_s + part * SPREAD * self.interval_s
        await trio.sleep_until(self.began + (due_s - self.began_s) / self.speed)


Pace = Fast | Live
