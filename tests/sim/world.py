"""What everything in a simulated run shares: its chances, its clock, its trace, its findings.

Rule 1: all chance comes from the seed, a stream for each part, so that a change in one part does
not deal the others new cards.
Rule 2: what is traced is what happened, never an address, a hash or a time of the real machine.
"""

import hashlib
from dataclasses import dataclass, field
from random import Random

import trio

from meteringest.clock import WallClock
from meteringest.events import Event, event_name

BEGAN_S = 1_767_225_600
"""2026-01-01, when every run begins."""


class SimulatedClock(WallClock):
    """Virtual time, and how far somebody has set the clock wrong."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return BEGAN_S * 1_000 + int(trio.current_time() * 1_000) + self.ahead_ms


class Trace:
    """One line for every step; equal runs have equal digests."""

    def __init__(self, *, kept: bool) -> None:
        self.lines: list[str] = []
        self.steps = 0
        self._kept = kept
        self._digest = hashlib.sha256()

    def step(self, what: str) -> None:
        """Something happened."""
        self.steps += 1
        line = f"{self.steps:06d} {trio.current_time():14.6f} {what}\n"
        self._digest.update(line.encode())
        if self._kept:
            self.lines.append(line)

    def digest(self) -> str:
        """Of all lines so far."""
        return self._digest.hexdigest()


@dataclass
class World:
    """One run."""

    seed: int
    trace: Trace
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    violations: list[str] = field(default_factory=list)
    broken: trio.Event = field(default_factory=trio.Event)
    tally: dict[str, int] = field(default_factory=dict)
    salvaged: list[tuple[int, int]] = field(default_factory=list)
    """Rows that a salvage gave up, as the journal says."""

    def gave_up(self, first: int, until: int) -> bool:
        """Whether all of them are lost with reason."""
        return any(begin <= first and until <= end for begin, end in self.salvaged)

    def chance(self, part: str) -> Random:
        """The cards of one part."""
        return Random(f"{self.seed} {part}")

    def step(self, what: str) -> None:
        """Traces and counts by the first word."""
        self.trace.step(what)
        word = what.partition(" ")[0]
        self.tally[word] = self.tally.get(word, 0) + 1

    def violate(self, invariant: str, seen: str) -> None:
        """Something that must never be was seen; the run ends."""
        self.violations.append(f"{invariant}: {seen}")
        self.trace.step(f"VIOLATED {invariant}: {seen}")
        self.broken.set()


class TracingObserver:
    """Events of one process, for as long as it lives."""

    def __init__(self, world: World) -> None:
        self.silent = False
        self._world = world

    def emit(self, event: Event) -> None:
        """Traces it."""
        if not self.silent:
            self._world.step(f"{event_name(type(event))} {_words(event)}")


def _words(event: Event) -> str:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return " ".join(f"{name}={_shown(value)}" for name, value in fields.items())


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_shown(value[key])}" for key in sorted(value)) + "}"
    return f"{value:.6f}" if isinstance(value, float) else str(value)
