"""Charging in the service: a pass whenever something was stored, or when a worker's own watch says.

Rule 1: nothing is polled but the store's own marks, and in `serve` not even these: the writer says
when a range is stored. Rules, terms and the end of a day are looked for at `poll_s`.
Rule 2: a pass that was cut short is done again from the cursors; nothing was counted of it.
"""

import traceback
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import trio

from meteringest.clock import WallClock
from meteringest.errors import StoreError
from meteringest.events import Observer
from meteringest.offload import Offload
from meteringest.prepaid.worker.charge_pass import Charger, Done, Widen
from meteringest.prepaid.worker.happenings import Charged, ChargingFailed, ChargingWaits
from meteringest.prepaid.worker.ports import Engine
from meteringest.prepaid.worker.settings import WorkerSettings
from meteringest.prepaid.worker.sweep import Sweep


class Charging:
    """The worker of one process."""

    def __init__(
        self,
        engine: Engine,
        settings: WorkerSettings,
        shards: tuple[int, ...],
        *,
        clock: WallClock,
        offload: Offload,
        observer: Observer,
    ) -> None:
        """`offload` runs one pass at a time."""
        self._settings = settings
        self._clock = clock
        self._offload = offload
        self._observer = observer
        self._charger = Charger(engine, settings, shards, told=observer.emit)
        self._sweep = partial(
            Sweep, engine, settings.sweep_days, settings.accounts_max, observer.emit
        )
        self._news = trio.Event()
        self._swept_s = 0
        self.charged: Callable[[Iterable[int]], None] = _nobody
        """Told the accounts of every pass, once their charges are written."""

    @property
    def backlog_reads(self) -> int:
        """Stored and not charged when the pass that is under way began."""
        return self._charger.lag.reads

    @property
    def age_s(self) -> float:
        """For how long the oldest of them has been stored."""
        since_ms = self._charger.lag.since_ms
        return max(0, self._clock.now_ms() - since_ms) / 1_000 if since_ms else 0.0

    async def run(self, moved: Callable[[], Awaitable[None]] | None = None) -> None:
        """Until cancelled; `moved` returns when the writer has stored something more."""
        if not self._settings.enabled:
            return
        async with trio.open_nursery() as nursery:
            if moved is not None:
                nursery.start_soon(self._listen, moved)
            while True:
                began = trio.current_time()
                self._news = trio.Event()
                await self._charge_all()
                with trio.move_on_after(self._settings.poll_s):
                    await self._news.wait()
                await trio.sleep_until(began + self._settings.gap_s)

    async def _listen(self, moved: Callable[[], Awaitable[None]]) -> None:
        while True:
            await moved()
            self._news.set()

    async def _charge_all(self) -> None:
        """Until there is nothing left to charge."""
        while (done := await self._pass(None)) is not None:
            if self._settings.sweep_days and done.snapshot.clock_s > self._swept_s:
                await self._pass(self._sweep())
                self._swept_s = done.snapshot.clock_s

    async def _pass(self, widen: Widen | None) -> Done | None:
        while True:
            began = trio.current_time()
            try:
                done = await self._offload(self._charger.charge, self._clock.now_ms(), widen)
            except StoreError as error:
                self._observer.emit(ChargingWaits(reason=str(error), wait_s=self._settings.retry_s))
                await trio.sleep(self._settings.retry_s)
                continue
            except Exception as error:  # noqa: BLE001 -- intake does not end with it
                words = "".join(traceback.format_exception(error, limit=-3))
                self._observer.emit(ChargingFailed(reason=words, wait_s=self._settings.retry_s))
                await trio.sleep(self._settings.retry_s)
                continue
            if done is not None:
                self._tell(done, trio.current_time() - began)
            return done

    def _tell(self, done: Done, duration_s: float) -> None:
        self._observer.emit(
            Charged(
                accounts=len(done.accounts),
                days=done.days,
                alone=done.alone,
                duration_s=duration_s,
            )
        )
        if len(done.accounts):
            self.charged(done.accounts.tolist())


def _nobody(accounts: Iterable[int]) -> None:
    del accounts
