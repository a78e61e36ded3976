"""What one concentrator sends, faults included, with the books kept at the same stroke.

Rule 1: every step that leaves here has been booked; a link that cannot deliver it must say so.
Rule 2: the true frame of every push is among the steps, so that no fault loses a read for good.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import NamedTuple

from meteringest.native import Fleet, Frames
from meteringest_sim.account import Account, Change
from meteringest_sim.faults import WRAPPER_BYTES, Fault, broken, corrupt, draw
from meteringest_sim.fleet import STRANGERS, FleetSpec

Octets = bytes | memoryview

CHANGES_KEPT_MAX = 10_000
DAY_S = 86_400
FUTURE_S = 100 * DAY_S
LONG_AGO_S = -400 * DAY_S
OFF_GRID_S = -420
"""A read may be 90 days old by default: shifts are larger, to be wrong whenever it is sent."""
ADDED_WH_MAX = 500


class Send(NamedTuple):
    """Whole frames, back to back."""

    octets: Octets


class Cut(NamedTuple):
    """A frame whose link is lost when `length` bytes of it are out; it is sent again, whole."""

    octets: bytes
    length: int


class Break(NamedTuple):
    """Bytes that end the link: the receiver closes it and the sender comes back."""

    octets: Octets


Step = Send | Cut | Break


class Target(NamedTuple):
    """A frame about to go wrong."""

    meter: int
    octets: bytes
    first_slot: int
    slots: int
    security: str
    gateway: bool

    @property
    def sealed(self) -> bool:
        """Its counter and every byte are proved by a tag."""
        return self.security == "encrypt+authenticate" and not self.gateway


class Plan:
    """One concentrator's share of a run."""

    def __init__(
        self, spec: FleetSpec, fleet: Fleet, rates: Mapping[Fault, float], chance: Random
    ) -> None:
        """`chance` decides which frames go wrong, and nothing else does."""
        self.account = Account()
        self.changes: list[Change] = []
        self._spec = spec
        self._fleet = fleet
        self._rates = rates
        self._chance = chance
        self._spoil: Mapping[Fault, Callable[[Target], Iterable[Step]]] = {
            Fault.DUPLICATE: self._duplicate,
            Fault.RESEND: self._resend,
            Fault.CHANGED: self._changed,
            Fault.FALL: self._fall,
            Fault.CUT: self._cut,
            Fault.CORRUPT: self._corrupt,
            Fault.BREAK: self._break,
            Fault.REPLAY: self._replay,
            Fault.WRONG_KEY: self._wrong_key,
            Fault.UNKNOWN_METER: self._unknown_meter,
            Fault.CLOCK_WRONG: self._clock_wrong,
        }

    def steps(self, frames: Frames, first_slot: int, slots: int) -> Iterator[Step]:
        """All of `frames`, pushes of `slots` slots from `first_slot` on, and what goes wrong."""
        self.account.pushed(len(frames), frames.reads, frames.sums)
        octets = memoryview(frames.octets)
        sent = 0
        for index, fault in draw(self._rates, len(frames), self._chance):
            start, end = frames.span(index)
            if start < sent:
                continue  # went out with the frame before it
            if fault is Fault.REORDER:
                if index + 1 == len(frames):
                    continue
                _, last = frames.span(index + 1)
                yield from _send(octets[sent:start], octets[end:last], octets[start:end])
                sent = last
                self._book(fault)
                continue
            target = self._target(frames.meter(index), bytes(octets[start:end]), first_slot, slots)
            if target.sealed:
                yield from _send(octets[sent:start])
                yield from self._spoil[fault](target)
                sent = end
                self._book(fault)
        yield from _send(octets[sent:])

    def _target(self, meter: int, octets: bytes, first_slot: int, slots: int) -> Target:
        _, _, _, security, _, gateway, _ = self._fleet.meter(meter)
        return Target(meter, octets, first_slot, slots, security, gateway)

    def _book(self, fault: Fault) -> None:
        self.account.faults[fault] = self.account.faults.get(fault, 0) + 1

    def _again(self, target: Target) -> Send:
        """The same reads under the meter's next counter."""
        return Send(self._fleet.frame(target.meter, target.first_slot, target.slots))

    def _duplicate(self, target: Target) -> Iterator[Step]:
        self.account.repeated(target.slots)
        yield Send(target.octets)
        yield Send(target.octets)

    def _resend(self, target: Target) -> Iterator[Step]:
        self.account.repeated(target.slots)
        yield Send(target.octets)
        yield self._again(target)

    def _changed(self, target: Target) -> Iterator[Step]:
        slot = target.first_slot + self._chance.randrange(target.slots)
        added_wh = self._chance.randrange(1, ADDED_WH_MAX)
        self.account.corrected(added_wh)
        if len(self.changes) < CHANGES_KEPT_MAX:
            self.changes.append(Change(target.meter, slot, added_wh))
        yield Send(target.octets)
        yield Send(self._fleet.frame(target.meter, slot, 1, added_wh=added_wh))

    def _fall(self, target: Target) -> Iterator[Step]:
        self.account.refused("replayed_counter")
        yield self._again(target)
        yield Send(target.octets)

    def _cut(self, target: Target) -> Iterator[Step]:
        self.account.torn("truncated")
        length = self._chance.randrange(WRAPPER_BYTES + 1, len(target.octets))
        yield Cut(target.octets, length)

    def _corrupt(self, target: Target) -> Iterator[Step]:
        spoilt, kind = corrupt(target.octets, self._chance)
        self.account.refused(kind)
        yield Send(spoilt)
        yield Send(target.octets)

    def _break(self, target: Target) -> Iterator[Step]:
        """Never the first bytes of a link: those say which framing it has."""
        self.account.torn("bad_value")
        yield Send(target.octets)
        yield Break(broken(target.octets))

    def _replay(self, target: Target) -> Iterator[Step]:
        self.account.repeated(target.slots)
        self.account.refused("replayed_counter")
        yield Send(target.octets)
        yield self._again(target)
        yield Send(target.octets)

    def _wrong_key(self, target: Target) -> Iterator[Step]:
        self.account.refused("bad_authentication")
        yield Send(self._fleet.frame(target.meter, target.first_slot, target.slots, wrong_key=True))
        yield Send(target.octets)

    def _unknown_meter(self, target: Target) -> Iterator[Step]:
        stranger = self._spec.end_meter + self._chance.randrange(STRANGERS)
        octets = self._fleet.frame(stranger, target.first_slot, target.slots)
        self.account.refused("unknown_meter")
        yield Send(target.octets)
        yield Send(octets)

    def _clock_wrong(self, target: Target) -> Iterator[Step]:
        shift_s, kind = self._chance.choice(_WRONG_CLOCKS)
        self.account.mistimed(target.slots, kind)
        yield Send(target.octets)
        yield Send(
            self._fleet.frame(target.meter, target.first_slot, target.slots, shift_s=shift_s)
        )


_WRONG_CLOCKS = (
    (FUTURE_S, "future_timestamp"),
    (LONG_AGO_S, "too_old"),
    (OFF_GRID_S, "misaligned"),
)


def _send(*runs: Octets) -> Iterator[Step]:
    return (Send(run) for run in runs if len(run))
