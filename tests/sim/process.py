"""One life of the service: opened, run and killed as the real one is, on simulated means.

Rule 1: the wiring is meteringest.app.flow's; here is only what it stands on.
Rule 2: a process that was killed reaches nothing any more, however long its tasks take to die.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeVar, TypeVarTuple

import trio
from tests.sim.clickhouse import SimulatedClickHouse
from tests.sim.client import Fence, SimulatedClient
from tests.sim.network import Network
from tests.sim.shelf import SimulatedFolder, SimulatedShelf
from tests.sim.world import TracingObserver, World

from meteringest.app.core import Core, opened
from meteringest.app.flow import Flow
from meteringest.app.means import Means
from meteringest.app.replaying import Replaying
from meteringest.clock import WallClock
from meteringest.config import Config
from meteringest.intake.server import IntakeServer
from meteringest.native import Journal, SimulatedDisk
from meteringest.store.clickhouse import Store
from meteringest.store.insertion import insert_range
from meteringest.store.settings import StoreSettings

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class SimulatedOffload:
    """A thread's place without a thread: the call takes a while, and nobody can give up on it."""

    def __init__(
        self,
        chance: Random,
        threads_max: int,
        slowness_s: Callable[[str], float],
        passing: Callable[[str], None],
    ) -> None:
        self._chance = chance
        self._passing = passing
        self._slowness_s = slowness_s
        self._limiter = trio.CapacityLimiter(threads_max)

    async def __call__(
        self, call: Callable[[*Arguments], Result], *arguments: *Arguments
    ) -> Result:
        """Before and after the call anything may happen elsewhere."""
        await trio.lowlevel.checkpoint()
        async with self._limiter:
            with trio.CancelScope(shield=True):
                name = getattr(call, "__name__", "")
                await self._rest(name)
                self._passing(f"before {name}")
                result = call(*arguments)
                self._passing(f"after {name}")
                await self._rest(name)
                return result

    async def _rest(self, name: str) -> None:
        slowness_s = self._slowness_s(name)
        if self._chance.random() < RESTS:
            await trio.sleep(slowness_s * self._chance.random())


@dataclass(frozen=True)
class Ground:
    """What outlives processes, and what a call takes on a good day: the disk's, the store's."""

    world: World
    config: Config
    disk: SimulatedDisk
    aside: SimulatedFolder
    network: Network
    server: SimulatedClickHouse
    usual_s: tuple[float, float]


class Process:
    """From start to end or kill."""

    def __init__(self, ground: Ground, number: int) -> None:
        self.killed = False
        self.corrupt = False
        self._core: Core | None = None
        self._flow: Flow | None = None
        self._replaying: Replaying | None = None
        self.on_open: Callable[[list[tuple[int, int]]], None] = lambda _: None
        """Told of the stretches of rows that were salvaged past."""
        self.on_step: Callable[[str], None] = lambda _: None
        """Told before and after every call that leaves the loop, by its name."""
        self.tasks: trio.Nursery | None = None
        """Where commands run while it serves."""
        self.journal: Journal | None = None
        self.observer = TracingObserver(ground.world)
        self.stop = trio.Event()
        self.slow_disk_s = 0.0
        self._ground = ground
        self._world = ground.world
        self._disk = ground.disk
        self._fence = Fence()
        self._scope = trio.CancelScope()
        self._chance = ground.world.chance(f"process {number}")
        self._fallen = ground.disk.killed_in_write

    async def run(self, *, salvage: bool) -> None:
        """Until told to stop, killed or failed."""
        means = Means(
            clock=self._world.clock,
            open_journal=self._open_journal,
            open_store=self._open_store,
            open_shelf=self._open_shelf,
            open_port=self._ground.network.open_port,
            open_mail_port=self._ground.network.open_mail_port,
            offload=self._offload,
            random_bytes=self._chance.randbytes,
        )
        with self._scope, opened(self._ground.config, means, serving=True, salvage=salvage) as core:
            self.journal = core.journal
            found = core.journal.recovery
            self.on_open([(first, until) for *_, first, until in found["skipped"]])
            self._world.step(
                f"recovered {found['records']} records, torn {found['torn_bytes']}, appended "
                f"{found['appended']}, stored {found['stored']}, skipped {found['skipped']}"
            )
            flow = Flow(core, self.observer, means)
            self._core, self._flow = core, flow
            self._replaying = Replaying(
                core, flow.line, flow.backlog, flow.storing, flow.aside, flow.disk
            )
            async with trio.open_nursery() as commands:
                self.tasks = commands
                try:
                    await flow.run(self.stop)
                finally:
                    self.tasks = None
                commands.cancel_scope.cancel()

    @property
    def serving(self) -> bool:
        """Whether it came as far as that."""
        return self._flow is not None

    @property
    def intake(self) -> IntakeServer | None:
        """Once it serves."""
        return None if self._flow is None else self._flow.intake

    @property
    def core(self) -> Core:
        """Of a process that serves."""
        assert self._core is not None
        return self._core

    @property
    def flow(self) -> Flow:
        """Of a process that serves."""
        assert self._flow is not None
        return self._flow

    @property
    def replaying(self) -> Replaying:
        """Of a process that serves."""
        assert self._replaying is not None
        return self._replaying

    @property
    def gone(self) -> bool:
        """Killed from outside or in a write."""
        return self.killed or self._disk.killed_in_write != self._fallen

    def fence(self) -> None:
        """From here on nothing it does has any effect."""
        if self.killed:
            return
        self.killed = True
        self.observer.silent = True
        self._fence.gone = True
        self._ground.network.lose_server()

    def bury(self) -> None:
        """Its tasks end."""
        self._scope.cancel()
        if self._flow is not None:
            self._flow.intake._work.cancel()

    def _open_journal(self, config: Config, clock: WallClock, salvage: bool) -> Journal:  # noqa: FBT001
        return open_journal(self._disk, config, clock.now_s(), salvage=salvage)

    def _open_store(self, _settings: StoreSettings, _folder: Path) -> Store:
        return Store("simulated", lambda: SimulatedClient(self._ground.server, self._fence))  # type: ignore[arg-type,return-value]

    def _open_shelf(self, _folder: Path) -> SimulatedShelf:
        return SimulatedShelf(self._ground.aside, lambda: self.gone, self._passing)

    def _offload(self, threads_max: int) -> SimulatedOffload:
        return SimulatedOffload(self._chance, threads_max, self._slowness_s, self._passing)

    def _passing(self, step: str) -> None:
        if not self.gone:
            self.on_step(step)

    def _slowness_s(self, name: str) -> float:
        """Only the writer's calls wait for ClickHouse; all others are the disk's."""
        disk_s, store_s = self._ground.usual_s
        if name == insert_range.__name__:
            return store_s + self._ground.server.weather.slow_s
        return disk_s + self.slow_disk_s


def open_journal(
    disk: SimulatedDisk, config: Config, created_s: int, *, salvage: bool = False
) -> Journal:
    """As a process opens it."""
    return disk.journal(
        node=config.node,
        segment_bytes=config.journal.segment_bytes,
        created_s=created_s,
        free_bytes_min=config.journal.disk_reserve_bytes,
        pending_bytes_max=PENDING_BYTES_MAX,
        salvage=salvage,
        seed=SEED,
    )


PENDING_BYTES_MAX = 1 << 20
SEED = 0x5EED
RESTS = 0.7
