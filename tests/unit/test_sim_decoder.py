"""What a plan books is what the service's own decoder counts, and nearly as fast as it is sent."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest

from meteringest.native import Batch, Decoder, Fleet, Link
from meteringest.registry.layouts import load_layouts
from meteringest_sim.account import Account
from meteringest_sim.faults import Fault
from meteringest_sim.fleet import FleetSpec
from meteringest_sim.plan import Break, Cut, Plan, Send, Step
from meteringest_sim.reconcile import LEDGER

NOW_S = 1_795_176_000
DCU = 1


def decoder_of(fleet: Fleet) -> Decoder:
    """A decoder that knows the fleet as its registry file has it, meter n in row n."""
    decoder = Decoder(1, b"{}")
    decoder.set_layouts(load_layouts().json())
    rows = csv.DictReader(io.StringIO(fleet.registry_csv().decode()))
    decoder.upsert_meters(
        [
            (
                number,
                row["serial"],
                bytes.fromhex(row["system_title"]),
                int(row["dcu"]),
                bytes.fromhex(row["encryption_key"]),
                bytes.fromhex(row["authentication_key"]),
                row["security"],
                row["layout"],
                int(row["interval_s"]),
                row["time_policy"],
                int(row["phase"]),
            )
            for number, row in enumerate(rows, 1)
        ]
    )
    return decoder


class Counts:
    """What batches counted, all together."""

    def __init__(self, decoder: Decoder) -> None:
        self.counts = Counter[str]()
        self.rejected = Counter[str]()
        self.replies = 0
        self._decoder = decoder
        self._link = Link(1, "auto", dcu=DCU, peer="test")

    def follow(self, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case Send(octets):
                    self._link.feed(bytes(octets))
                case Cut(octets, length):
                    self._link.feed(octets[:length])
                    self._reconnect()
                    self._link.feed(octets)
                case Break(octets):
                    self._link.feed(octets)
                    assert self._link.closed
                    self._reconnect()
        self._decode()

    def _reconnect(self) -> None:
        self._link.finish()
        self._decode()
        self._link = Link(1, "auto", dcu=DCU, peer="test")

    def _decode(self) -> None:
        self._count(self._decoder.decode([self._link], NOW_S * 1000))

    def _count(self, batch: Batch) -> None:
        self.replies += len(batch.replies)
        counts = dict(batch.counts)
        self.rejected.update(counts.pop("rejected"))  # type: ignore[arg-type]
        self.counts.update(counts)  # type: ignore[arg-type]


def booked(account: Account) -> dict[str, int]:
    return {name: getattr(account, name) for name in LEDGER}


@pytest.mark.parametrize("interval_s", [900, 1_800, 3_600])
@pytest.mark.parametrize(
    "rates", [{}, *({each: 0.3} for each in Fault), dict.fromkeys(Fault, 0.04)]
)
def test_the_decoder_counts_what_was_booked(interval_s: int, rates: dict[Fault, float]) -> None:
    spec = FleetSpec(seed=21, meters=250, dcus=1, interval_s=interval_s, confirmed=True)
    fleet = spec.build()
    counts = Counts(decoder_of(fleet))
    plan = Plan(spec, fleet, rates, Random(21))  # noqa: S311 (repeatable on purpose)
    first = fleet.slot_at(NOW_S) - 12
    for push in range(3):
        slot = first + 4 * push
        counts.follow(plan.steps(fleet.frames(DCU, slot, 4, 4), slot, 4))
    assert counts.rejected == plan.account.rejected
    stored = counts.counts.pop("reads_accepted", None)
    seen = {name: counts.counts[name] for name in LEDGER if name != "reads_stored"}
    wanted = booked(plan.account)
    assert stored == wanted.pop("reads_stored")
    assert seen == wanted
    assert counts.replies == plan.account.confirms
