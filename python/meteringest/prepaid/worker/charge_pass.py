"""One pass: what changed since the cursors is charged and written, then the cursors move.

Rule 1: cursors, then snapshot, then book, then everything else: what was read later may be newer
than the snapshot says, never older.
Rule 2: a pass may be cut short anywhere, run twice, or run at once by several: see snapshot.py.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from itertools import chain

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from meteringest.prepaid.calendar import DAY_S, IST_OFFSET_MIN
from meteringest.prepaid.ledger.rules import Rules, load_rules
from meteringest.prepaid.worker import cursors
from meteringest.prepaid.worker.ahead import ahead
from meteringest.prepaid.worker.batch import Batch, Until
from meteringest.prepaid.worker.book import Book, date_of, load_book
from meteringest.prepaid.worker.changes import Changes, find
from meteringest.prepaid.worker.charging import Charging
from meteringest.prepaid.worker.happenings import CatchingUp
from meteringest.prepaid.worker.lag import Lag, lag
from meteringest.prepaid.worker.plan import Share, plans, shared_out
from meteringest.prepaid.worker.ports import Engine
from meteringest.prepaid.worker.settings import WorkerSettings
from meteringest.prepaid.worker.snapshot import Snapshot, take
from meteringest.prepaid.worker.writing import Writing

LOADED_AHEAD = 2
"""Loading is most of the work and takes one thread; with one more, no core waits for it."""
Widen = Callable[[Changes, Snapshot], None]
"""Names more to be charged than the cursors do: a sweep, an operator."""


class Done(Struct, frozen=True, kw_only=True):
    """What a pass has charged."""

    accounts: NDArray[np.uint64]
    days: int
    alone: int
    snapshot: Snapshot


class Charger:
    """The accounts of some shards; one pass at a time."""

    def __init__(
        self,
        engine: Engine,
        settings: WorkerSettings,
        shards: Sequence[int],
        *,
        told: Callable[[CatchingUp], None],
    ) -> None:
        """`told` hears how far a long pass is."""
        self._engine = engine
        self._settings = settings
        self._shards = tuple(shards)
        self._told = told
        self._book: Book | None = None
        self._snapshot = Snapshot(nodes={})
        self.lag = Lag()
        """As it was when the pass began; nothing once the pass is done."""

    def charge(self, now_ms: int, widen: Widen | None = None) -> Done | None:
        """A pass; None when there is nothing to do."""
        done = cursors.load(self._engine, self._shards)
        snapshot = self._look(now_ms)
        if widen is not None:
            cursors.begin_sweep(self._engine, now_ms, snapshot.sweeps + 1)
            snapshot = take(self._engine, snapshot)
        wanted = cursors.reached(snapshot)
        if widen is None and all(done.get(name, 0) >= ver for name, ver in wanted.items()):
            return None
        self.lag = lag(self._engine, done, snapshot)
        before, book = self._book, self._load_book(snapshot)
        changes = Changes(book)
        find(self._engine, changes, done, snapshot)
        if before is not None and before is not book:
            changes.relinked(before)
        if widen is not None:
            widen(changes, snapshot)
        charged = self._charge(changes, snapshot, now_ms)
        cursors.save(self._engine, self._shards, now_ms, wanted)
        self.lag = Lag()
        return charged

    def _look(self, now_ms: int) -> Snapshot:
        """The snapshot, once the days that have ended by now are known to have."""
        snapshot = take(self._engine, self._snapshot)
        offsets = _offsets(self._book.rules if self._book is not None else None)
        ended_s = max(_midnight_s(now_ms // 1_000, each) for each in offsets)
        if ended_s <= snapshot.clock_s:
            return snapshot
        cursors.end_days(self._engine, now_ms, ended_s)
        return take(self._engine, snapshot)

    def _load_book(self, snapshot: Snapshot) -> Book:
        old = self._snapshot
        seen = (old.rules, old.entered, old.registry)
        if self._book is None or seen != (snapshot.rules, snapshot.entered, snapshot.registry):
            rules = load_rules(self._engine)
            self._book = load_book(self._engine, rules, self._shards)
        self._snapshot = snapshot
        return self._book

    def _charge(self, changes: Changes, snapshot: Snapshot, now_ms: int) -> Done:
        places = changes.places
        days = alone = accounts = 0
        rows_max = self._settings.rows_max
        with Writing(self._engine, at_ms=now_ms, ver=snapshot.number, rows_max=rows_max) as writing:
            load = partial(self._load, changes, snapshot, writing)
            shares = shared_out(changes, self._settings.accounts_max)
            loaded = ahead((partial(load, share) for share in shares), LOADED_AHEAD)
            with closing(loaded):
                for batch in chain.from_iterable(loaded):
                    days += batch.charge()
                    alone += batch.charging.alone
                    accounts += len(batch.plan.places)
                    if accounts < len(places):
                        first, after = batch.charging.days
                        self._told(
                            CatchingUp(
                                accounts_done=accounts,
                                accounts=len(places),
                                first=str(date_of(first)),
                                until=str(date_of(after - 1)),
                            )
                        )
            writing.finish()
        return Done(
            accounts=changes.book.accounts[places], days=days, alone=alone, snapshot=snapshot
        )

    def _load(
        self, changes: Changes, snapshot: Snapshot, writing: Writing, share: Share
    ) -> list[Batch]:
        engine, book, offset_min = self._engine, changes.book, share.offset_min
        until = Until(snapshot.clock_s, offset_min, self._settings.rows_max)
        return [
            Batch(engine, book, plan, Charging(engine, book, plan, offset_min, writing), until)
            for plan in plans(engine, changes, share, snapshot.clock_s)
        ]


def _offsets(rules: Rules | None) -> Iterable[int]:
    tariffs = rules.tariffs if rules is not None else ()
    return {IST_OFFSET_MIN, *(each.offset_min for each in tariffs)}


def _midnight_s(now_s: int, offset_min: int) -> int:
    """The last local midnight."""
    return (now_s + offset_min * 60) // DAY_S * DAY_S - offset_min * 60
