"""What a plan books is what a receiver by the rules makes of its steps, fault by fault."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from tests.unit.sim_receiver import Receiver

from meteringest.errors import ConfigError
from meteringest_sim.account import Account, total
from meteringest_sim.faults import Fault, draw, parse_rates
from meteringest_sim.fleet import CHANNELS, FleetSpec
from meteringest_sim.plan import Break, Cut, Plan, Send

NOW = datetime(2026, 11, 20, 12, 0, 0)  # noqa: DTZ001 (the receiver's clocks have no zone)
NOW_S = int(NOW.replace(tzinfo=UTC).timestamp())


def chance(seed: int = 2) -> Random:
    return Random(seed)  # noqa: S311 (repeatable on purpose)


def run(
    rates: dict[Fault, float], *, per_push: int = 4, pushes: int = 3, seed: int = 1
) -> tuple[Plan, Receiver]:
    """One concentrator's pushes through a plan into a receiver."""
    spec = FleetSpec(seed=seed, meters=120, dcus=1)
    fleet = spec.build()
    receiver = Receiver(fleet.registry_csv(), NOW, timedelta(minutes=30))
    plan = Plan(spec, fleet, rates, chance(seed))
    first = fleet.slot_at(NOW_S) - per_push * pushes
    for push in range(pushes):
        slot = first + push * per_push
        frames = fleet.frames(1, slot, per_push, per_push)
        for step in plan.steps(frames, slot, per_push):
            match step:
                case Send(octets) | Break(octets):
                    receiver.feed(bytes(octets))
                case Cut(octets, length):
                    receiver.feed(octets[:length])
                    receiver.feed(octets)
    return plan, receiver


def assert_agree(account: Account, receiver: Receiver) -> None:
    assert account.rejected == receiver.rejected
    assert account.frames == receiver.frames.total()
    assert account.frames_accepted == receiver.frames["accepted"]
    assert account.frames_quarantined == receiver.frames["quarantined"]
    assert account.frames_duplicate == receiver.frames["duplicate"]
    assert account.reads == receiver.reads.total()
    assert account.reads_stored == receiver.reads["stored"] + receiver.reads["changed"]
    assert account.reads_changed == receiver.reads["changed"]
    assert account.reads_duplicate == receiver.reads["duplicate"]
    assert account.reads_quarantined == receiver.reads["quarantined"]
    assert account.distinct == len(receiver.stored)
    sums = Counter[str]()
    for read in receiver.stored.values():
        sums.update(read)
    assert account.sums == [sums[name] for name in CHANNELS]


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("per_push", [1, 4])
def test_each_fault_is_booked_as_a_receiver_sees_it(fault: Fault, per_push: int) -> None:
    plan, receiver = run({fault: 0.3}, per_push=per_push)
    assert plan.account.faults[fault] > 20
    assert_agree(plan.account, receiver)


@pytest.mark.parametrize("seed", range(8))
def test_all_faults_together_add_up(seed: int) -> None:
    plan, receiver = run(dict.fromkeys(Fault, 0.05), seed=seed)
    assert len(plan.account.faults) == len(Fault)
    assert_agree(plan.account, receiver)


def test_without_faults_everything_goes_out_in_one_piece() -> None:
    plan, receiver = run({}, pushes=1)
    assert plan.account.rejected == plan.account.faults == {}
    assert plan.account.frames == plan.account.frames_accepted == 120
    assert_agree(plan.account, receiver)


def test_a_seed_spoils_the_same_frames_again() -> None:
    plans = [run(dict.fromkeys(Fault, 0.05), seed=seed)[0] for seed in (4, 4, 5)]
    assert plans[0].account == plans[1].account
    assert plans[0].changes == plans[1].changes
    assert plans[0].account != plans[2].account


def test_faults_come_at_their_rates() -> None:
    rates = {Fault.DUPLICATE: 0.02, Fault.CUT: 0.01}
    drawn = list(draw(rates, 100_000, chance()))
    indexes = [index for index, _ in drawn]
    assert indexes == sorted(set(indexes))
    assert 0 <= indexes[0] < indexes[-1] < 100_000
    counts = Counter(fault for _, fault in drawn)
    assert counts[Fault.DUPLICATE] == pytest.approx(2_000, rel=0.1)
    assert counts[Fault.CUT] == pytest.approx(1_000, rel=0.1)
    assert [index for index, _ in draw({Fault.CUT: 1.0}, 5, chance())] == [0, 1, 2, 3, 4]
    assert list(draw({Fault.CUT: 0.0}, 5, chance())) == list(draw({}, 5, chance())) == []


def test_rates_are_read_or_refused_with_their_reason() -> None:
    assert parse_rates(["cut=0.5", "duplicate=0"]) == {Fault.CUT: 0.5, Fault.DUPLICATE: 0}
    assert parse_rates(["all=0.01", "cut=0.02"])[Fault.CUT] == 0.02
    assert set(parse_rates(["all=0.01"])) == set(Fault)
    for texts, reason in [
        (["cut"], "name=rate"),
        (["cut=x"], "name=rate"),
        (["cut=nan"], "between 0 and 1"),
        (["cut=-0.1"], "between 0 and 1"),
        (["cute=0.1"], "no fault 'cute'; one of duplicate,"),
        (["cut=0.6", "break=0.5"], "add up to 1.1"),
    ]:
        with pytest.raises(ConfigError, match=reason):
            parse_rates(texts)


def test_books_of_several_concentrators_add_up() -> None:
    accounts = [run(dict.fromkeys(Fault, 0.05), seed=seed)[0].account for seed in (1, 2)]
    whole = total(accounts)
    assert whole.frames == accounts[0].frames + accounts[1].frames
    assert whole.sums == [a + b for a, b in zip(*(each.sums for each in accounts), strict=True)]
    assert Counter(whole.rejected) == Counter(accounts[0].rejected) + Counter(accounts[1].rejected)
    assert total([]) == Account()
