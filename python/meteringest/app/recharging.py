"""`charges sweep` and `charges recompute`: a pass of one's own beside any workers there are.

Rule 1: a stopping service waits for a day of a sweep or a batch of charges, not for all of them:
the pass gives up, and the next one finds whatever it left.
"""

from collections.abc import Callable

from meteringest.clock import WallClock
from meteringest.control.charging import AskCharging, AskRecompute, AskSweep, Recharged
from meteringest.errors import LinkError
from meteringest.prepaid.ledger.ports import whole
from meteringest.prepaid.worker.charge_pass import Charger, Widen
from meteringest.prepaid.worker.happenings import CatchingUp, SweepFound
from meteringest.prepaid.worker.settings import WorkerSettings
from meteringest.prepaid.worker.shards import SHARDS
from meteringest.prepaid.worker.sweep import Recompute, Sweep
from meteringest.store.clickhouse import Store


class Recharging:
    """Blocks; run it through an Offload."""

    def __init__(self, store: Store, clock: WallClock, stopping: Callable[[], bool]) -> None:
        """Any number of workers may be at work meanwhile; `stopping` is asked from a thread."""
        self._store = store
        self._stopping = stopping
        self._settings = WorkerSettings()
        self._clock = clock

    def answer(self, asked: AskCharging) -> Recharged:
        """Returns once everything is written."""
        sweep = self._sweep(0)
        widen: Widen = sweep
        match asked:
            case AskSweep(days=days):
                sweep = widen = self._sweep(days)
            case AskRecompute(accounts=accounts, first=first):
                widen = Recompute(tuple(accounts), first)
        charger = Charger(self._store, self._settings, range(SHARDS), told=self._between_batches)
        done = charger.charge(self._clock.now_ms(), widen)
        if done is None:
            return Recharged()
        return Recharged(
            found=sweep.found,
            accounts=len(done.accounts),
            days=done.days,
            changed=self._changed(done.snapshot.number),
        )

    def _sweep(self, days: int) -> Sweep:
        accounts_max = self._settings.accounts_max
        return Sweep(self._store, days, accounts_max, _silent, self._going_on)

    def _between_batches(self, event: CatchingUp) -> None:
        del event
        self._going_on()

    def _going_on(self) -> None:
        if self._stopping():
            raise LinkError("charges", "the service is stopping: give the command again later")

    def _changed(self, ver: int) -> int:
        """Days of that snapshot whose version before says another amount."""
        ((changed,),) = self._store.ask(_CHANGED, {"ver": ver}).rows
        return whole(changed)


def _silent(event: SweepFound) -> None:
    """What was found is in the answer."""
    del event


_CHANGED = """
WITH done AS
(
    SELECT account, day FROM m.charge_days WHERE ver = {ver:UInt64}
    UNION ALL
    SELECT account, day FROM m.charge_history WHERE ver = {ver:UInt64}
)
SELECT countIf(before != now)
FROM
(
    SELECT
        account, day,
        argMaxIf(amount, ver, ver < {ver:UInt64}) AS before,
        anyIf(amount, ver = {ver:UInt64}) AS now
    FROM
    (
        SELECT account, day, amount, ver FROM m.charge_days
        WHERE (account, day) IN (SELECT account, day FROM done)
        UNION ALL
        SELECT account, day, amount, ver FROM m.charge_history
        WHERE (account, day) IN (SELECT account, day FROM done)
    )
    GROUP BY account, day
)"""
