"""`meteringest serve`: the flow with what surrounds it: signals, control socket, endpoint."""

import signal
import sys
import time
from functools import partial
from pathlib import Path

import trio

from meteringest.app import descriptors
from meteringest.app.answers import Answers
from meteringest.app.charging import Charging
from meteringest.app.core import Core, opened
from meteringest.app.deciding import Deciding
from meteringest.app.flow import Flow
from meteringest.app.happenings import DescriptorsShort, Recovered, Serving, Stopping, StoreAwaited
from meteringest.app.means import Means
from meteringest.app.office import Office
from meteringest.app.recovering import recover_dues
from meteringest.app.replaying import Replaying
from meteringest.app.watching import Watching
from meteringest.clock import WallClock
from meteringest.config import Config
from meteringest.control.server import serve_control
from meteringest.errors import StoreUnavailable
from meteringest.events import Level
from meteringest.intake.server import Bound
from meteringest.observe import LogLines, ServiceObserver
from meteringest.offload import ThreadOffload
from meteringest.prepaid.ledger.recovering import Recovering
from meteringest.prepaid.worker.shards import shards_of
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.face.execution import Engine
from meteringest.store.face.server import Endpoint
from meteringest.store.settings import StoreSettings
from meteringest.watch.server import WatchServer

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
    observer = ServiceObserver(log)
    means = Means(
        clock=clock,
        open_store=partial(_open_store_once_it_answers, observer),
        links_max=descriptors.links_within(descriptors.raised()),
    )
    with opened(config, means, serving=True, salvage=salvage) as core:
        trio.run(Service(core, observer, means).run)


def _open_store_once_it_answers(
    observer: ServiceObserver, settings: StoreSettings, data_dir: Path
) -> Store:
    """A server that is away when we start is waited for: both may come up after one power cut."""
    wait_s = settings.retry_min_s
    while True:
        try:
            return open_store(settings, data_dir)
        except StoreUnavailable as silence:
            observer.emit(StoreAwaited(reason=silence.reason, wait_s=wait_s))
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, settings.retry_max_s)


class Service:
    """One running service."""

    def __init__(self, core: Core, observer: ServiceObserver, means: Means) -> None:
        """Wires; nothing runs yet."""
        self._core = core
        self._observer = observer
        self._links_max = means.links_max
        self._stop = trio.Event()
        self._flow = Flow(core, observer, means)

    async def run(self) -> None:
        """Everything, until told to stop."""
        self._report_start()
        watching = Watching(
            self._core, self._flow, self._observer, self._stop, links_max=self._links_max
        )
        async with trio.open_nursery() as stages:
            stages.start_soon(self._listen_for_signals)
            await self._start_watch(stages, watching)
            await self._start_readers(stages, watching)
            await stages.start(self._flow_to_its_end, stages)
            watching.serving = True
            self._observer.emit(Serving(node=self._core.config.node))

    async def _flow_to_its_end(
        self,
        stages: trio.Nursery,
        *,
        task_status: trio.TaskStatus[list[Bound]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        await self._flow.run(self._stop, task_status=task_status)
        stages.cancel_scope.cancel()

    async def _start_watch(self, stages: trio.Nursery, watching: Watching) -> None:
        """First: whoever watches learns that the service is starting."""
        settings = self._core.config.observe.http
        if settings.enabled:
            server = WatchServer(watching, settings, self._observer)
            stages.start_soon(watching.sample)
            await stages.start(server.serve)

    async def _start_readers(self, stages: trio.Nursery, watching: Watching) -> None:
        core, flow = self._core, self._flow
        answers = Answers(
            core,
            self._observer,
            flow.intake,
            flow.backlog,
            Replaying(core, flow.line, flow.backlog, flow.storing, flow.aside, flow.disk),
            flow.disk,
        )
        deciding = self._start_deciding(stages)
        answers.moved = deciding.hurry
        answers.stopping = self._stop.is_set
        self._start_charging(stages, deciding)
        await stages.start(serve_control, core.config.data_dir, answers, answers.broken)
        stages.start_soon(answers.sample)
        endpoint = core.config.endpoint
        if core.store.embedded and endpoint.enabled:
            face = Endpoint(
                Engine(core.store.engine_address),
                endpoint,
                offload=ThreadOffload(endpoint.queries_max),
                observer=self._observer,
            )
            watching.endpoint = face
            await stages.start(face.serve)

    def _start_deciding(self, stages: trio.Nursery) -> Deciding:
        core = self._core
        deciding = Deciding(
            Office(core.store, core.ledger, core.clock).decider,
            core.config.deciding,
            clock=core.clock,
            offload=ThreadOffload(2),
            observer=self._observer,
        )
        stages.start_soon(deciding.run)
        recovering = Recovering(core.store, core.ledger.rules, core.ledger.post, core.clock.now_ms)
        stages.start_soon(
            recover_dues, recovering, deciding.touch, ThreadOffload(1), self._observer
        )
        return deciding

    def _start_charging(self, stages: trio.Nursery, deciding: Deciding) -> None:
        core = self._core
        charging = Charging(
            core.store,
            core.config.worker,
            shards_of(1, 1),
            clock=core.clock,
            offload=ThreadOffload(1),
            observer=self._observer,
        )
        charging.charged = deciding.touch
        self._observer.gauge("charge_backlog_reads", lambda: charging.backlog_reads)
        self._observer.gauge("charge_age_seconds", lambda: charging.age_s)
        stages.start_soon(charging.run, self._flow.storing.moved)

    async def _listen_for_signals(self) -> None:
        with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
            async for number in signals:
                self._observer.emit(Stopping(signal=signal.Signals(number).name))
                self._stop.set()
                return

    def _report_start(self) -> None:
        self._observer.emit(Recovered(**self._core.journal.recovery))
        listeners = self._core.config.intake.listeners
        wanted = sum(each.connections_max for each in listeners if each.transport == "tcp")
        if wanted > self._links_max:
            self._observer.emit(DescriptorsShort(links_max=self._links_max, wanted=wanted))
