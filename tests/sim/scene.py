"""The scene of one run: disk, network, ClickHouse, senders, and the service that lives among them.

Rule 1: a process that ends in a way no fault explains is a violation.
Rule 2: what is checked while it runs is checked after every step of any task.
"""

import itertools
import traceback
from functools import partial
from pathlib import Path
from random import Random

import trio
from tests.sim import final
from tests.sim.clickhouse import SimulatedClickHouse
from tests.sim.fleets import MASTER_KEY, Sizes, Uplinks, registry, values_of
from tests.sim.links import SimulatedLink
from tests.sim.network import Network, SimulatedDial
from tests.sim.process import Ground, Process, open_journal
from tests.sim.pushers import ConfirmReader, Pushers
from tests.sim.watch import PositionWatch
from tests.sim.weather import Weatherman
from tests.sim.witness import Witness
from tests.sim.world import BEGAN_S, World

from meteringest.config import Config
from meteringest.config.schema import JournalSettings
from meteringest.errors import JournalCorrupt, JournalError, JournalFull, StoreUnavailable
from meteringest.intake.settings import IntakeSettings, ListenerSettings
from meteringest.model import Secret
from meteringest.native import Journal, SimulatedDisk
from meteringest.registry.settings import RegistrySettings
from meteringest.store.settings import StoreSettings
from meteringest_sim.outbox import Ack, MessageReader, Welcome


class Scene:
    """Everything of one run."""

    def __init__(self, world: World, weather_steps: int) -> None:
        self.world = world
        self.config = _config(world.chance("config"))
        self.disk = SimulatedDisk()
        self.network = Network(world)
        self.server = SimulatedClickHouse(world)
        self.witness = Witness(world, self.disk, self._reopened)
        self.process: Process | None = None
        self.excused = False
        """A disk fault awaits the process: a journal that gives up is right to."""
        self.full = False
        self.kill_at: tuple[str, bool] | None = None
        """The step at which the process is killed next, or the power cut."""
        self.flipped: list[tuple[str, int]] = []
        """Bits that the disk has turned over."""
        self.sizes = sizes = Sizes(world.chance("sizes"), weather_steps)
        self.uplinks = Uplinks(world, sizes)
        self.pushers = Pushers(world, self.network, sizes)
        self.weather = Weatherman(self, weather_steps, sizes.weather_pause_s)
        self.watch = PositionWatch(self)
        self._chance = world.chance("scene")
        self._finished = False
        self.restart = trio.Event()
        self.server.meters, self.server.dcus = registry(
            {"uplink": self.uplinks.fleet, "plain": self.pushers.fleet}
        )
        dials = {
            dcu: SimulatedDial(self.network, dcu, self._uplink_opened)
            for dcu in range(1, sizes.uplink_dcus + 1)
        }
        self.uplinks.connect(dials)
        self.network.opened = self._plain_opened

    async def play(self) -> None:
        """The weather, then calm, then the checks."""
        trio.lowlevel.add_instrument(self.watch)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._live)
            async with trio.open_nursery() as senders:
                senders.start_soon(self.uplinks.run)
                senders.start_soon(self.pushers.run)
                senders.start_soon(self.weather.run)
            self.world.step("everything is acknowledged")
            await self._all_stored()
            await self._echo()
            self._finished = True
            if self.process is not None:
                self.process.stop.set()
        trio.lowlevel.remove_instrument(self.watch)
        final.check(self)

    def limit(self, left: int | None) -> None:
        """The disk has room for so many bytes more, or for all."""
        self.full = left is not None
        self.disk.limit(None if left is None else sum(size for _, size in self.disk.files()) + left)

    def flip(self, chance: Random) -> str:
        """Turns one bit of a segment over.

        One at a time, of an open journal, and the power does not fail until it is opened again: it
        would take away the mark behind the last sync, which tells damage from a torn tail.
        """
        process = self.process
        if self.flipped or process is None or process.gone or process.journal is None:
            return ""
        segments = [(name, size) for name, size in self.disk.files() if name.startswith("segment")]
        if not segments:
            return ""
        name, size = chance.choice(sorted(segments))
        bit = chance.randrange(size * 8)
        self.disk.flip(name, bit)
        self.flipped.append((name, bit))
        return f"{name} {bit}"

    def kill(self, *, power_cut: bool) -> None:
        """Ends the process here and now, and perhaps the machine."""
        if self.process is None or self.process.gone:
            return
        power_cut = power_cut and not self.flipped
        self.world.step("power_cut" if power_cut else "killed")
        self.process.fence()
        if power_cut:
            self.disk.power_cut(self._chance.getrandbits(64))
        else:
            self.disk.kill()
        self.witness.forget()
        self.restart.set()

    async def _echo(self) -> None:
        """Everything that was ever pushed comes again, after a restart: nothing may come of it."""
        if self.process is not None:
            self.process.stop.set()
        reads = self.server.tables["m.reads"].writers
        before = len(reads)
        await self.pushers.echo()
        await self._all_stored()
        if len(reads) != before and not self.world.salvaged:
            self.world.violate("I6", f"{len(reads) - before} versions came of repeated frames")

    async def _live(self) -> None:
        """One process after another, as under a supervisor."""
        salvage = False
        usual_s = (self.sizes.disk_s, self.sizes.store_s)
        ground = Ground(self.world, self.config, self.disk, self.network, self.server, usual_s)
        for number in itertools.count(1):
            if self._finished:
                return
            self.restart = trio.Event()
            process = self.process = Process(ground, number)
            self.watch.born(process)
            process.on_step = self._passing
            process.on_open = partial(self._opened, salvage=salvage)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._bury, process)
                await self._run(process, salvage=salvage)
                nursery.cancel_scope.cancel()
            process.fence()
            self.disk.kill()
            self.excused = False
            salvage = process.corrupt and self._mend()
            await trio.sleep(RESTART_S * self._chance.random())

    def _opened(self, skipped: list[tuple[int, int]], *, salvage: bool) -> None:
        self.world.salvaged = sorted({*self.world.salvaged, *skipped})
        self.flipped.clear()  # what is opened has been read, and told if it was damaged
        if salvage:
            self.watch.begin_again()
            self.witness.begin_again()

    def _passing(self, step: str) -> None:
        if self.kill_at is not None and self.kill_at[0] == step:
            (_, power_cut), self.kill_at = self.kill_at, None
            self.world.step(f"at {step}")
            self.kill(power_cut=power_cut)

    def _mend(self) -> bool:
        """What an operator does about a damaged journal: another copy of the disk, or salvage."""
        if self._chance.random() < SALVAGED:
            self.world.step("salvage")
            return True
        for name, bit in self.flipped:
            self.disk.flip(name, bit)
        self.flipped.clear()
        self.world.step("mended")
        return False

    async def _bury(self, process: Process) -> None:
        await self.restart.wait()
        process.bury()

    async def _run(self, process: Process, *, salvage: bool) -> None:
        try:
            await process.run(salvage=salvage)
        except BaseException as error:
            if all(isinstance(each, trio.Cancelled) for each in _leaves(error)):
                raise
            self._ended(process, error)
        else:
            self.world.step("process stopped" if not process.gone else "process gone")

    def _ended(self, process: Process, error: BaseException) -> None:
        """A process that failed: with reason, or by a bug."""
        if process.gone:
            self.world.step("process gone")
            return
        kinds = sorted({type(each).__name__ for each in _leaves(error)})
        self.world.step(f"process failed {' '.join(kinds)}")
        for each in _leaves(error):
            if isinstance(each, trio.Cancelled):
                continue
            if isinstance(each, JournalCorrupt) and self.flipped:
                process.corrupt = True
                continue
            if isinstance(each, JournalError) and self.excused:
                continue
            if isinstance(each, JournalFull) and self.full and process.flow is None:
                continue
            if isinstance(each, StoreUnavailable) and process.flow is None:
                continue
            words = "".join(traceback.format_exception(each, limit=-6))
            self.world.violate("process", f"ended by what no fault explains: {words}")

    async def _all_stored(self) -> None:
        while True:
            process = self.process
            journal = process.journal if process is not None and not process.gone else None
            if journal is not None and journal.stored == journal.appended:
                return
            await trio.sleep(1.0)

    def _reopened(self, disk: SimulatedDisk) -> Journal:
        try:
            return open_journal(disk, self.config, BEGAN_S)
        except JournalCorrupt:
            for name, bit in self.flipped:
                disk.flip(name, bit)
            return open_journal(disk, self.config, BEGAN_S)

    def _uplink_opened(self, link: SimulatedLink, dcu: int) -> None:
        reader = MessageReader()

        def sending(octets: bytes) -> None:
            for message in reader.feed(octets):
                if isinstance(message, Ack | Welcome):
                    self.world.step(f"acked dcu={dcu} {message.acked}")
                    known = self.witness.uplink(dcu)
                    if message.acked > known and not self.world.salvaged:
                        self.world.violate(
                            "I3", f"dcu {dcu} is told {message.acked}, a power cut leaves {known}"
                        )

        link.server.sending = sending

    def _plain_opened(self, link: SimulatedLink) -> None:
        reader = ConfirmReader()

        def sending(octets: bytes) -> None:
            for invoke_id in reader.feed(octets):
                self.world.step(f"confirmed {invoke_id}")
                way = self.pushers.ways.get(link.number)
                push = way.answered(invoke_id) if way is not None else None
                if push is not None:
                    self._check_confirmed(push.reads)

        link.server.sending = sending

    def _check_confirmed(self, reads: final.Reads) -> None:
        self.witness.look()
        for key, values in reads.items():
            versions = self.witness.reads.get(key, [])
            if not any(values_of(row) == values for row in versions) and not self.world.salvaged:
                self.world.violate("I3", f"read {key} is confirmed, a power cut would lose it")


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]


