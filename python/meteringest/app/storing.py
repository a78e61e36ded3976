"""The store's writer, kept at work.

Rule 1: a ClickHouse that refuses costs freshness, never intake: the journal grows, the refusal is
told, and the same range is sent again until somebody has mended it.
"""

from typing import NoReturn, Protocol

import trio

from meteringest.app.happenings import StoreRefusing
from meteringest.errors import StoreRefused
from meteringest.events import Event, Observer
from meteringest.store.happenings import RangeStored, StoreWaited


class Runs(Protocol):
    """The writer."""

    async def run(self) -> NoReturn:
        """Until the store refuses for good, or cancelled."""
        ...


class Storing:
    """The writer's observer, and the task that starts it again."""

    def __init__(self, observer: Observer, *, retry_s: float) -> None:
        """Events go on to `observer`."""
        self._observer = observer
        self._retry_s = retry_s
        self.trouble = ""
        """Why the store does not take what waits; nothing when it does."""
        self.trouble_since: float | None = None
        self._moved = trio.Event()

    def emit(self, event: Event) -> None:
        """Keeps what it says about the store, and passes it on."""
        match event:
            case StoreWaited():
                self._troubled(event.reason)
            case RangeStored():
                self.trouble = ""
                self.trouble_since = None
                moved, self._moved = self._moved, trio.Event()
                moved.set()
            case _:
                pass
        self._observer.emit(event)

    async def moved(self) -> None:
        """Waits until the next range is stored."""
        await self._moved.wait()

    async def run(self, writer: Runs) -> NoReturn:
        """Writes for ever."""
        while True:
            try:
                await writer.run()
            except StoreRefused as refusal:
                self._troubled(str(refusal).removeprefix(f"store {refusal.where}: "))
                self._observer.emit(StoreRefusing(reason=self.trouble, wait_s=self._retry_s))
            # A ClickHouse tells nobody that it was mended, so it is asked.
            await trio.sleep(self._retry_s)

    def _troubled(self, reason: str) -> None:
        if not self.trouble:
            self.trouble_since = trio.current_time()
        self.trouble = reason
