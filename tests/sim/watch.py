"""The positions of whoever lives, looked at after every step of every task."""

from typing import TYPE_CHECKING

import trio
from tests.sim.process import Process

if TYPE_CHECKING:
    from tests.sim.scene import Scene


class PositionWatch(trio.abc.Instrument):
    """appended >= durable >= stored, none ever back, nothing let go before ClickHouse has it."""

    def __init__(self, scene: "Scene") -> None:
        self.steps = 0
        self.kill_at: int | None = None
        self.power_cut = False
        self._scene = scene
        self._process: Process | None = None
        self._appended = 0
        self._durable = 0
        self._stored = 0
        self._first = 0

    def born(self, process: Process) -> None:
        """A new process: what was not durable may be gone, nothing else."""
        self._process = process
        self._appended = self._durable

    def begin_again(self) -> None:
        """A salvage gave rows up: the marks are what it says."""
        self._appended = self._durable = self._stored = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Here a process may be killed, between any two steps."""
        del task
        self.steps += 1
        if self.kill_at is not None and self.steps >= self.kill_at:
            self.kill_at = None
            self._scene.kill(power_cut=self.power_cut)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Looks."""
        del task
        process = self._process
        if process is None or process.journal is None or process.gone:
            return
        journal = process.journal
        stored, durable, appended = journal.stored, journal.durable, journal.appended
        marks = (appended, durable, stored)
        if marks != (self._appended, self._durable, self._stored):
            if not self._stored:
                self._stored = stored  # a new journal begins with nothing to let go
                self._first = self._first or stored
            self._check(*marks)
            self._appended, self._durable, self._stored = marks

    def _check(self, appended: int, durable: int, stored: int) -> None:
        violate = self._scene.world.violate
        if not appended >= durable >= stored:
            violate("I5", f"appended {appended}, durable {durable}, stored {stored}")
        if appended < self._appended or durable < self._durable or stored < self._stored:
            before = (self._appended, self._durable, self._stored)
            violate("I5", f"appended, durable, stored went back from {before}")
        if stored > self._stored:
            there = max(self._first, self._scene.server.stored(self._scene.config.node))
            if stored > there and not self._scene.world.gave_up(there, stored):
                violate("I4", f"let go before {stored}, ClickHouse has all before {there}")
        if durable > self._durable:
            self._scene.witness.look()
