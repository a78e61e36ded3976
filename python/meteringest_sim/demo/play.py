"""The demo's course: register, serve, send, wait until all of it stands, compare."""

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import trio
from msgspec import Struct, field
from rich.console import Console

from meteringest.clock import WallClock
from meteringest.offload import ThreadOffload
from meteringest.progress import progress
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.settings import StoreSettings
from meteringest_sim.demo.accounts import local_day
from meteringest_sim.demo.balances import Balances, LastAct
from meteringest_sim.demo.captured import captured_frames, send_captured
from meteringest_sim.demo.freshness import Freshness, Looks
from meteringest_sim.demo.ledger import Sent
from meteringest_sim.demo.stage import CAPTURED_DCU, Stage
from meteringest_sim.fleet import FleetSpec
from meteringest_sim.reconcile import Query, Seen, arrived, differences, look
from meteringest_sim.report import Report, read_report

ARRIVAL_TIMEOUT_S = 120
LOOK_EVERY_S = 0.25
"""A store tells nobody when rows arrive, so it is asked."""
SLOT_S = 1_800
DAY_SLOTS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything."""

    seed: int
    meters: int
    dcus: int
    days: int
    live_slots: int
    fault_rate: float


class Act(Struct, frozen=True, kw_only=True):
    """One run of the simulator and how it came out."""

    name: str
    report: Report
    seconds: float
    differences: list[str]


class Summary(Struct, kw_only=True):
    """What the demo found."""

    acts: list[Act] = field(default_factory=list)
    captured: int = 0
    captured_problems: list[str] = field(default_factory=list)
    looks_while_running: int = 0
    reads_current: int = 0
    reads_versions: int = 0
    ledger: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    acked: int = 0
    serve_status: int | None = None
    balances: Balances = field(default_factory=Balances)
    freshness: Freshness = field(default_factory=Freshness)

    @property
    def ledger_reconciled(self) -> bool:
        """Whether every account's books are what was charged, put in and paid."""
        return self.balances.looked_at > 0 and not self.balances.differences

    @property
    def problems(self) -> list[str]:
        """Everything that is not as it must be."""
        found = [f"{act.name}: {each}" for act in self.acts for each in act.differences]
        found += self.captured_problems
        found += [f"ledger: {each}" for each in self.balances.differences]
        if self.reads_versions != self.ledger.get("reads_stored", -1):
            found.append(
                f"{self.ledger.get('reads_stored')} reads accepted, "
                f"{self.reads_versions} versions stored"
            )
        if self.serve_status != 0:
            found.append(f"serve ended with status {self.serve_status}")
        return found

    @property
    def reconciled(self) -> bool:
        """Whether all of it adds up."""
        return not self.problems


