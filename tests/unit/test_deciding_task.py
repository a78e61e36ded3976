"""When accounts are decided about: what is touched at once, everybody by the sweep, never lost."""

import threading
from collections.abc import Sequence

import pytest
import trio

from meteringest.app.deciding import Deciding
from meteringest.app.happenings import DecidingWaits, Decisions
from meteringest.clock import WallClock
from meteringest.errors import StoreUnavailable
from meteringest.events import Event
from meteringest.prepaid.deciding.outbox import OutboxKind, OutboxRow
from meteringest.prepaid.deciding.settings import DecidingSettings

SETTINGS = DecidingSettings(sweep_s=300, sweep_accounts=2, retry_s=5)


class Inline:
    """An offload without threads."""

    async def __call__(self, call: object, *args: object) -> object:
        await trio.lowlevel.checkpoint()
        return call(*args)  # type: ignore[operator]


class Fake:
    """A decider that notes what it was asked, and breaks when it is told to."""

    def __init__(self, accounts: Sequence[int]) -> None:
        self.known = list(accounts)
        self.asked: list[tuple[float, tuple[int, ...]]] = []
        self.failures = 0
        self.busy = threading.Lock()

    def accounts(self, after: int) -> list[int]:
        return [each for each in self.known if each > after][:3]

    def work(self, accounts: Sequence[int], at_s: int) -> list[OutboxRow]:
        del at_s
        assert self.busy.acquire(blocking=False)
        try:
            if self.failures:
                self.failures -= 1
                raise StoreUnavailable("here", "away")
            self.asked.append((trio.current_time(), tuple(accounts)))
            return [_row(each) for each in accounts if each > 100]
        finally:
            self.busy.release()


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


@pytest.mark.usefixtures("autojump_clock")
async def test_everybody_is_swept_in_small_goes(
    recorder: Recorder,
) -> None:
    fake = Fake([1, 2, 3, 4, 5, 6, 7])
    with trio.move_on_after(301):
        await deciding(fake, recorder).run()
    once = [(1, 2), (3,), (4, 5), (6,), (7,)]
    assert [accounts for _, accounts in fake.asked] == once * 2
    assert {round(at - fake.asked[0][0]) for at, _ in fake.asked} == {0, 300}


@pytest.mark.usefixtures("autojump_clock")
async def test_what_is_touched_does_not_wait_for_the_sweep(
    recorder: Recorder,
) -> None:
    fake = Fake([])
    part = deciding(fake, recorder)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(part.run)
        await trio.sleep(10)
        part.touch([5, 3])
        part.touch([3, 107])
        at = trio.current_time()
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert [(round(when - at), accounts) for when, accounts in fake.asked] == [
        (0, (3, 5)),
        (0, (107,)),
    ]
    assert recorder.events == [Decisions(notices=0, disconnects=1, reconnects=0)]


@pytest.mark.usefixtures("autojump_clock")
async def test_a_store_that_is_away_delays_and_loses_nothing(
    recorder: Recorder,
) -> None:
    fake = Fake([])
    fake.failures = 2
    part = deciding(fake, recorder)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(part.run)
        part.touch([3])
        await trio.sleep(11)
        part.touch([4])
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert [accounts for _, accounts in fake.asked] == [(3,), (4,)]
    assert [type(event) for event in recorder.events] == [DecidingWaits] * 2


async def test_switched_off_it_writes_nothing(recorder: Recorder) -> None:
    fake = Fake([1])
    off = DecidingSettings(enabled=False)
    with trio.fail_after(1):
        await deciding(fake, recorder, off).run()
    assert fake.asked == []
