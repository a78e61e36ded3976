"""What those who watch are told: every figure of a scrape, and whether the service is ready.

Rule 1: what may wait for a disk or for the decoder is asked in a thread, the rest in the loop.
"""

import os
import resource
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import trio

from meteringest.app.core import Core
from meteringest.app.flow import Flow
from meteringest.events import labelled
from meteringest.observe import ServiceObserver, exposition
from meteringest.observe.catalogue import CATALOGUE
from meteringest.watch.readiness import Readiness, Seen, readiness

SAMPLE_S = 1.0
Figures = dict[str, float]


class Counted(Protocol):
    """A server of ours that has connections."""

    @property
    def connections(self) -> int:
        """How many are open."""
        ...


class Watching:
    """Wired to everything that has a figure."""

    def __init__(
        self, core: Core, flow: Flow, observer: ServiceObserver, stop: trio.Event, *, links_max: int
    ) -> None:
        """The service's age counts from here; it is not serving yet."""
        self.serving = False
        self.endpoint: Counted | None = None
        self._core = core
        self._flow = flow
        self._observer = observer
        self._stop = stop
        self._links_max = links_max
        self._began = trio.current_time()
        self._held_since: float | None = None

    async def sample(self) -> None:
        """Follows for how long intake has been held back, for ever."""
        while True:
            if not self._flow.intake.held:
                self._held_since = None
            elif self._held_since is None:
                self._held_since = trio.current_time()
            await trio.sleep(SAMPLE_S)

    async def readiness(self) -> Readiness:
        """As things stand now."""
        journal, flow, storing = self._core.journal, self._flow, self._flow.storing
        free_bytes = await flow.disk(journal.free_bytes)
        seen = Seen(
            serving=self.serving,
            draining=self._stop.is_set(),
            disk_free_bytes=free_bytes,
            disk_reserve_bytes=self._core.config.journal.disk_reserve_bytes,
            sync_held=flow.commit.held,
            no_room=flow.intake.no_room,
            intake_held=flow.intake.held,
            intake_held_s=_since(self._held_since),
            store_trouble=storing.trouble,
            store_trouble_s=_since(storing.trouble_since),
            lag_reads=journal.durable - flow.backlog.stored(),
        )
        return readiness(seen, self._core.config.observe.http)

    async def metrics(self) -> str:
        """One scrape."""
        ready = (await self.readiness()).ready
        asked = await self._flow.disk(self._asked)
        figures = {**self._observer.counters(), **asked, **self._flowing()}
        return exposition({**figures, "ready": ready}, promised=CATALOGUE)

    def _flowing(self) -> Figures:
        """What the loop itself knows."""
        flow, storing = self._flow, self._flow.storing
        links = flow.intake.links_of().items()
        return {
            **{labelled("links_open", listener=name): count for name, count in links},
            "links_max": self._links_max,
            labelled("lag_seconds", to="durable"): _since(flow.intake.unsynced_since),
            "intake_pending_bytes": flow.intake.pending_bytes,
            "intake_held": bool(flow.intake.held),
            "store_trouble": bool(storing.trouble),
            "store_trouble_seconds": _since(storing.trouble_since),
            "endpoint_connections_open": self.endpoint.connections if self.endpoint else 0,
            "uptime_seconds": trio.current_time() - self._began,
            labelled("build_info", version=version("meteringest")): 1,
        }

    def _asked(self) -> Figures:
        """What may block."""
        core, journal = self._core, self._core.journal
        appended, durable, stored = journal.appended, journal.durable, self._flow.backlog.stored()
        oldest_ms = journal.received_ms_at(stored) if durable > stored else None
        waited_ms = core.clock.now_ms() - oldest_ms if oldest_ms else 0
        return {
            "journal_appended_rows": appended,
            "journal_durable_rows": durable,
            "journal_stored_rows": stored,
            labelled("lag_reads", to="durable"): max(0, appended - durable),
            labelled("lag_reads", to="stored"): max(0, durable - stored),
            labelled("lag_seconds", to="stored"): max(0, waited_ms) / 1_000,
            "journal_disk_bytes": journal.bytes_on_disk,
            "disk_free_bytes": journal.free_bytes(),
            "disk_reserve_bytes": core.config.journal.disk_reserve_bytes,
            **_process(),
            **_decoder(core.decoder.footprint),
        }


def _since(moment: float | None) -> float:
    return 0.0 if moment is None else trio.current_time() - moment


def _decoder(footprint: dict[str, int]) -> Figures:
    return {
        "decoder_meters" if part == "meters" else labelled("decoder_memory_bytes", part=part): size
        for part, size in footprint.items()
    }


def _process() -> Figures:
    used = resource.getrusage(resource.RUSAGE_SELF)
    descriptors_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "memory_resident_bytes": pages * resource.getpagesize(),
        "cpu_seconds_total": used.ru_utime + used.ru_stime,
        "descriptors_open": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 (names will do)
        "descriptors_max": descriptors_max,
    }
