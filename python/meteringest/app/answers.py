"""What the running service answers on its control socket."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from importlib.metadata import version

import trio

from meteringest.app.backlog import JournalBacklog
from meteringest.app.core import Core, reload
from meteringest.app.happenings import CommandFailed
from meteringest.app.money import Money, accounts_concerned, takes, tell_refused
from meteringest.app.proof import verified
from meteringest.app.questions import answer
from meteringest.app.rates import Rate
from meteringest.app.replaying import Replaying
from meteringest.control.messages import (
    AskReplay,
    AskRetime,
    Replayed,
    Retimed,
    Status,
    Verified,
)
from meteringest.control.money import AskEnter, AskMoney
from meteringest.csv_rows import Imported, ImportPart
from meteringest.intake.server import IntakeServer
from meteringest.observe import ServiceObserver
from meteringest.offload import Offload
from meteringest.registry.rows import Listing
from meteringest.store.conservation import Conservation, Waiting, conservation

SAMPLE_S = 1.0
REJECTED = 'rejected_total{kind="'


class Answers:
    """Wired to everything that can be asked about."""

    def __init__(
        self,
        core: Core,
        observer: ServiceObserver,
        intake: IntakeServer,
        backlog: JournalBacklog,
        replaying: Replaying,
        offload: Offload,
    ) -> None:
        """The service's age counts from here."""
        self._core = core
        self._observer = observer
        self._intake = intake
        self._backlog = backlog
        self._replaying = replaying
        self._offload = offload
        self._money = Money(core.store, core.ledger, core.clock, self._stops)
        self.moved: Callable[[Iterable[int]], None] = _nobody
        """Told the accounts whose money has moved, once that is durable."""
        self.stopping: Callable[[], bool] = lambda: False
        """Whether whoever asked has to be left without the rest of a long answer."""
        self._began = trio.current_time()
        self._frames = Rate()
        self._reads = Rate()

    async def sample(self) -> None:
        """Keeps the rates, for ever."""
        while True:
            counters = self._observer.counters()
            now = trio.current_time()
            self._frames.sample(now, counters.get("frames_total", 0))
            self._reads.sample(now, counters.get("reads_total", 0))
            await trio.sleep(SAMPLE_S)

    def broken(self, question: str, reason: str) -> None:
        """A command met an error of ours."""
        self._observer.emit(CommandFailed(question=question, reason=reason))

    async def status(self) -> Status:
        """How it is doing."""
        core, counters = self._core, self._observer.counters()
        journal = core.journal
        behind, behind_s = self._lag()
        return Status(
            running=True,
            version=version("meteringest"),
            node=core.config.node,
            uptime_s=trio.current_time() - self._began,
            appended=journal.appended,
            durable=journal.durable,
            stored=self._backlog.stored(),
            lag_reads=behind,
            lag_s=behind_s,
            frames_per_s=self._frames.per_s(),
            reads_per_s=self._reads.per_s(),
            frames=_count(counters, "frames_total"),
            reads_accepted=_count(counters, "reads_accepted_total"),
            reads_quarantined=_count(counters, "reads_quarantined_total"),
            reads_duplicate=_count(counters, "reads_duplicate_total"),
            reads_changed=_count(counters, "reads_changed_total"),
            rejected=_by_kind(counters),
            connections=self._intake.links,
            connections_refused=int(_sum(counters, "links_refused_total")),
            journal_bytes=journal.bytes_on_disk,
            disk_free_bytes=journal.free_bytes(),
            disk_reserve_bytes=core.config.journal.disk_reserve_bytes,
            intake_held=self._intake.held,
            store=core.store.where,
            store_trouble=self._replaying.storing.trouble,
        )

    async def query(self, sql: str, output: str) -> bytes:
        """One read-only statement, within the endpoint's bounds."""
        core = self._core
        return await self._offload(answer, core.store, core.config.endpoint, sql, output)

    async def import_rows(self, parts: list[ImportPart]) -> Imported:
        """All of one import or none, known to the decoder when this returns."""
        if takes(parts):
            problems_max = self._core.config.registry.import_problems_max
            return await self._offload(self._money.import_rows, parts, problems_max)
        return await self._offload(self._core.registrar.import_rows, parts)

    async def money(self, asked: AskMoney) -> object:
        """Orders, rules and accounts; one order at a time is held against what stands."""
        done = await self._offload(self._money.answer, asked)
        if isinstance(asked, AskEnter):
            tell_refused(self._observer, asked.orders, done)
            self.moved(accounts_concerned(asked.orders))
        return done

    async def list_rows(self, listing: Listing) -> list[dict[str, object]]:
        """Registry rows without their keys."""
        return await self._offload(self._core.registrar.list_rows, listing)

    async def reload(self) -> str:
        """Registry, layouts and certificates again."""
        found = await self._offload(reload, self._core)
        await self._intake.read_certificates()
        return found

    async def reconcile(self, day: date, dcu: str) -> Conservation:
        """A receive day, counted again in the tables, and what of it waits for them."""
        waiting = await self._offload(self._waiting, day)
        return await self._offload(conservation, self._core.store, day, dcu, waiting)

    async def verify_journal(self) -> Verified:
        """Every byte of the journal, read again beside the flow."""
        return await self._offload(verified, self._core.journal)

    async def replay_rejects(self, wanted: AskReplay) -> Replayed:
        """Stored rejects decoded again, one such command at a time."""
        return await self._replaying.run(wanted)

    async def retime(self, wanted: AskRetime) -> Retimed:
        """Stored reads told anew, in turn with such commands."""
        return await self._replaying.retime(wanted)

    def _stops(self) -> bool:
        """Asked from a thread, of whatever was wired last."""
        return self.stopping()

    def _waiting(self, day: date) -> Waiting | None:
        """Rows that are durable and not stored, unless the oldest came after `day`."""
        journal, first = self._core.journal, self._backlog.stored()
        since_ms = journal.received_ms_at(first) if first < journal.durable else None
        if since_ms is None or datetime.fromtimestamp(since_ms / 1_000, UTC).date() > day:
            return None
        ahead = self._backlog.ahead()
        return Waiting(
            node=self._core.config.node,
            first=first,
            next=journal.durable,
            ahead=(ahead.first, ahead.next) if ahead and ahead.next > ahead.first else None,
        )

    def _lag(self) -> tuple[int, float]:
        """Rows durable and not stored, and for how long the oldest of them has waited."""
        rows = self._core.journal.durable - self._backlog.stored()
        oldest_ms = self._core.journal.received_ms_at(self._backlog.stored()) if rows else None
        waited_ms = self._core.clock.now_ms() - oldest_ms if oldest_ms else 0
        return rows, waited_ms / 1_000


def _nobody(accounts: Iterable[int]) -> None:
    del accounts


def _count(counters: Mapping[str, float], name: str) -> int:
    return int(counters.get(name, 0))


def _sum(counters: Mapping[str, float], name: str) -> float:
    return sum(_values(counters, name))


def _values(counters: Mapping[str, float], name: str) -> Iterable[float]:
    return (value for key, value in counters.items() if key.partition("{")[0] == name)


def _by_kind(counters: Mapping[str, float]) -> dict[str, int]:
    return {
        key.removeprefix(REJECTED).rstrip('"}'): int(value)
        for key, value in counters.items()
        if key.startswith(REJECTED)
    }
