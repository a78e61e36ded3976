"""A journal of the tests' own behind the writer's port: any range of it can be made again.

Record i holds a day of METERS meters and a ledger row; each tenth repeats the record nine before
it with other values, so that versions are superseded all the time.
"""

import json
import os
from pathlib import Path

import numpy as np
import trio
from msgspec.structs import asdict
from tests.store.blocks import SLOTS, Arrays, Range, block, ledger_block, reads

from meteringest.store.backlog import Ahead

METERS = 20
ROWS = METERS * SLOTS + 1
BASE = 1_793_404_800 << 20
PERIOD = 10


def record(at: int) -> Arrays:
    """The reads of record `at`."""
    same = at - PERIOD + 1 if at % PERIOD == PERIOD - 1 else at
    return reads(
        BASE + at * ROWS, METERS, day=same // PERIOD % 30, from_meter=1 + same % PERIOD * METERS
    )


def truth(records: int) -> tuple[int, int, int]:
    """Rows, sum of imp_wh and of ver - BASE that readers must see after `records` records."""
    latest: dict[tuple[int, int], tuple[int, int]] = {}
    for at in range(records):
        columns = record(at)
        keys = zip(columns["meter"].tolist(), columns["interval_start"].tolist(), strict=True)
        values = zip(columns["imp_wh"].tolist(), columns["ver"].tolist(), strict=True)
        latest.update(zip(keys, values, strict=True))
    return (
        len(latest),
        sum(wh for wh, _ in latest.values()),
        sum(v - BASE for _, v in latest.values()),
    )


class RecordedJournal:
    """`records` records, all durable from the start unless it `grows`; its marks live in a file."""

    def __init__(self, folder: Path, records: int, *, grows: bool = False) -> None:
        self._marks = folder / "marks.json"
        self._end = BASE + records * ROWS
        self._grown = trio.Event()
        if not self._marks.exists():
            self._write(BASE, None, None)
        ahead = self.ahead()
        least = BASE + records * 3 // 4 * ROWS
        known = max(least, ahead.next if ahead else 0, self.stored())
        self._durable = known if grows else self._end

    def stored(self) -> int:
        return int(json.loads(self._marks.read_text())["stored"])

    def ahead(self) -> Ahead | None:
        noted = json.loads(self._marks.read_text()).get("ahead")
        return Ahead(**{**noted, "received_ms": tuple(noted["received_ms"])}) if noted else None

    def note_ahead(self, ahead: Ahead) -> None:
        self._write(self.stored(), None, ahead)

    def planned(self) -> tuple[int, int] | None:
        plan = json.loads(self._marks.read_text())["plan"]
        return (plan[0], plan[1]) if plan else None

    def durable(self) -> int:
        return self._durable

    def grow(self) -> bool:
        """One record more is durable; False when there are no more."""
        self._durable = min(self._durable + ROWS, self._end)
        grown, self._grown = self._grown, trio.Event()
        grown.set()
        return self._durable < self._end

    def gather(self, first: int, *, rows_max: int, until: int | None) -> Range | None:
        start = (first - BASE) // ROWS
        end = (self._durable - BASE) // ROWS
        stop = (until - BASE) // ROWS if until else min(end, start + max(1, rows_max // ROWS))
        return range_between(start, stop) if start < stop else None

    def plan(self, first: int, next: int) -> None:  # noqa: A002
        self._write(self.stored(), (first, next), self.ahead())

    def advance(self, stored: int) -> None:
        ahead = self.ahead()
        self._write(stored, None, ahead if ahead and ahead.next > stored else None)

    async def grown(self, past: int) -> None:
        while past >= self._durable:
            await self._grown.wait()
        await trio.lowlevel.checkpoint()

    def _write(self, stored: int, plan: tuple[int, int] | None, ahead: Ahead | None) -> None:
        fresh = self._marks.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump({"stored": stored, "plan": plan, "ahead": ahead and asdict(ahead)}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._marks)


def range_between(start: int, stop: int) -> Range:
    """Records [start, stop) gathered: sorted, the replaced versions among them set aside."""
    records = [record(at) for at in range(start, stop)]
    columns = {name: np.concatenate([each[name] for each in records]) for name in records[0]}
    order = np.lexsort((columns["ver"], columns["interval_start"], columns["meter"]))
    columns = {name: values[order] for name, values in columns.items()}
    old = _followed_by_the_same_key(columns)
    kept = {name: values[~old] for name, values in columns.items()}
    history = {name: values[old] for name, values in columns.items()}
    first = BASE + start * ROWS
    blocks = [("m.read_history", block(history))] if old.any() else []
    blocks.append(("m.reads", block(kept)))
    blocks += [
        ("m.intake_ledger", ledger_block(BASE + at * ROWS + ROWS - 1, ROWS - 1, 0))
        for at in range(start, stop)
    ]
    return Range(first, BASE + stop * ROWS, blocks, ROWS * (stop - start), _changed(start, stop))


def _followed_by_the_same_key(columns: Arrays) -> np.ndarray:
    same = (np.diff(columns["meter"]) == 0) & (np.diff(columns["interval_start"]) == 0)
    return np.append(same, False)


def _changed(start: int, stop: int) -> list[tuple[int, int]]:
    repeats = [record(at) for at in range(start, stop) if at % PERIOD == PERIOD - 1]
    return [
        (int(meter), int(begin))
        for columns in repeats
        for meter, begin in zip(columns["meter"], columns["interval_start"], strict=True)
    ]
