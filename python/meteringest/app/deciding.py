"""Policy at work in the service: payments and new charges at once, everybody now and then.

Rule 1: a payment waits for nobody: it is decided about beside whatever else goes on. Who was being
looked at meanwhile is looked at once more: a cut decided from what stood before the payment is then
in the outbox, and is taken back.
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
    """Three tasks: one for payments, one follows what is touched otherwise, one sweeps."""

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
        self._paid = _Waiting()
        self._touched = _Waiting()
        self._hurried: set[int] = set()
        """Decided about because of a payment since the go that is under way began."""
        self._one_go_at_a_time = trio.Lock()

    def hurry(self, accounts: Iterable[int]) -> None:
        """Money of these accounts has moved."""
        self._paid.add(accounts)

    def touch(self, accounts: Iterable[int]) -> None:
        """Something else of these accounts has changed."""
        self._touched.add(accounts)

    async def run(self) -> None:
        """Until cancelled."""
        if not self._settings.enabled:
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow_payments)
            nursery.start_soon(self._follow)
            nursery.start_soon(self._sweep)

    async def _follow_payments(self) -> None:
        while True:
            accounts = await self._paid.taken()
            self._hurried.update(accounts)
            await self._decide(accounts)

    async def _follow(self) -> None:
        while True:
            accounts = await self._touched.taken()
            began = trio.current_time()
            await self._goes(accounts)
            await trio.sleep_until(began + self._settings.follow_s)

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
        await self._goes(accounts)
        return accounts[-1] if accounts else None

    async def _goes(self, accounts: Sequence[int]) -> None:
        """A few at a time."""
        for at in range(0, len(accounts), self._settings.sweep_accounts):
            some = accounts[at : at + self._settings.sweep_accounts]
            async with self._one_go_at_a_time:
                self._hurried.clear()
                await self._decide(some)
                self.hurry(self._hurried.intersection(some))

    async def _decide(self, accounts: Sequence[int]) -> None:
        """Until it is done, however long the store is away."""
        while True:
            try:
                rows = await self._offload(self._decider.work, accounts, self._clock.now_s())
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


class _Waiting:
    """Accounts to be decided about, each once however often it was named."""

    def __init__(self) -> None:
        self._accounts: set[int] = set()
        self._any = trio.Event()

    def add(self, accounts: Iterable[int]) -> None:
        """More of them."""
        self._accounts.update(accounts)
        if self._accounts:
            self._any.set()

    async def taken(self) -> list[int]:
        """All that wait, once there are any; they are ours then."""
        await self._any.wait()
        self._any = trio.Event()
        accounts, self._accounts = sorted(self._accounts), set()
        return accounts
