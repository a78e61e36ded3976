"""When accounts are decided about: what is touched at once, everybody by the sweep, never lost."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock

from meteringest.app.deciding import Deciding
from meteringest.app.happenings import DecidingWaits, Decisions
from meteringest.clock import WallClock
from meteringest.errors import StoreUnavailable
from meteringest.events import Event
from meteringest.prepaid.deciding.outbox import OutboxKind, OutboxRow
from meteringest.prepaid.deciding.settings import DecidingSettings

SETTINGS = DecidingSettings(sweep_s=300, sweep_accounts=2, retry_s=5)


class Inline:
    """An offload without threads; a call of several accounts takes a second."""

    async def __call__(self, call: object, *args: object) -> object:
        done = call(*args)  # type: ignore[operator]
        accounts = args[0] if args and isinstance(args[0], list) else ()
        await trio.sleep(1 if len(accounts) > 1 else 0)
        return done


class Fake:
    """A decider that notes what it was asked, and breaks when it is told to."""

    def __init__(self, accounts: Sequence[int]) -> None:
        self.known = list(accounts)
        self.asked: list[tuple[float, tuple[int, ...]]] = []
        self.failures = 0

    def accounts(self, after: int) -> list[int]:
        return [each for each in self.known if each > after][:3]

    def work(self, accounts: Sequence[int], at_s: int) -> list[OutboxRow]:
        del at_s
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("here", "away")
        self.asked.append((trio.current_time(), tuple(accounts)))
        return [_row(each) for each in accounts if each > 100]


def _row(account: int) -> OutboxRow:
    return OutboxRow(
        account=account,
        id="switch/1/1",
        kind=OutboxKind.DISCONNECT,
        subject="supply",
        place="cut.below",
        says="",
        policy="p",
        evidence={},
        at_s=0,
    )


class Recorder:
    """An observer that keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def deciding(fake: Fake, recorder: Recorder, settings: DecidingSettings = SETTINGS) -> Deciding:
    return Deciding(
        fake,  # type: ignore[arg-type]
        settings,
        clock=WallClock(),
        offload=Inline(),  # type: ignore[arg-type]
        observer=recorder,
    )


async def test_everybody_is_swept_in_small_goes(
    recorder: Recorder,
    autojump_clock: MockClock,  # noqa: ARG001 (the loop's clock)
) -> None:
    fake = Fake([1, 2, 3, 4, 5, 6, 7])
    with trio.move_on_after(310):
        await deciding(fake, recorder).run()
    once = [(1, 2), (3,), (4, 5), (6,), (7,)]
    assert [accounts for _, accounts in fake.asked] == once * 2
    begun = [at for at, accounts in fake.asked if accounts == (1, 2)]
    assert round(begun[1] - begun[0]) == 300


async def test_what_is_touched_does_not_wait_for_the_sweep(
    recorder: Recorder,
    autojump_clock: MockClock,  # noqa: ARG001 (the loop's clock)
) -> None:
    fake = Fake([])
    part = deciding(fake, recorder)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(part.run)
        await trio.sleep(10)
        part.touch([5, 3])
        part.touch([3, 107])
        at = trio.current_time()
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert [(round(when - at), accounts) for when, accounts in fake.asked] == [
        (0, (3, 5)),
        (1, (107,)),
    ]
    assert recorder.events == [Decisions(notices=0, disconnects=1, reconnects=0)]


async def test_a_store_that_is_away_delays_and_loses_nothing(
    recorder: Recorder,
    autojump_clock: MockClock,  # noqa: ARG001 (the loop's clock)
) -> None:
    fake = Fake([])
    fake.failures = 2
    part = deciding(fake, recorder)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(part.run)
        part.touch([3])
        await trio.sleep(11)
        part.touch([4])
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    assert [accounts for _, accounts in fake.asked] == [(3,), (4,)]
    assert [type(event) for event in recorder.events] == [DecidingWaits] * 2


async def test_a_payment_waits_for_nobody_and_is_looked_at_again_after_an_overlap(
    recorder: Recorder,
    autojump_clock: MockClock,  # noqa: ARG001 (the loop's clock)
) -> None:
    """Account 2 pays in the middle of the go over 1 and 2, account 9 in that over 3 and 4."""
    fake = Fake([])
    part = deciding(fake, recorder)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(part.run)
        await trio.sleep(10)
        part.touch([1, 2, 3, 4])
        began = trio.current_time()
        await trio.sleep(0.5)
        part.hurry([2])
        await trio.sleep(1)
        part.hurry([9])
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert sorted((round(at - began, 1), accounts) for at, accounts in fake.asked) == [
        (0, (1, 2)),
        (0.5, (2,)),
        (1, (2,)),
        (1, (3, 4)),
        (1.5, (9,)),
    ]


async def test_new_charges_are_gathered_before_they_are_looked_at(
    recorder: Recorder,
    autojump_clock: MockClock,  # noqa: ARG001 (the loop's clock)
) -> None:
    fake = Fake([])
    part = deciding(fake, recorder)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(part.run)
        for account in (1, 2, 3, 4):
            part.touch([account, 9])
            await trio.sleep(3)
        nursery.cancel_scope.cancel()
    assert [accounts for _, accounts in fake.asked] == [(1, 9), (2, 3), (4, 9)]


async def test_switched_off_it_writes_nothing(recorder: Recorder) -> None:
    fake = Fake([1])
    off = DecidingSettings(enabled=False)
    with trio.fail_after(1):
        await deciding(fake, recorder, off).run()
    assert fake.asked == []
