"""What goes wrong, and when: drawn from the seed, a few kinds of it in any one run."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from tests.sim.scene import Scene


class Weatherman:
    """Acts now and then, until its steps are used up; then makes everything well."""

    def __init__(self, scene: "Scene", steps: int) -> None:
        self._scene = scene
        self._steps = steps
        self._chance = scene.world.chance("weather")
        self._pause_s = self._chance.choice((0.02, 0.5, 5.0, 20.0))
        kinds: tuple[Callable[[], None], ...] = ()
        self._kinds = [kind for kind in kinds if self._chance.random() < KIND]

    async def run(self) -> None:
        """All of it."""
        for _ in range(self._steps):
            await trio.sleep(self._pause_s * self._chance.random())
            if self._kinds:
                self._chance.choice(self._kinds)()
        self.calm()

    def calm(self) -> None:
        """No fault is left."""
        self._scene.world.calm = True
        self._scene.world.step("calm")


KIND = 0.5
