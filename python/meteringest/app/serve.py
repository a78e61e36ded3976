"""`meteringest serve`: the parts wired into one nursery, ended in the order of the flow.

sockets -> decode -> append -> sync -> ack          intake, group commit
                                 `-> gather -> insert    writer
                     `-> checkpoint                      checkpoints
"""

import signal
import sys

import trio

from meteringest.app import descriptors
from meteringest.app.answers import Answers
from meteringest.app.backlog import JournalBacklog
from meteringest.app.checkpoints import Checkpoints
from meteringest.app.core import Core, opened
from meteringest.app.happenings import (
    CheckpointSkipped,
    DescriptorsShort,
    Recovered,
    Serving,
    Stopping,
)
from meteringest.app.line import DurableJournal
from meteringest.app.replaying import Replaying
from meteringest.app.storing import Storing
from meteringest.clock import WallClock
from meteringest.config import Config
from meteringest.control.server import serve_control
from meteringest.events import Level
from meteringest.intake.ports import Line
from meteringest.intake.server import Bound, IntakeServer
from meteringest.journal.group_commit import GroupCommit
from meteringest.native import Link
from meteringest.observe import LogLines, ServiceObserver
from meteringest.offload import ThreadOffload
from meteringest.store.face.execution import Engine
from meteringest.store.face.server import Endpoint
from meteringest.store.writer import Writer

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(config: Config, *, salvage: bool = False) -> None:
    """Runs until SIGTERM or SIGINT; everything acknowledged is on disk when it returns."""
    clock = WallClock()
    log = LogLines(
        sys.stderr.buffer,
        clock,
        level=Level[config.observe.log_level.upper()],
        form="json" if config.observe.log_format == "json" else "text",
    )
    with opened(config, clock, serving=True, salvage=salvage) as core:
        trio.run(Service(core, ServiceObserver(log)).run)


class Service:
    """One running service."""

    def __init__(self, core: Core, observer: ServiceObserver) -> None:
        """Wires; nothing runs yet."""
        self._core = core
        self._observer = observer
        self._disk = ThreadOffload()
        self._stop = trio.Event()
        config, journal = core.config, core.journal
        self._commit = GroupCommit(journal, ThreadOffload(1), observer)
        self._checkpoints = Checkpoints(
            core.decoder,
            journal,
            every_s=config.journal.checkpoint_s,
            recovered_to=core.recovered_to,
        )
        self._backlog = JournalBacklog(
            journal, self._commit, kept_from=lambda: self._checkpoints.position
        )
        self._line = line = Line(
            decoder=core.decoder,
            journal=DurableJournal(journal, self._commit, self._checkpoints),
            offload=ThreadOffload(1),
            clock=core.clock,
            observer=observer,
        )
        self._links_max = descriptors.links_within(descriptors.raised())
        self._intake = IntakeServer(
            config.intake,
            line,
            Link,
            dcus=core.registrar.dcus,
            last_acked=dict(core.decoder.uplinks_taken),
            links_max=self._links_max,
        )
        self._storing = Storing(observer, retry_s=config.store.retry_max_s)
        self._writer = Writer(
            core.store,
            self._backlog,
            node=config.node,
            settings=config.store,
            offload=ThreadOffload(1),
            observer=self._storing,
        )

    async def run(self) -> None:
        """Everything, until told to stop."""
        self._report_start()
        async with trio.open_nursery() as stages:
            stages.start_soon(self._listen_for_signals)
            stages.start_soon(self._commit.run)
            stages.start_soon(self._storing.run, self._writer)
            stages.start_soon(self._write_checkpoints)
            await self._start_readers(stages)
            await stages.start(self._take_in, stages)
            self._observer.emit(Serving(node=self._core.config.node))

    async def _start_readers(self, stages: trio.Nursery) -> None:
        core = self._core
        answers = Answers(
            core,
            self._observer,
            self._intake,
            self._backlog,
            Replaying(core, self._line, self._backlog, self._storing, self._disk),
            self._disk,
        )
        await stages.start(serve_control, core.config.data_dir, answers)
        stages.start_soon(answers.sample)
        endpoint = core.config.endpoint
        if core.store.embedded and endpoint.enabled:
            face = Endpoint(
                Engine(core.store.engine_address),
                endpoint,
                offload=ThreadOffload(endpoint.queries_max),
                observer=self._observer,
            )
            await stages.start(face.serve)

    async def _listen_for_signals(self) -> None:
        with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
            async for number in signals:
                self._observer.emit(Stopping(signal=signal.Signals(number).name))
                self._stop.set()
                return

    async def _take_in(
        self,
        stages: trio.Nursery,
        *,
        task_status: trio.TaskStatus[list[Bound]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Intake until its drain is done, then a last checkpoint: the next start replays little."""
        await self._intake.run(self._stop, task_status=task_status)
        await self._disk(self._core.journal.sync)
        self._report(written=await self._disk(self._checkpoints.write_last))
        stages.cancel_scope.cancel()

    async def _write_checkpoints(self) -> None:
        position = self._core.journal.durable
        while True:
            position = await self._commit.durable_after(position)
            self._report(written=await self._disk(self._checkpoints.write, position))

    def _report(self, *, written: bool) -> None:
        if not written:
            self._observer.emit(CheckpointSkipped(position=self._checkpoints.position))

    def _report_start(self) -> None:
        self._observer.emit(Recovered(**self._core.journal.recovery))
        wanted = sum(each.connections_max for each in self._core.config.intake.listeners)
        if wanted > self._links_max:
            self._observer.emit(DescriptorsShort(links_max=self._links_max, wanted=wanted))
