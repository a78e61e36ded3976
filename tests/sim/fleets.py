"""Who sends: concentrators with the reference client, and pushers that wait for their confirms.

Rule 1: uplinks are meteringest_sim's own: plan, books and client; here is only who they are.
Rule 2: what must be in the end is computed from what was sent, never from what the service says.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from random import Random

import trio
from tests.sim.blocks import Row
from tests.sim.network import SimulatedDial
from tests.sim.world import BEGAN_S, World

from meteringest.native import Fleet
from meteringest.offload import InlineOffload
from meteringest.registry.rows import Dcu, Meter
from meteringest.registry.sealing import MasterKey
from meteringest_sim.faults import Fault
from meteringest_sim.fleet import CHANNELS, FleetSpec
from meteringest_sim.run import Means, Orders, Route, Share

MASTER_KEY = "5e" * 32
PLAIN_FIRST_METER = 50_000
ALONE_FIRST_METER = 60_000
Values = tuple[int, ...]
"""The channels present, then every channel."""
ReadKey = tuple[int, int]


class Pace:
    """When a push is due: a while after the one before, every concentrator by itself."""

    def __init__(self, chance: Random, pause_s: float) -> None:
        self._chance = chance
        self._pause_s = pause_s

    async def until(self, slot_end_s: float, part: float) -> None:
        """Some time later."""
        del slot_end_s, part
        await trio.sleep(self._pause_s * self._chance.random())


class Sizes:
    """How large this run is, drawn once."""

    def __init__(self, chance: Random, weather_steps: int) -> None:
        self.uplink_dcus = chance.randrange(1, 4)
        self.uplink_meters = self.uplink_dcus * chance.randrange(1, 4)
        self.plain_meters = chance.randrange(1, 4)
        self.alone = chance.choice(((), ("dlms",), ("mail",), ("mail", "mail"), ("dlms", "mail")))
        """Meters with a link of their own, by the listener that they push to."""
        self.late = chance.choice((0.0, 0.5, 1.0))
        """Of these how many are registered only after they began."""
        self.pushes = chance.randrange(4, 17)
        self.per_push = chance.choice((1, 1, 2, 3))
        self.slots = self.pushes * self.per_push
        self.weather_pause_s = chance.choice((0.005, 0.05, 0.5, 5.0, 20.0))
        # Whatever the weather does, somebody should be sending meanwhile.
        lasting_s = self.weather_pause_s * weather_steps * chance.choice((0.5, 1.0, 1.0, 2.0))
        self.disk_s = self.weather_pause_s * chance.choice((0.001, 0.1, 0.5))
        self.store_s = self.weather_pause_s * chance.choice((0.001, 0.1, 0.5))
        """What a call takes on a good day: often long enough for something to happen meanwhile."""
        self.pause_s = lasting_s / self.pushes
        self.fault_rate = chance.choice((0.0, 0.02, 0.05))


class Uplinks:
    """All concentrators with the acked uplink."""

    def __init__(self, world: World, sizes: Sizes) -> None:
        self.spec = FleetSpec(seed=world.seed, meters=sizes.uplink_meters, dcus=sizes.uplink_dcus)
        self.fleet = self.spec.build()
        self.first_slot = self.fleet.slot_at(BEGAN_S) - DAYS_BACK * SLOTS_A_DAY
        self._world = world
        self._pace = Pace(world.chance("pace"), sizes.pause_s)
        self._orders = Orders(
            spec=self.spec,
            first_slot=self.first_slot,
            slots=sizes.slots,
            per_push=sizes.per_push,
            rates=dict.fromkeys(UPLINK_FAULTS, sizes.fault_rate),
            patience_s=PATIENCE_S,
        )
        self.shares: list[Share] = []

    def connect(self, dial: Mapping[int, SimulatedDial]) -> None:
        """Makes every concentrator's part of the run."""
        self.shares = [
            Share(self._orders, Route(dial[dcu], uplink=True), self.fleet)  # type: ignore[arg-type]
            for dcu in range(1, self.spec.dcus + 1)
        ]

    async def run(self) -> None:
        """Sends everything; returns when all of it is acked."""
        means = Means(
            offload=InlineOffload(),
            clock=self._world.clock,
            pace=self._pace,  # type: ignore[arg-type]
            heard=lambda _: None,
        )
        async with trio.open_nursery() as nursery:
            for share in self.shares:
                nursery.start_soon(share.run, means)

    def expected(self) -> dict[ReadKey, list[Values]]:
        """Every read and the values it must have had, the last ones last."""
        orders = self._orders
        versions = {
            (meter, self.fleet.start_s(slot)): [truth(self.fleet, meter, slot)]
            for meter in range(self.spec.first_meter, self.spec.end_meter)
            for slot in range(orders.first_slot, orders.first_slot + orders.slots)
        }
        for share in self.shares:
            for change in share.plan.changes:
                key = (change.meter, self.fleet.start_s(change.slot))
                versions[key].append(truth(self.fleet, change.meter, change.slot, change.added_wh))
        return versions


def truth(fleet: Fleet, meter: int, slot: int, added_wh: int = 0) -> Values:
    """What a read must hold."""
    present, (imp_wh, *others) = fleet.truth(meter, slot)
    return (present, imp_wh + added_wh, *others)


def values_of(row: Row) -> Values:
    """What a stored row holds, of what its meter measures."""
    return tuple(int(str(row.get(name, 0))) for name in ("present", *CHANNELS))


def registry(uplinks: Fleet, pushers: Iterable[Fleet]) -> tuple[list[Meter], list[Dcu]]:
    """The rows of m.meters and m.dcus; a meter's number is its fleet's."""
    key = MasterKey(bytes.fromhex(MASTER_KEY))
    fleets = [(uplinks, True), *((fleet, False) for fleet in pushers)]
    meters = [meter for fleet, uplink in fleets for meter in _meters(fleet, key, uplink)]
    dcus = sorted({meter.dcu for meter in meters} - {0})
    return meters, [Dcu(dcu, f"sim-dcu-{dcu}") for dcu in dcus]


def _meters(fleet: Fleet, key: MasterKey, uplink: bool) -> Iterator[Meter]:  # noqa: FBT001
    for row in csv.DictReader(io.StringIO(fleet.registry_csv().decode())):
        serial = row["serial"]
        sealed = {
            name: key.seal(serial, name, bytes.fromhex(row[name]))
            for name in ("encryption_key", "authentication_key")
        }
        yield Meter(
            meter=int(serial[3:]),
            serial=serial,
            system_title=row["system_title"],
            dcu=int(row["dcu"]) if uplink else 0,
            security=row["security"],
            layout=row["layout"],
            interval_s=int(row["interval_s"]),
            phase="3ph" if row["phase"] == "3" else "1ph",
            **sealed,
        )


DAYS_BACK = 5
SLOTS_A_DAY = 48
PATIENCE_S = 30 * 86_400.0
UPLINK_FAULTS = tuple(fault for fault in Fault if fault is not Fault.BREAK)
