"""Time policies applied anew to stored reads: what stands at a wrong time is moved to its own.

    marks -> everything stored? -> reads of some meters -> decoder -> append

Rule 1: the policy is the decoder's, as the registry has it now; a read's clock is what was stored
with it. What is not moved is not touched, so that a second run changes nothing.
Rule 2: what moves goes the way of every batch: appended, synced, stored, as new versions.
Rule 3: a meter that sends meanwhile is left for the next round, as in replaying.py.
"""

from collections import Counter

from meteringest.app.caught_up import CaughtUp
from meteringest.app.core import Core
from meteringest.app.happenings import ReadsRetimed
from meteringest.control.messages import AskRetime, Retimed
from meteringest.errors import StoreRefused
from meteringest.intake.ports import Line
from meteringest.offload import Offload
from meteringest.store.retimes import TIME_MAX, chosen, reads_of

METERS_PER_PAGE = 16
ROUNDS_MAX = 3
# No clock is further from another: fourteen hours on either side, and summer time.
MARGIN_S = 30 * 3_600


class Retiming:
    """One page of meters at a time; who asks goes on with the next."""

    def __init__(self, core: Core, line: Line, caught_up: CaughtUp, offload: Offload) -> None:
        """`line` is the one that intake uses."""
        self._core = core
        self._line = line
        self._caught_up = caught_up
        self._offload = offload

    async def run(self, wanted: AskRetime) -> Retimed:
        """The next meters that are wanted; `last` is 0 when there is none."""
        meters, left = await self._offload(
            lambda: chosen(
                self._core.store,
                meters=wanted.meters,
                model=wanted.model,
                after=wanted.after,
                limit=METERS_PER_PAGE,
            )
        )
        if not meters:
            return Retimed(last=0, left=0)
        sums: Counter[str] = Counter()
        for _ in range(ROUNDS_MAX):
            counts = await self._round(meters, wanted)
            sums.update(moved=counts["moved"], withdrawn=counts["withdrawn"])
            if not counts["busy"] or wanted.dry_run:
                break
        if sums["moved"] and not wanted.dry_run:
            await self._caught_up.wait()
            self._line.observer.emit(
                ReadsRetimed(meters=len(meters), moved=sums["moved"], withdrawn=sums["withdrawn"])
            )
        return Retimed(
            last=meters[-1],
            left=left,
            meters=len(meters),
            seen=counts["seen"],
            moved=sums["moved"],
            withdrawn=sums["withdrawn"],
            undecided=counts["undecided"],
            unknown=counts["unknown"],
            busy=counts["busy"],
        )

    async def _round(self, meters: list[int], wanted: AskRetime) -> dict[str, int]:
        """All of it, with as many reads around what is wanted as stand in each other's way."""
        margin_s = MARGIN_S
        while margin_s < 2 * TIME_MAX:
            counts = await self._within(meters, wanted, margin_s)
            if not counts["wider"]:
                return counts
            margin_s *= 2
        raise StoreRefused(self._core.store.where, "holds reads whose time lies before 1970")

    async def _within(self, meters: list[int], wanted: AskRetime, margin_s: int) -> dict[str, int]:
        async with self._line.turn:
            marks = await self._line.offload(self._core.decoder.reads_marks, meters)
        await self._caught_up.wait()
        span = (wanted.since_s, wanted.until_s)
        fetched = (max(0, span[0] - margin_s), min(TIME_MAX, span[1] + margin_s))
        rows = await self._offload(reads_of, self._core.store, meters, fetched)
        now_ms = self._line.clock.now_ms()
        async with self._line.turn:
            with self._line.agreement.kept():
                batch, counts = await self._line.offload(
                    lambda: self._core.decoder.retime(
                        rows, span, fetched, marks, now_ms, dry=wanted.dry_run
                    )
                )
                if batch.rows:
                    await self._caught_up.append(batch, now_ms)
        return counts