class Play:
    """One demo."""

    def __init__(self, folder: Path, scale: Scale) -> None:
        """Nothing is started yet."""
        self._stage = Stage.build(folder)
        self._scale = scale
        self._offload = ThreadOffload()
        self._summary = Summary()
        # The last half hour that has ended; what is sent lies before it.
        self._grid_s = WallClock().now_s() // SLOT_S * SLOT_S
        self._console = Console(stderr=True, highlight=False)
        self._spec = FleetSpec(
            seed=scale.seed, meters=scale.meters, dcus=scale.dcus, confirmed=True
        )
        self._last_act = LastAct(self._stage, self._offload, self._say)

    async def run(self) -> Summary:
        """From an empty folder to a summary."""
        stage, scale = self._stage, self._scale
        self._say(f"registering {scale.meters:,} meters of {scale.dcus} concentrators")
        await self._register()
        self._say("starting `meteringest serve` on chDB")
        async with stage.serving() as service:
            await self._open_accounts()
            store = await self._offload(_reader, stage)
            with closing(store):
                async with trio.open_nursery() as nursery:
                    looks = Looks(WallClock().now_ms)
                    nursery.start_soon(self._look_at_charges, looks, _query(store))
                    await self._acts(store)
                    nursery.cancel_scope.cancel()
                self._summary.freshness = await self._offload(looks.found, _query(store))
        self._summary.serve_status = service.returncode
        return self._summary

    async def _look_at_charges(self, looks: Looks, query: Query) -> None:
        while True:
            await self._offload(looks.look, query)
            await trio.sleep(LOOK_EVERY_S)

    async def _register(self) -> None:
        stage = self._stage
        await stage.command("keygen", "--out", str(stage.folder / "master.key"))
        await self._simulate("--dry-run", "--registry-out", str(stage.fleet))
        await stage.command("dcus", "import", str(stage.fleet / "dcus.csv"))
        await stage.command("meters", "import", str(stage.fleet / "meters.csv"))

    async def _acts(self, store: Store) -> None:
        scale = self._scale
        await self._captured(store)
        live_from_s = self._grid_s - scale.live_slots * SLOT_S
        days_from_s = live_from_s - scale.days * DAY_SLOTS * SLOT_S
        await self._act(
            f"{scale.days} days in 48-interval pushes",
            store,
            ("--days", str(scale.days), "--push", "48", "--start", _moment(days_from_s)),
        )
        if scale.live_slots:
            await self._act(
                f"{scale.live_slots} half hours in one-interval pushes",
                store,
                (
                    *("--slots", str(scale.live_slots), "--push", "1"),
                    *("--start", _moment(live_from_s)),
                ),
            )
        await self._count(store)
        await self._money(store)

    async def _open_accounts(self) -> None:
        scale = self._scale
        self._say(f"opening {scale.meters:,} accounts")
        since = local_day(self._grid_s - self._slots * SLOT_S)
        await self._last_act.open_accounts(self._spec, self._spec.build(), since)

    @property
    def _slots(self) -> int:
        return self._scale.days * DAY_SLOTS + self._scale.live_slots

    async def _money(self, store: Store) -> None:
        fleet = self._spec.build()
        sent = Sent(
            fleet=fleet,
            first_slot=fleet.slot_at(self._grid_s - self._slots * SLOT_S),
            slots=self._slots,
            changes=[each for act in self._summary.acts for each in act.report.changes],
            seed=self._scale.seed,
        )
        now_s = WallClock().now_s()
        self._summary.balances = await self._last_act.run(_query(store), sent, now_s)

    async def _captured(self, store: Store) -> None:
        """Every captured frame is in the ledger and accounted for."""
        frames = captured_frames()
        self._say(f"sending {len(frames)} captured frames of real meters")
        await send_captured(frames, self._stage.captured_port)
        summary = self._summary
        summary.captured = len(frames)
        query = _query(store)
        with trio.move_on_after(ARRIVAL_TIMEOUT_S):
            while _frames(seen := await self._offload(look, query)) < len(frames):  # noqa: ASYNC110
                await trio.sleep(LOOK_EVERY_S)
        row = seen.ledger.get(CAPTURED_DCU, {})
        parts = ("frames_accepted", "frames_quarantined", "frames_duplicate")
        if row.get("frames", 0) < len(frames):
            summary.captured_problems.append(
                f"captured: {len(frames)} sent, {row.get('frames', 0)} in the ledger"
            )
        if row.get("frames", 0) != sum(row.get(part, 0) for part in parts):
            summary.captured_problems.append(f"captured: the ledger does not add up: {row}")

    async def _act(self, name: str, store: Store, orders: Sequence[str]) -> None:
        """One run of the simulator, looked at while it runs and compared when all of it stands."""
        self._say(f"sending {name}, with every fault")
        query = _query(store)
        before = await self._offload(look, query)
        file = self._stage.folder / f"report-{len(self._summary.acts) + 1}.json"
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, store, self._wanted_reads(orders))
            faults = ("--fault", f"all={self._scale.fault_rate}")
            await self._simulate(*orders, *faults, "--report", str(file))
            nursery.cancel_scope.cancel()
        report = read_report(file)
        await self._until_arrived(report, query, before)
        seconds = trio.current_time() - began
        self._say(f"  all of it stands in ClickHouse after {seconds:,.1f} s; comparing")
        found = await self._offload(differences, report, query, before)
        self._summary.acts.append(Act(name=name, report=report, seconds=seconds, differences=found))

    async def _until_arrived(self, report: Report, query: Query, before: Seen) -> None:
        with trio.move_on_after(ARRIVAL_TIMEOUT_S):
            while not arrived(  # noqa: ASYNC110
                report, (await self._offload(look, query)).since(before)
            ):
                await trio.sleep(LOOK_EVERY_S)

    async def _watch(self, store: Store, wanted: int) -> None:
        """Progress as a billing service sees it: through the endpoint, while ingest runs."""
        base = await self._offload(_stored, store)
        seen = 0
        with progress("reads in ClickHouse", wanted) as advance:
            while True:
                now = await self._offload(_stored, store) - base
                advance(now - seen)
                seen = now
                self._summary.looks_while_running += 1
                await trio.sleep(LOOK_EVERY_S)

    async def _count(self, store: Store) -> None:
        query = _query(store)
        seen = await self._offload(look, query)
        summary = self._summary
        for row in seen.ledger.values():
            for name, count in row.items():
                summary.ledger[name] = summary.ledger.get(name, 0) + count
        summary.rejected = dict(sorted(seen.rejected.items()))
        ((current,),) = await self._offload(query, "SELECT count() FROM m.reads_v")
        summary.reads_current = int(str(current))
        summary.reads_versions = summary.reads_current + seen.history
        for act in summary.acts:
            summary.acked += sum(each.acked + each.confirms for each in act.report.dcus)

    async def _simulate(self, *orders: str) -> None:
        scale, stage = self._scale, self._stage
        fleet = ("--seed", scale.seed, "--meters", scale.meters, "--dcus", scale.dcus)
        ports = ("--port", stage.port, "--uplink-port", stage.uplink_port)
        await stage.command("simulate", *map(str, (*fleet, *ports)), "--confirmed", *orders)

    def _wanted_reads(self, orders: Sequence[str]) -> int:
        slots = self._scale.days * DAY_SLOTS if "--days" in orders else self._scale.live_slots
        return slots * self._scale.meters

    def _say(self, words: str) -> None:
        self._console.print(words)
        sys.stderr.flush()


def _frames(seen: Seen) -> int:
    """Of the captured ones, so far; they may come in several batches."""
    return seen.ledger.get(CAPTURED_DCU, {}).get("frames", 0)


def _reader(stage: Stage) -> Store:
    """An ordinary ClickHouse client of the endpoint."""
    return open_store(StoreSettings(url=stage.store_url), stage.folder)


def _query(store: Store) -> Query:
    return lambda sql: store.ask(sql).rows


def _stored(store: Store) -> int:
    ((reads,),) = store.ask("SELECT sum(reads) FROM m.watermark_v").rows
    return int(str(reads))


def _moment(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat()
