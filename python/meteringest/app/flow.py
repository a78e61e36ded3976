"""The flow of reads, wired: from the sockets to the store, ended in its own order.

sockets -> decode -> append -> sync -> ack          intake, group commit
                                 `-> gather -> insert    writer
                     `-> checkpoint                      checkpoints

Rule 1: this is the only wiring there is: the service and the simulation both run it.
"""

import trio

from meteringest.app.backlog import JournalBacklog
from meteringest.app.checkpoints import Checkpoints
from meteringest.app.core import Core
from meteringest.app.happenings import CheckpointSkipped
from meteringest.app.line import DurableJournal
from meteringest.app.means import Means
from meteringest.app.storing import Storing
from meteringest.errors import JournalFull
from meteringest.events import Observer
from meteringest.intake.ports import Agreement, Line
from meteringest.intake.server import Bound, IntakeServer
from meteringest.journal.group_commit import GroupCommit
from meteringest.native import Link
from meteringest.store import aside
from meteringest.store.writer import Writer


class Flow:
    """Runs once."""

    def __init__(self, core: Core, observer: Observer, means: Means) -> None:
        """Wires; nothing runs yet."""
        self._observer = observer
        self._journal = core.journal
        self.disk = means.offload(DISK_CALLS_MAX)
        config, journal = core.config, core.journal
        self.commit = GroupCommit(journal, means.offload(1), observer)
        agreement = Agreement()
        self._checkpoints = Checkpoints(
            core.decoder,
            journal,
            agreement,
            every_s=config.journal.checkpoint_s,
            recovered_to=core.recovered_to,
        )
        self.backlog = JournalBacklog(
            journal, self.commit, kept_from=lambda: self._checkpoints.position
        )
        self.line = Line(
            decoder=core.decoder,
            journal=DurableJournal(journal, self.commit, self._checkpoints),
            offload=means.offload(1),
            clock=core.clock,
            observer=observer,
            agreement=agreement,
        )
        self.intake = IntakeServer(
            config.intake,
            self.line,
            Link,
            dcus=core.registrar.dcus,
            last_acked=dict(core.decoder.uplinks_taken),
            links_max=means.links_max,
            open_port=means.open_port,
            open_mail_port=means.open_mail_port,
        )
        self.aside = aside.Aside(
            means.open_shelf(config.data_dir / aside.FOLDER), bytes_max=config.store.aside_bytes_max
        )
        self.storing = Storing(observer, retry_s=config.store.retry_max_s)
        self._writer = Writer(
            core.store,
            self.backlog,
            node=config.node,
            settings=config.store,
            offload=means.offload(1),
            observer=self.storing,
            aside=self.aside,
        )

    async def run(
        self,
        stop: trio.Event,
        *,
        task_status: trio.TaskStatus[list[Bound]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Takes in until `stop`, then drains; everything acknowledged is on disk at the end."""
        async with trio.open_nursery() as stages:
            stages.start_soon(self.commit.run)
            stages.start_soon(self.storing.run, self._writer)
            stages.start_soon(self._write_checkpoints)
            await self.intake.run(stop, task_status=task_status)
            self._report(written=await self._ended())
            stages.cancel_scope.cancel()

    async def _ended(self) -> bool:
        """A last checkpoint, so that the next start replays little; False on a full disk.

        What a full disk does not take was acknowledged to nobody: its senders repeat it. While a
        command has decoded what it has not appended yet, the checkpoint before stays the last.
        """
        try:
            await self.disk(self._journal.sync)
            self.line.turn.acquire_nowait()
        except JournalFull:
            return False
        except trio.WouldBlock:
            return True
        try:
            return await self.disk(self._checkpoints.write_last)
        finally:
            self.line.turn.release()

    async def _write_checkpoints(self) -> None:
        position = self._journal.durable
        while True:
            position = await self.commit.durable_after(position)
            self._report(written=await self.disk(self._checkpoints.write, position))

    def _report(self, *, written: bool) -> None:
        if not written:
            self._observer.emit(CheckpointSkipped(position=self._checkpoints.position))


DISK_CALLS_MAX = 4
