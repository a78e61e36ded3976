"""Policy at work in the service: payments and new charges at once, everybody now and then.

Rule 1: one account is decided about at a time in this process, so that a cut decided from what
stood before a payment is in the outbox before the payment is looked at, and is taken back then.
Rule 2: what was touched stays touched until it was decided about; the store may be away meanwhile.
"""

from collections.abc import Iterable, Sequence

import trio

from meteringest.app.happenings import DecidingWaits, Decisions
from meteringest.clock import WallClock
from meteringest.errors import StoreError
from meteringest.events import Observer
from meteringest.offload import Offload
from meteringest.prepaid.deciding.outbox import OutboxKind
from meteringest.prepaid.deciding.settings import DecidingSettings
from meteringest.prepaid.deciding.work import Decider


class Deciding:
    """Two tasks: one follows what is touched, one sweeps."""

    def __init__(
        self,
        decider: Decider,
        settings: DecidingSettings,
        *,
        clock: WallClock,
        offload: Offload,
        observer: Observer,
    ) -> None:
        """`decider` blocks; it is called through `offload`."""
        self._decider = decider
        self._settings = settings
        self._clock = clock
        self._offload = offload
        self._observer = observer
        self._touched: set[int] = set()
        self._wake = trio.Event()
        self._one_at_a_time = trio.Lock()

    def touch(self, accounts: Iterable[int]) -> None:
        """Something of these accounts has changed."""
        self._touched.update(accounts)
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        if not self._settings.enabled:
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow)
            nursery.start_soon(self._sweep)

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            accounts, self._touched = sorted(self._touched), set()
            for at in range(0, len(accounts), self._settings.sweep_accounts):
                await self._decide(accounts[at : at + self._settings.sweep_accounts])

    async def _sweep(self) -> None:
        while True:
            began = trio.current_time()
            after: int | None = 0
            while after is not None:
                after = await self._page(after)
            await trio.sleep_until(began + self._settings.sweep_s)

    async def _page(self, after: int) -> int | None:
        """Decides about the next accounts above `after`; returns where to go on."""
        try:
            accounts = await self._offload(self._decider.accounts, after)
        except StoreError as error:
            await self._wait(error)
            return after
        for at in range(0, len(accounts), self._settings.sweep_accounts):
            await self._decide(accounts[at : at + self._settings.sweep_accounts])
        return accounts[-1] if accounts else None

    async def _decide(self, accounts: Sequence[int]) -> None:
        """Until it is done, however long the store is away."""
        while True:
            try:
                async with self._one_at_a_time:
                    now_s = self._clock.now_s()
                    rows = await self._offload(self._decider.work, accounts, now_s)
            except StoreError as error:
                await self._wait(error)
                continue
            kinds = [row.kind for row in rows]
            if kinds:
                self._observer.emit(
                    Decisions(
                        notices=kinds.count(OutboxKind.NOTICE),
                        disconnects=kinds.count(OutboxKind.DISCONNECT),
                        reconnects=kinds.count(OutboxKind.RECONNECT),
                    )
                )
            return

    async def _wait(self, error: StoreError) -> None:
        wait_s = self._settings.retry_s
        self._observer.emit(DecidingWaits(reason=str(error), wait_s=wait_s))
        await trio.sleep(wait_s)