def _config(chance: Random) -> Config:
    return Config(
        data_dir=Path("/simulated"),
        intake=IntakeSettings(
            listeners=(
                ListenerSettings(name="dlms", port=4_059),
                ListenerSettings(
                    name="uplink", port=4_060, framing="uplink", window=chance.choice((1, 4, 1024))
                ),
            ),
            pending_bytes_max=chance.choice((2_048, 1 << 20)),
            link_pending_bytes_max=chance.choice((1_024, 65_536)),
            batch_bytes_max=chance.choice((512, 65_536)),
            batches_unsynced_max=chance.choice((1, 2, 8)),
            drain_timeout_s=chance.choice((0.05, 20.0)),
        ),
        journal=JournalSettings(
            segment_bytes=chance.choice((2_000, 10_000, 1 << 20)),
            checkpoint_s=chance.choice((0.01, 0.5, 5.0, 60.0)),
            disk_reserve_bytes=chance.choice((0, 1_000)),
        ),
        store=StoreSettings(
            url="http://simulated:8123",
            rows_max=chance.choice((1, 7, 50, 1 << 20)),
            freshness_s=chance.choice((0.01, 1.0, 10.0)),
            retry_max_s=chance.choice((1.0, 30.0)),
            catch_up=chance.choice(("oldest", "newest")),
        ),
        registry=RegistrySettings(master_key=Secret(MASTER_KEY)),
    )


RESTART_S = 3.0
SALVAGED = 0.5
