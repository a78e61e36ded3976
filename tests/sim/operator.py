"""The operator: commands to the running service, as its control socket would carry them.

Rule 1: a command may fail whenever the store, the disk or the process does, and is given again.
Rule 2: what it changes is part of the world: some meters are registered only by it.
"""

import io
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from meteringest.app.core import reload
from meteringest.control.messages import AskReplay
from meteringest.csv_rows import CsvRows
from meteringest.errors import MeterIngestError
from meteringest.native import verify_journal
from meteringest.registry.columns import FORMS
from meteringest.registry.rows import METERS

if TYPE_CHECKING:
    from tests.sim.process import Process
    from tests.sim.scene import Scene

KIND = "unknown_meter"


class Operator:
    """Whoever runs the service."""

    def __init__(self, scene: "Scene", late: list[str]) -> None:
        """`late` are the serials of meters that send before they are registered."""
        self._scene = scene
        self._late = late

    async def register(self) -> None:
        """The meters that nobody registered in time."""

        async def act(process: "Process") -> str:
            lines = io.StringIO("".join(f"{row}\n" for row in ("serial,active", *self._rows())))
            parts = list(CsvRows(FORMS[METERS], "late", problems_max=1).parts(lines, _ignored))
            done = await process.flow.disk(process.core.registrar.import_rows, parts)
            self._late = []
            return f"changed {done.changed}"

        if self._late:
            await self._command("register", act)

    async def replay(self) -> int:
        """Their rejects again; how many were resolved, -1 when it failed."""
        resolved = -1

        async def act(process: "Process") -> str:
            nonlocal resolved
            resolved = (await process.replaying.run(AskReplay(kind=KIND))).resolved
            return f"resolved {resolved}"

        await self._command("replay", act)
        return resolved

    async def reload(self) -> None:
        """Registry and layouts again."""
        await self._command("reload", lambda process: process.flow.disk(reload, process.core))

    async def verify(self) -> None:
        """Every byte of the journal: only what was damaged is found to be."""

        async def act(process: "Process") -> str:
            found = await process.flow.disk(verify_journal, process.core.journal)
            if found["faults"] and not self._scene.flipped:
                self._scene.world.violate("proof", f"an undamaged journal has {found['faults']}")
            return f"faults {len(found['faults'])}"

        await self._command("verify", act)

    async def finish(self) -> None:
        """Nobody is unregistered, and all that was refused for it is in; twice changes nothing."""
        while self._late:
            await self.register()
            await trio.sleep(PATIENCE_S)
        await self._replayed()
        if resolved := await self._replayed():
            self._scene.world.violate("I6", f"rejects replayed twice: {resolved} resolved again")

    async def _replayed(self) -> int:
        while True:
            resolved = await self.replay()
            if resolved >= 0:
                return resolved
            await trio.sleep(PATIENCE_S)

    def _rows(self) -> list[str]:
        return [f"{serial},yes" for serial in self._late]

    async def _command(self, name: str, act: Callable[["Process"], Awaitable[str]]) -> None:
        """In the service's own tasks, so that it ends with them."""
        process = self._scene.process
        if process is None or process.gone or process.tasks is None:
            return
        ended = trio.Event()

        async def whole() -> None:
            try:
                self._scene.world.step(f"command {name} {await act(process)}")
            except MeterIngestError as error:
                self._scene.world.step(f"command {name} failed {type(error).__name__}")
            finally:
                ended.set()

        process.tasks.start_soon(whole)
        await ended.wait()


def _ignored(_rows: int) -> None:
    pass


PATIENCE_S = 10.0
