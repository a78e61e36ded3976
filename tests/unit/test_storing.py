"""A ClickHouse that refuses never ends the service: it is told, and asked again."""

from collections.abc import Callable
from typing import NoReturn

import pytest
import trio
import trio.testing

from meteringest.app.happenings import StoreRefusing
from meteringest.app.storing import Storing
from meteringest.errors import JournalError, StoreRefused
from meteringest.events import Event
from meteringest.store.happenings import RangeStored, StoreWaited

RETRY_S = 30.0
STORED = RangeStored(first=1, next=2, reads=1, rows=1, duration_s=0.1)


class Told:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


class Writer:
    """Refuses a few times, then does `after`."""

    def __init__(self, refusals: int, after: Callable[[], object]) -> None:
        self.began: list[float] = []
        self._refusals = refusals
        self._after = after

    async def run(self) -> NoReturn:
        self.began.append(trio.current_time())
        if len(self.began) <= self._refusals:
            raise StoreRefused("http://there", "Table m.reads does not exist")
        self._after()
        await trio.sleep_forever()


async def test_a_refusal_is_told_and_tried_again_until_it_is_mended(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    told = Told()
    storing = Storing(told, retry_s=RETRY_S)
    troubles = []
    writer = Writer(2, lambda: troubles.append(storing.trouble))
    with trio.move_on_after(10 * RETRY_S):
        await storing.run(writer)
    assert [later - writer.began[0] for later in writer.began] == [0, RETRY_S, 2 * RETRY_S]
    assert told.events == [
        StoreRefusing(reason="Table m.reads does not exist", wait_s=RETRY_S),
        StoreRefusing(reason="Table m.reads does not exist", wait_s=RETRY_S),
    ]
    assert troubles == ["Table m.reads does not exist"], "it stays told until a range is stored"


async def test_trouble_lasts_until_a_range_is_stored() -> None:
    told = Told()
    storing = Storing(told, retry_s=RETRY_S)
    waited = StoreWaited(first=1, next=2, reason="connection refused", wait_s=1)
    storing.emit(waited)
    assert storing.trouble == "connection refused"
    storing.emit(STORED)
    assert storing.trouble == ""
    assert told.events == [waited, STORED]


async def test_a_broken_journal_still_ends_the_service() -> None:
    def broken() -> None:
        raise JournalError("segment", "gone")

    with pytest.raises(JournalError, match="gone"):
        await Storing(Told(), retry_s=RETRY_S).run(Writer(0, broken))
