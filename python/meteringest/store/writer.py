"""From the journal into the store, for as long as the service runs.

Rule 1: the range is noted durably before it is sent, so that a retry after a crash sends exactly
the same range under the same token.
Rule 2: one range is in memory at a time; while the store does not answer, the journal grows
and this waits.
Rule 3: the stored mark moves only past a range the store has acknowledged.
"""

from collections.abc import Callable
from math import inf
from typing import NoReturn, Protocol, TypeVarTuple

import trio

from meteringest.errors import InvariantError, JournalFull, StoreUnavailable
from meteringest.events import Observer
from meteringest.offload import Offload
from meteringest.store.ahead import Marks, Place, grown_by, place_of
from meteringest.store.aside import Aside
from meteringest.store.backlog import Ahead, Backlog, Gathered, Range, rows_in
from meteringest.store.clickhouse import Store
from meteringest.store.happenings import RangeStored, StoreWaited
from meteringest.store.insertion import insert_range, mark_ahead, offer_again
from meteringest.store.settings import StoreSettings

Arguments = TypeVarTuple("Arguments")


class Positions(Protocol):
    """A range or a stretch, for what is told about it."""

    @property
    def first(self) -> int:
        """The first position in it."""
        ...

    @property
    def next(self) -> int:
        """The position after its last."""
        ...


