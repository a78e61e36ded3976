"""What goes wrong, and when: drawn from the seed, a few kinds of it in any one run.

Rule 1: a fault is something the world does; none reaches into the service.
Rule 2: when the steps are used up every fault ends, and nothing new goes wrong.
"""

from typing import TYPE_CHECKING

import trio
from tests.sim import hostile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.sim.scene import Scene


class Weatherman:
    """Acts now and then, until its steps are used up; then makes everything well."""

    def __init__(self, scene: "Scene", steps: int, pause_s: float) -> None:
        self._scene = scene
        self._steps = steps
        self._chance = chance = scene.world.chance("weather")
        self._pause_s = pause_s
        self._nursery: trio.Nursery | None = None
        kinds: tuple[tuple[float, Callable[[], str]], ...] = (
            (0.4, self._cut),
            (0.3, self._forget_client),
            (0.3, self._stall),
            (0.2, self._flood),
            (0.3, self._short_write),
            (0.2, self._kill_in_write),
            (0.1, self._write_error),
            (0.15, self._sync_error),
            (0.2, self._fill_disk),
            (0.2, self._slow_disk),
            (0.05, self._flip),
            (0.3, self._store_down),
            (0.3, self._store_slow),
            (0.2, self._store_parts),
            (0.1, self._store_read_only),
            (0.1, self._store_closed),
            (0.3, self._store_poison),
            (0.4, self._store_calls),
            (0.3, self._store_merge),
            (0.2, self._store_forgets),
            (0.3, self._kill),
            (0.3, self._kill_soon),
            (0.3, self._power_cut),
            (0.2, self._power_cut_soon),
            (0.5, self._kill_at_step),
            (0.2, self._stop),
            (0.1, self._clock),
            (0.3, self._register),
            (0.3, self._replay),
            (0.2, self._reload),
            (0.2, self._verify),
        )
        self._kinds = [act for share, act in kinds if chance.random() < share]

    async def run(self) -> None:
        """All of it."""
        async with trio.open_nursery() as self._nursery:
            for _ in range(self._steps):
                await trio.sleep(self._pause_s * self._chance.random())
                if self._kinds:
                    act = self._chance.choice(self._kinds)
                    self._scene.world.step(f"weather {act.__name__.strip('_')} {act()}".rstrip())
            self._nursery.cancel_scope.cancel()
        self._calm()

    def _calm(self) -> None:
        scene = self._scene
        scene.world.step("calm")
        scene.watch.kill_at = scene.kill_at = None
        scene.disk.heal()
        scene.limit(None)
        scene.network.calm()
        scene.server.calm()
        if scene.process is not None:
            scene.process.slow_disk_s = 0.0

    def _for_a_while(self, undo: "Callable[[], None]") -> str:
        """Until then; without it the calm undoes all."""
        seconds = self._chance.choice((0.05, 1.0, 20.0, 120.0)) * self._chance.random()
        if self._nursery is not None:
            self._nursery.start_soon(_later, seconds, undo)
        return f"{seconds:.3f}"

    def _cut(self) -> str:
        links = self._scene.network.links
        if links:
            link = self._chance.choice(links)
            link.cut(arriving=self._chance.random() < EVEN)
            return f"link={link.number}"
        return ""

    def _forget_client(self) -> str:
        links = self._scene.network.links
        if links:
            link = self._chance.choice(links)
            link.forget_client()
            return f"link={link.number}"
        return ""

    def _stall(self) -> str:
        links = self._scene.network.links
        if links:
            link, side = self._chance.choice(links), self._chance.randrange(1, 4)
            seconds = self._chance.choice((0.1, 5.0, 200.0)) * self._chance.random()
            until = trio.current_time() + seconds
            link.stall(until, up=side != SECOND, down=side != 1)
            return f"link={link.number} {seconds:.3f}"
        return ""

    def _flood(self) -> str:
        strangers = self._chance.randrange(1, 6)
        if self._nursery is not None:
            for number in range(strangers):
                name = self._chance.choice(("dlms", "uplink", "mail"))
                self._nursery.start_soon(hostile.visit, self._scene, name, number)
        return f"strangers={strangers}"

    def _short_write(self) -> str:
        most = self._chance.randrange(1, 200)
        self._scene.disk.meet("short_write", most)
        return f"bytes={most}"

    def _kill_in_write(self) -> str:
        most = self._chance.randrange(600)
        self._scene.disk.meet("kill_in_write", most)
        return f"bytes={most}"

    def _write_error(self) -> str:
        self._scene.excused = True
        self._scene.disk.meet("write_error")
        return ""

    def _sync_error(self) -> str:
        self._scene.excused = True
        self._scene.disk.meet("sync_error")
        return ""

    def _fill_disk(self) -> str:
        left = self._chance.choice((0, 10, 200, 2_000))
        self._scene.limit(left)
        return f"left={left} for {self._for_a_while(lambda: self._scene.limit(None))}"

    def _slow_disk(self) -> str:
        process = self._scene.process
        if process is None:
            return ""
        process.slow_disk_s = self._chance.choice((0.1, 2.0, 20.0))

        def undo() -> None:
            process.slow_disk_s = 0.0

        return f"{process.slow_disk_s} for {self._for_a_while(undo)}"

    def _flip(self) -> str:
        return self._scene.flip(self._chance)

    def _store_down(self) -> str:
        weather = self._scene.server.weather
        weather.down = True
        return f"for {self._for_a_while(lambda: setattr(weather, 'down', False))}"

    def _store_slow(self) -> str:
        weather = self._scene.server.weather
        weather.slow_s = self._chance.choice((0.1, 5.0, 60.0))
        return f"{weather.slow_s} for {self._for_a_while(lambda: setattr(weather, 'slow_s', 0.0))}"

    def _store_parts(self) -> str:
        weather = self._scene.server.weather
        weather.parts = True
        return f"for {self._for_a_while(lambda: setattr(weather, 'parts', False))}"

    def _store_read_only(self) -> str:
        weather = self._scene.server.weather
        weather.read_only = True
        return f"for {self._for_a_while(lambda: setattr(weather, 'read_only', False))}"

    def _store_closed(self) -> str:
        weather = self._scene.server.weather
        weather.closed = self._chance.choice(REFUSING)
        return f"{weather.closed} for {self._for_a_while(lambda: setattr(weather, 'closed', ''))}"

    def _store_poison(self) -> str:
        """Until the next time, when it is cured or of another kind."""
        table, of = self._chance.choice((*REFUSING, "")), self._chance.choice((1, 2, 5, 30))
        self._scene.server.weather.poison = (table, of)
        return f"{table} one in {of}"

    def _store_calls(self) -> str:
        calls = self._chance.choices(STORE_FAULTS, k=self._chance.randrange(1, 5))
        self._scene.server.weather.next_calls += calls
        return ",".join(calls)

    def _store_merge(self) -> str:
        self._scene.server.merge(EVEN)
        return ""

    def _store_forgets(self) -> str:
        keep = self._chance.choice((0, 1, 5, 10_000))
        self._scene.server.forget_tokens(keep)
        return f"keep={keep}"

    def _kill(self) -> str:
        self._scene.kill(power_cut=False)
        return ""

    def _power_cut(self) -> str:
        self._scene.kill(power_cut=True)
        return ""

    def _kill_soon(self) -> str:
        return self._soon(power_cut=False)

    def _power_cut_soon(self) -> str:
        return self._soon(power_cut=True)

    def _soon(self, *, power_cut: bool) -> str:
        """Between two steps of whichever tasks come to run."""
        watch = self._scene.watch
        steps = self._chance.randrange(1, self._chance.choice((10, 100, 1_000)))
        watch.kill_at, watch.power_cut = watch.steps + steps, power_cut
        return f"steps={steps}"

    def _kill_at_step(self) -> str:
        """Before or after one of the steps that the promise hangs on."""
        step = f"{self._chance.choice(('before', 'after'))} {self._chance.choice(STEPS)}"
        self._scene.kill_at = (step, self._chance.random() < EVEN)
        return step

    def _stop(self) -> str:
        process = self._scene.process
        if process is not None:
            process.stop.set()
        return ""

    def _clock(self) -> str:
        clock = self._scene.world.clock
        clock.ahead_ms += self._chance.choice(
            (-3_600_000, -60_000, -1_000, 1_000, 60_000, 3_600_000)
        )
        return f"ahead_ms={clock.ahead_ms}"

    def _register(self) -> str:
        return self._commanded(self._scene.operator.register)

    def _replay(self) -> str:
        return self._commanded(self._scene.operator.replay)

    def _reload(self) -> str:
        return self._commanded(self._scene.operator.reload)

    def _verify(self) -> str:
        return self._commanded(self._scene.operator.verify)

    def _commanded(self, command: "Callable[[], Awaitable[object]]") -> str:
        if self._nursery is not None:
            self._nursery.start_soon(command)
        return ""


async def _later(seconds: float, undo: "Callable[[], None]") -> None:
    await trio.sleep(seconds)
    undo()


EVEN = 0.5
SECOND = 2
STEPS = (
    *("decode", "append", "sync", "plan", "insert_range", "advance", "write", "note_ahead"),
    *("set_aside", "sync_aside", "take_back", "reconsider", "import_rows"),
)
REFUSING = ("m.reads", "m.reads", "m.read_history", "m.rejects", "m.intake_ledger")
STORE_FAULTS = ("", "lost", "unanswered", "torn", "memory")
