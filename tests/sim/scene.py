"""The scene of one run: disk, network, ClickHouse, senders, and the service that lives among them.

Rule 1: a process that ends in a way no fault explains is a violation.
Rule 2: what is checked while it runs is checked after every step of any task.
"""

import itertools
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random

import trio
from msgspec.structs import replace
from tests.sim import final
from tests.sim.clickhouse import SimulatedClickHouse
from tests.sim.drawn import settings_of
from tests.sim.fleets import (
    ALONE_FIRST_METER,
    PLAIN_FIRST_METER,
    Sizes,
    Uplinks,
    registry,
    values_of,
)
from tests.sim.links import SimulatedLink
from tests.sim.mail import MailLink
from tests.sim.network import Network, SimulatedDial
from tests.sim.operator import Operator
from tests.sim.process import Ground, Process, open_journal
from tests.sim.pushers import Pushers
from tests.sim.shelf import SimulatedFolder
from tests.sim.watch import PositionWatch
from tests.sim.weather import Weatherman
from tests.sim.witness import Witness
from tests.sim.world import BEGAN_S, World

from meteringest.errors import JournalCorrupt, JournalError, JournalFull, StoreUnavailable
from meteringest.native import Journal, SimulatedDisk
from meteringest_sim.outbox import Ack, MessageReader, Welcome


class Scene:
    """Everything of one run."""

    def __init__(self, world: World, weather_steps: int) -> None:
        self.world = world
        self.config = settings_of(world.chance("config"))
        self.disk = SimulatedDisk()
        self.aside = SimulatedFolder()
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
        self.pushers = [
            self._plain(sizes),
            *(self._alone(sizes, *each) for each in enumerate(sizes.alone)),
        ]
        self.weather = Weatherman(self, weather_steps, sizes.weather_pause_s)
        self.watch = PositionWatch(self)
        self._chance = world.chance("scene")
        self._finished = False
        self.restart = trio.Event()
        self.server.meters, self.server.dcus = registry(
            self.uplinks.fleet, [each.fleet for each in self.pushers]
        )
        self.operator = Operator(self, self._unregister(sizes.late))
        dials = {
            dcu: SimulatedDial(self.network, dcu, self._uplink_opened)
            for dcu in range(1, sizes.uplink_dcus + 1)
        }
        self.uplinks.connect(dials)

    async def play(self) -> None:
        """The weather, then calm, then the checks."""
        trio.lowlevel.add_instrument(self.watch)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._live)
            async with trio.open_nursery() as senders:
                senders.start_soon(self.uplinks.run)
                for pushers in self.pushers:
                    senders.start_soon(pushers.run)
                await self.weather.run()
                await self.operator.finish()
            self.world.step("everything is acknowledged")
            await self._all_stored()
            await self._echo()
            self._finished = True
            if self.process is not None:
                self.process.stop.set()
        trio.lowlevel.remove_instrument(self.watch)
        self.server.merge(1.0)
        final.check(self)

    def limit(self, left: int | None) -> None:
        """The disk has room for so many bytes more, or for all."""
        self.full = self.aside.full = left is not None
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
            self.aside.power_cut(self._chance)
        else:
            self.disk.kill()
        self.witness.forget()
        self.restart.set()

    async def _echo(self) -> None:
        """Everything that was ever pushed comes again, after a restart: nothing may come of it."""
        await self._restarted()
        reads = self.server.tables["m.reads"].writers
        before = len(reads)
        for pushers in self.pushers:
            await pushers.echo()
        await self._all_received()
        await self._all_stored()
        if len(reads) != before and not self.world.salvaged:
            self.world.violate("I6", f"{len(reads) - before} versions came of repeated frames")

    async def _restarted(self) -> None:
        """Another process is at work."""
        before = self.process
        if before is not None:
            before.stop.set()
        while True:
            await trio.sleep(1.0)
            if self.process is not before and self.process is not None and self.process.tasks:
                return

    async def _live(self) -> None:
        """One process after another, as under a supervisor."""
        salvage = False
        usual_s = (self.sizes.disk_s, self.sizes.store_s)
        ground = Ground(
            self.world, self.config, self.disk, self.aside, self.network, self.server, usual_s
        )
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
            if isinstance(each, JournalFull) and self.full and not process.serving:
                continue
            if isinstance(each, StoreUnavailable) and not process.serving:
                continue
            words = "".join(traceback.format_exception(each, limit=-6))
            self.world.violate("process", f"ended by what no fault explains: {words}")

    async def _all_received(self) -> None:
        """No datagram is under way, and nothing that came in waits for the journal."""
        while True:
            process = self.process
            intake = process.intake if process is not None and not process.gone else None
            if (
                intake is not None
                and self.network.mail_received
                and not intake.pending_bytes
                and intake.unsynced_since is None
            ):
                return
            await trio.sleep(1.0)

    async def _all_stored(self) -> None:
        while True:
            process = self.process
            journal = process.journal if process is not None and not process.gone else None
            if journal is not None and journal.stored == journal.appended and not self.aside.files:
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

    def _plain(self, sizes: Sizes) -> Pushers:
        meters = range(PLAIN_FIRST_METER, PLAIN_FIRST_METER + sizes.plain_meters)
        return self._pushers(sizes, meters, partial(self.network.connect, "dlms", "10.1.0.1"))

    def _alone(self, sizes: Sizes, number: int, listener: str) -> Pushers:
        meter, host = ALONE_FIRST_METER + number, f"10.3.0.{number}"
        network = self.network
        write, connect = partial(network.write, host), partial(network.connect, listener, host)
        mail = listener == "mail"
        return self._pushers(sizes, range(meter, meter + 1), write if mail else connect)

    def _pushers(
        self,
        sizes: Sizes,
        meters: range,
        connect: Callable[[], Awaitable[SimulatedLink | MailLink]],
    ) -> Pushers:
        pushers = Pushers(self.world, sizes, meters, connect)
        pushers.confirming = self._check_confirmed
        return pushers

    def _unregister(self, share: float) -> list[str]:
        """Takes some of the meters with a link of their own out of use; returns their serials.

        On a link with others a confirm names its meter by the order of sending alone.
        """
        meters = self.server.meters
        late = [
            each.serial
            for each in meters
            if each.meter >= ALONE_FIRST_METER and self._chance.random() < share
        ]
        self.server.meters = [
            replace(each, active=0) if each.serial in late else each for each in meters
        ]
        return late

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


RESTART_S = 3.0
SALVAGED = 0.5