class Writer:
    """Runs until it is cancelled or a block is refused for good; one task, one writer."""

    def __init__(  # noqa: PLR0913 (everything it works with)
        self,
        store: Store,
        backlog: Backlog,
        *,
        node: int,
        settings: StoreSettings,
        offload: Offload,
        observer: Observer,
        aside: Aside | None = None,
    ) -> None:
        """Nothing happens before run; without `aside` a refused block ends it."""
        self._store = store
        self._aside = aside
        self._backlog = backlog
        self._node = node
        self._settings = settings
        self._offload = offload
        self._observer = observer
        self._offer_at = self._newest_at = -inf
        self._newest_turn = False
        # Whoever ran before may have sent it already.
        self._sent_before = True

    async def run(self) -> NoReturn:
        """Finishes what a crash interrupted, then follows the journal."""
        await self.catch_up_plan()
        while True:
            await self._turn()
            await self._offer_again()

    async def catch_up_plan(self) -> None:
        """Sends the range again that was noted and never acknowledged, to the row."""
        planned = self._backlog.planned()
        if planned is None:
            return
        first, until = planned
        gathered = await self._gather(first, until)
        if gathered is None or (gathered.first, gathered.next) != planned:
            raise InvariantError("I6", f"range {planned} was planned, the journal gave {gathered}")
        await self._insert(gathered)

    async def _turn(self) -> None:
        """Waits for the next range, or takes turns between the newest and the oldest."""
        ahead = await self._newest_first()
        if ahead is None:
            if await self._grown():
                await self._fill()
                await self.store_next()
            return
        overdue = trio.current_time() - self._newest_at >= self._settings.freshness_s
        # In turns: a store slower than the newest come in would never get to the oldest.
        self._newest_turn = not self._newest_turn
        if self._newest_turn and self._marks().newest_waits(ahead, overdue=overdue):
            self._newest_at = trio.current_time()
            gathered = await self._gather(ahead.next, None)
            if gathered is not None:
                await self._send(gathered)
        else:
            await self.store_next()

    async def store_next(self) -> bool:
        """The oldest range that is not stored; False when there is none."""
        ahead = self._backlog.ahead()
        stored, durable = self._backlog.stored(), self._backlog.durable()
        until = None if ahead is None else self._marks().end_beneath(ahead)
        gathered = await self._gather(stored, until)
        if ahead is not None and (gathered is None or gathered.first >= ahead.first):
            # A salvage gave up the last rows beneath: nothing else is owed there.
            await self._join(ahead, Range(self._node, stored, ahead.first))
            return True
        if gathered is not None:
            await self._send(gathered)
            return True
        if stored < durable:
            # A salvage gave up the last rows: waiting for them would never end.
            gone = Range(self._node, stored, durable)
            await self._noted(gone, self._backlog.advance, durable)
        return False

    async def _send(self, gathered: Gathered) -> None:
        await self._noted(gathered, self._backlog.plan, gathered.first, gathered.next)
        await self._insert(gathered)

    async def _newest_first(self) -> Ahead | None:
        """The stretch ahead; a new one begins where so much is owed that the newest would wait."""
        ahead = self._backlog.ahead()
        if ahead is not None or self._settings.catch_up == "oldest":
            return ahead
        begin = self._marks().newest_first_from()
        if begin is None:
            return None
        begun = Ahead(first=begin, next=begin)
        await self._noted(begun, self._backlog.note_ahead, begun)
        return begun

    def _marks(self) -> Marks:
        return Marks(
            stored=self._backlog.stored(),
            durable=self._backlog.durable(),
            rows_max=self._settings.rows_max,
        )

    async def _offer_again(self) -> None:
        """What was set aside, once in a while: whoever mended the reason need not tell us."""
        if self._aside is None or trio.current_time() < self._offer_at:
            return
        self._offer_at = trio.current_time() + self._settings.aside_retry_s
        try:
            await self._offload(offer_again, self._store, self._aside, self._observer)
        except StoreUnavailable as silence:
            # It stays where it is, and the next range finds out how long the silence lasts.
            self._waited(self._backlog.stored(), self._backlog.stored(), silence.reason, 0)

    async def _grown(self) -> bool:
        """Waits for more; False when it is time to look at what was set aside."""
        with trio.move_on_at(inf if self._aside is None else self._offer_at) as patience:
            await self._backlog.grown(self._backlog.stored())
        return not patience.cancelled_caught

    async def _fill(self) -> None:
        """Waits for a full block, but no longer than a read may go unseen."""
        enough = self._backlog.stored() + self._settings.rows_max
        with trio.move_on_after(self._settings.freshness_s):
            while self._backlog.durable() < enough:
                await self._backlog.grown(self._backlog.durable())

    async def _gather(self, first: int, until: int | None) -> Gathered | None:
        return await self._offload(
            lambda: self._backlog.gather(first, rows_max=self._settings.rows_max, until=until)
        )

    async def _insert(self, gathered: Gathered) -> None:
        begun = trio.current_time()
        place = place_of(gathered, self._backlog.ahead())
        await self._until_taken(gathered, self._insert_range, gathered, place)
        self._sent_before = False
        await self._note_stored(gathered, place)
        duration_s = trio.current_time() - begun
        self._observer.emit(
            RangeStored(
                first=gathered.first,
                next=gathered.next,
                reads=gathered.reads,
                rows=rows_in(gathered),
                duration_s=duration_s,
            )
        )

    def _insert_range(self, gathered: Gathered, place: Place) -> None:
        again, self._sent_before = self._sent_before, True
        insert_range(
            self._store, self._node, gathered, self._observer, self._aside, place, again=again
        )

    async def _note_stored(self, gathered: Gathered, place: Place) -> None:
        ahead = self._backlog.ahead()
        if ahead is None:
            await self._noted(gathered, self._backlog.advance, gathered.next)
        elif place is Place.AHEAD:
            await self._noted(gathered, self._backlog.note_ahead, grown_by(ahead, gathered))
        elif gathered.next < ahead.first:
            await self._noted(gathered, self._backlog.advance, gathered.next)
        else:
            await self._join(ahead, gathered)

    async def _join(self, ahead: Ahead, last: Positions) -> None:
        """`last` was the last that was owed beneath."""
        await self._until_taken(ahead, mark_ahead, self._store, self._node, ahead)
        await self._noted(last, self._backlog.advance, ahead.next)

    async def _noted(
        self, within: Positions, note: Callable[[*Arguments], None], *arguments: *Arguments
    ) -> None:
        """A full disk keeps notes waiting too; what is stored meanwhile is what frees it."""
        await self._retried(within, JournalFull, note, *arguments)

    async def _until_taken(
        self, within: Positions, insert: Callable[[*Arguments], None], *arguments: *Arguments
    ) -> None:
        """As often as the store does not answer."""
        await self._retried(within, StoreUnavailable, insert, *arguments)

    async def _retried(
        self,
        within: Positions,
        passing: type[JournalFull | StoreUnavailable],
        call: Callable[[*Arguments], None],
        *arguments: *Arguments,
    ) -> None:
        wait_s = self._settings.retry_min_s
        while True:
            try:
                return await self._offload(call, *arguments)
            except passing as trouble:
                why = trouble.reason if isinstance(trouble, StoreUnavailable) else str(trouble)
                self._waited(within.first, within.next, why, wait_s)
            await trio.sleep(wait_s)
            wait_s = min(2 * wait_s, self._settings.retry_max_s)

    def _waited(self, first: int, next: int, reason: str, wait_s: float) -> None:  # noqa: A002
        self._observer.emit(StoreWaited(first=first, next=next, reason=reason, wait_s=wait_s))
