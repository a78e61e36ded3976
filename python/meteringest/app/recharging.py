"""`charges sweep` and `charges recompute`: a pass of one's own beside any workers there are."""

from meteringest.clock import WallClock
from meteringest.control.charging import AskCharging, AskRecompute, AskSweep, Recharged
from meteringest.prepaid.ledger.ports import whole
from meteringest.prepaid.worker.charge_pass import Charger, Widen
from meteringest.prepaid.worker.happenings import CatchingUp, SweepFound
from meteringest.prepaid.worker.settings import WorkerSettings
from meteringest.prepaid.worker.shards import SHARDS
from meteringest.prepaid.worker.sweep import Recompute, Sweep
from meteringest.store.clickhouse import Store


class Recharging:
    """Blocks; run it through an Offload."""

    def __init__(self, store: Store, clock: WallClock) -> None:
        """Any number of workers may be at work meanwhile."""
        self._store = store
        self._settings = WorkerSettings()
        self._clock = clock

    def answer(self, asked: AskCharging) -> Recharged:
        """Returns once everything is written."""
        sweep = Sweep(self._store, 0, self._settings.accounts_max, _silent)
        widen: Widen = sweep
        match asked:
            case AskSweep(days=days):
                sweep = widen = Sweep(self._store, days, self._settings.accounts_max, _silent)
            case AskRecompute(accounts=accounts, first=first):
                widen = Recompute(tuple(accounts), first)
        charger = Charger(self._store, self._settings, range(SHARDS), told=_silent)
        done = charger.charge(self._clock.now_ms(), widen)
        if done is None:
            return Recharged()
        return Recharged(
            found=sweep.found,
            accounts=len(done.accounts),
            days=done.days,
            changed=self._changed(done.snapshot.number),
        )

    def _changed(self, ver: int) -> int:
        """Days of that snapshot whose version before says another amount."""
        ((changed,),) = self._store.ask(_CHANGED, {"ver": ver}).rows
        return whole(changed)


def _silent(event: CatchingUp | SweepFound) -> None:
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
