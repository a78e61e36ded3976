"""One seed: the whole service in one loop, everybody who sends, and everything that goes wrong.

Rule 1: the same seed gives the same trace, line by line.
Rule 2: a run has two parts: while the weather lasts anything may happen; then faults are over,
everything must arrive, and the invariants are checked.
"""

import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import trio
import trio.testing
from tests.sim.scene import Scene
from tests.sim.world import Trace, World

from meteringest.app import core
from meteringest.store import migrate

DAY_S = 86_400.0
WEATHER_STEPS = 30


@dataclass(frozen=True)
class Outcome:
    """What a seed came to."""

    seed: int
    digest: str
    steps: int
    virtual_s: float
    violations: tuple[str, ...]
    tally: dict[str, int]
    lines: tuple[str, ...]


def simulate(
    seed: int,
    *,
    weather_steps: int = WEATHER_STEPS,
    kept: bool = False,
) -> Outcome:
    """Runs one seed; `kept` keeps the lines of its trace."""
    world = World(seed, Trace(kept=kept))
    ended_s = 0.0

    async def main() -> None:
        nonlocal ended_s
        scene = Scene(world, weather_steps)
        await _bounded(world, scene.play)
        ended_s = trio.current_time()

    with _deterministic(seed):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return Outcome(
        seed=seed,
        digest=world.trace.digest(),
        steps=world.trace.steps,
        virtual_s=ended_s,
        violations=tuple(world.violations),
        tally=world.tally,
        lines=tuple(world.trace.lines),
    )


def run_seed(given: tuple[int, int]) -> Outcome:
    """A seed and its weather's steps, as they come to a process of their own."""
    seed, steps = given
    return simulate(seed, weather_steps=steps)


async def _bounded(world: World, play: Callable[[], Awaitable[None]]) -> None:
    """Ends at the first violation, and at a virtual day: a deadlock is one, too."""
    async with trio.open_nursery() as nursery:

        async def whole() -> None:
            with trio.move_on_after(DAY_S) as patience:
                await play()
            if patience.cancelled_caught:
                world.violate("liveness", f"not over after {DAY_S:g} virtual seconds")
            nursery.cancel_scope.cancel()

        nursery.start_soon(whole)
        await world.broken.wait()
        nursery.cancel_scope.cancel()


@contextmanager
def _deterministic(seed: int) -> Iterator[None]:
    """Trio shuffles the tasks that are ready: from the seed, as its own tests do."""
    run = trio._core._run
    before = run._ALLOW_DETERMINISTIC_SCHEDULING, core.load_layouts, migrate.migrations
    run._ALLOW_DETERMINISTIC_SCHEDULING = True
    run._r.seed(seed)
    # Files that never change are read once: a run restarts the service many times.
    core.load_layouts, migrate.migrations = _LAYOUTS, _MIGRATIONS
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        run._ALLOW_DETERMINISTIC_SCHEDULING, core.load_layouts, migrate.migrations = before
        if collecting:
            gc.enable()


_LAYOUTS = cache(core.load_layouts)
_MIGRATIONS = cache(migrate.migrations)
