"""Rejects decoded again inside the running service, after a meter, a key or a layout was added.

    unresolved rejects -> survey -> everything stored? -> what stands -> decode again -> append

Rule 1: what is accepted here goes the way of every batch: appended, synced, stored.
Rule 2: the survey is taken between two batches, and the store is asked after it holds all of
them; a meter that sends meanwhile is left for the next round (see docs/decisions/0005).
"""

from collections import Counter

import trio

from meteringest.app.backlog import JournalBacklog
from meteringest.app.caught_up import CaughtUp
from meteringest.app.core import Core
from meteringest.app.happenings import RejectsReplayed
from meteringest.app.retiming import Retiming
from meteringest.app.storing import Storing
from meteringest.control.messages import AskReplay, AskRetime, Replayed, Retimed
from meteringest.intake.ports import Line
from meteringest.offload import Offload
from meteringest.store.aside import Aside
from meteringest.store.rejects import (
    START,
    Reject,
    accepted,
    standing,
    standing_registers,
    unresolved,
)

ROUNDS_MAX = 3
BUSY = "check/bad_sequence"

Row = tuple[int, int, int, str, bytes, bytes, tuple[int, int, int] | None]
Surveyed = tuple[int, int, int, int, int, int, int, str]


class Replaying:
    """One command at a time."""

    def __init__(
        self,
        core: Core,
        line: Line,
        backlog: JournalBacklog,
        storing: Storing,
        aside: Aside,
        offload: Offload,
    ) -> None:
        """`line` is the one that intake uses."""
        self._core = core
        self._line = line
        self.storing = storing
        self._offload = offload
        self._caught_up = CaughtUp(core, line, backlog, storing, aside)
        self._retiming = Retiming(core, line, self._caught_up, offload)
        self._one_at_a_time = trio.Lock()

    async def retime(self, wanted: AskRetime) -> Retimed:
        """Stored reads of the next meters told anew."""
        async with self._one_at_a_time:
            return await self._retiming.run(wanted)

    async def run(self, wanted: AskReplay) -> Replayed:
        """All rejects that are wanted, page by page; returns when what they brought is stored."""
        async with self._one_at_a_time:
            await self._caught_up.wait()
            sums: Counter[str] = Counter()
            refused: Counter[str] = Counter()
            after = START
            while page := await self._page(after, wanted):
                after = page[-1].key
                await self._replay(page, wanted, sums, refused)
            if sums["resolved"] and not wanted.dry_run:
                await self._caught_up.wait()
            return Replayed(
                seen=sums["seen"],
                resolved=sums["resolved"],
                reads=sums["reads"],
                registers=sums["registers"],
                events=sums["events"],
                refused=dict(refused),
            )

    async def _page(self, after: tuple[int, int, int], wanted: AskReplay) -> list[Reject]:
        return await self._offload(
            lambda: unresolved(
                self._core.store,
                after,
                kind=wanted.kind,
                meter=wanted.meter,
                since_ms=wanted.since_ms,
            )
        )

    async def _replay(
        self, page: list[Reject], wanted: AskReplay, sums: Counter[str], refused: Counter[str]
    ) -> None:
        rows = [
            (each.position, each.at_ms, each.dcu, each.peer, each.raw, each.hint, each.row)
            for each in page
        ]
        for _ in range(ROUNDS_MAX):
            pairs = await self._surveyed(rows, wanted, sums, refused)
            sums["seen"] += len(pairs)
            if wanted.dry_run:
                sums["resolved"] += len(pairs)
                return
            rows = await self._again(pairs, sums, refused) if pairs else []
            if not rows:
                return
            sums["seen"] -= len(rows)
        sums["seen"] += len(rows)
        refused[BUSY] += len(rows)

    async def _surveyed(
        self, rows: list[Row], wanted: AskReplay, sums: Counter[str], refused: Counter[str]
    ) -> list[tuple[Row, Surveyed]]:
        """The rejects that would now be taken, in the order of their meters' counters."""
        async with self._line.turn:
            surveyed = await self._line.offload(self._core.decoder.survey, rows)
        taken: list[tuple[Row, Surveyed]] = []
        for row, survey in zip(rows, surveyed, strict=True):
            if wanted.meter and survey[0] != wanted.meter:
                continue
            if survey[-1]:
                sums["seen"] += 1
                refused[survey[-1]] += 1
            else:
                taken.append((row, survey))
        return sorted(taken, key=lambda pair: (pair[1][0], pair[1][1], pair[0][0]))

    async def _again(
        self, pairs: list[tuple[Row, Surveyed]], sums: Counter[str], refused: Counter[str]
    ) -> list[Row]:
        """Decodes again and appends; returns those whose meter has sent meanwhile."""
        await self._caught_up.wait()
        surveyed = [survey for _, survey in pairs]
        store = self._core.store
        frames = [(meter, counter) for meter, counter, *_ in surveyed if counter]
        spans = [(each[0], each[3], each[4]) for each in surveyed if each[4]]
        told = [(each[0], each[5], each[6]) for each in surveyed if each[6]]
        known = await self._offload(accepted, store, frames)
        stands = await self._offload(standing, store, spans)
        told_before = await self._offload(standing_registers, store, told)
        marks = list({each[0]: each[2] for each in surveyed}.items())
        now_ms = self._line.clock.now_ms()
        rows = [row for row, _ in pairs]
        async with self._line.turn:
            with self._line.agreement.kept():
                batch, done = await self._line.offload(
                    self._core.decoder.reconsider, rows, known, stands, told_before, marks, now_ms
                )
                if batch.rows:
                    await self._caught_up.append(batch, now_ms)
        busy: list[Row] = []
        resolved = 0
        for row, (reads, registers, events, refusal) in zip(rows, done, strict=True):
            if refusal == BUSY:
                busy.append(row)
            elif refusal:
                refused[refusal] += 1
            else:
                resolved += 1
                sums.update(reads=reads, registers=registers, events=events)
        sums["resolved"] += resolved
        self._line.observer.emit(
            RejectsReplayed(
                seen=len(rows),
                resolved=resolved,
                reads=sums["reads"],
                registers=sums["registers"],
                events=sums["events"],
            )
        )
        return busy
