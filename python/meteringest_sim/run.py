"""A whole run: every concentrator a task, pushes encoded off the loop, steps down the links.

Rule 1: a link that fails ends its concentrator's part, not the others'; the report says so.
Rule 2: memory is bounded by concentrators times one batch, however long the run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

import trio

from meteringest.clock import WallClock
from meteringest.errors import LinkError
from meteringest.native import Fleet, Frames
from meteringest.offload import Offload
from meteringest_sim.account import Change, total
from meteringest_sim.dial import Dial
from meteringest_sim.faults import Fault
from meteringest_sim.fleet import FleetSpec
from meteringest_sim.links import PlainLink
from meteringest_sim.pace import Pace
from meteringest_sim.plan import Plan
from meteringest_sim.report import DcuReport, Report
from meteringest_sim.uplink import AckedLink

READS_PER_BATCH = 12_288
"""About half a megabyte of 48-interval pushes, a millisecond to encode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a run is to do."""

    spec: FleetSpec
    first_slot: int
    slots: int
    per_push: int
    rates: Mapping[Fault, float] = field(default_factory=dict)
    patience_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Route:
    """Where one concentrator sends, and in which way."""

    dial: Dial
    uplink: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a run needs of the machine; `heard` is told of reads as they leave."""

    offload: Offload
    clock: WallClock
    pace: Pace
    heard: Callable[[int], None]


class Share:
    """One concentrator's part of a run."""

    def __init__(self, orders: Orders, route: Route, fleet: Fleet) -> None:
        """Nothing is encoded yet; the seed decides which frames will go wrong."""
        rates = dict(orders.rates)
        if route.uplink:
            rates.pop(Fault.BREAK, None)
        dcu = route.dial.dcu
        self.route = route
        self.plan = Plan(orders.spec, fleet, rates, _chance(orders.spec.seed, dcu))
        self.link: PlainLink | AckedLink | None = None
        self.problem: str | None = None
        self.bytes_sent = 0
        self._orders = orders
        self._fleet = fleet

    async def run(self, means: Means) -> None:
        """Sends everything and waits until the server has it."""
        try:
            async with trio.open_nursery() as nursery:
                self.link = self._linked(nursery, means.clock)
                await self._push_all(self.link, means)
                await self.link.finish()
        except* LinkError as errors:
            self.problem = "; ".join(str(error) for error in errors.exceptions)

    def report(self) -> DcuReport:
        """The books, and how the link fared."""
        link = self.link
        return DcuReport(
            dcu=self.route.dial.dcu,
            uplink=self.route.uplink,
            account=self.plan.account,
            confirms=link.confirms if link is not None else 0,
            acked=link.acked if isinstance(link, AckedLink) else 0,
            connections=link.connections if link is not None else 0,
        )

    def _linked(self, nursery: trio.Nursery, clock: WallClock) -> PlainLink | AckedLink:
        dial = self.route.dial
        if self.route.uplink:
            return AckedLink(dial, nursery, clock, patience_s=self._orders.patience_s)
        return PlainLink(dial, nursery)

    async def _push_all(self, link: PlainLink | AckedLink, means: Means) -> None:
        orders, fleet, dcu = self._orders, self._fleet, self.route.dial.dcu
        _, meters = fleet.meters_of(dcu)
        take = max(1, READS_PER_BATCH // orders.per_push)
        for offset in range(0, orders.slots, orders.per_push):
            slot = orders.first_slot + offset
            end_s = fleet.start_s(slot + orders.per_push)
            for skip in range(0, meters, take):
                await means.pace.until(end_s, skip / meters)
                frames = await means.offload(self._encode, slot, skip, take)
                for step in self.plan.steps(frames, slot, orders.per_push):
                    await link.run(step)
                    self.bytes_sent += len(step.octets)
                means.heard(frames.reads)

    def _encode(self, slot: int, skip: int, take: int) -> Frames:
        per_push = self._orders.per_push
        dcu = self.route.dial.dcu
        return self._fleet.frames(dcu, slot, per_push, per_push, skip=skip, take=take)


async def simulate(orders: Orders, routes: list[Route], fleet: Fleet, means: Means) -> Report:
    """Runs every concentrator at once."""
    shares = [Share(orders, route, fleet) for route in routes]
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for share in shares:
            nursery.start_soon(share.run, means)
    return _report(orders, shares, trio.current_time() - began)


def _chance(seed: int, dcu: int) -> Random:
    return Random(f"{seed} {dcu}")  # noqa: S311 (faults are no secrets)


def _report(orders: Orders, shares: list[Share], seconds: float) -> Report:
    problems = tuple(share.problem for share in shares if share.problem is not None)
    changes: list[Change] = [change for share in shares for change in share.plan.changes]
    dcus = tuple(share.report() for share in shares)
    return Report(
        fleet=orders.spec,
        first_slot=orders.first_slot,
        slots=orders.slots,
        per_push=orders.per_push,
        complete=not problems,
        problems=problems,
        seconds=round(seconds, 3),
        bytes_sent=sum(share.bytes_sent for share in shares),
        total=total([each.account for each in dcus]),
        dcus=dcus,
        changes=tuple(changes),
    )
