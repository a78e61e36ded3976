"""A journal of the tests' own behind the writer's port: any range of it can be made again.

Record i holds a day of METERS meters and a ledger row; each tenth repeats the record nine before
it with other values, so that versions are superseded all the time.
"""

import json
import os
from pathlib import Path

import numpy as np
import trio
from tests.store.blocks import SLOTS, Arrays, Range, block, ledger_block, reads

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
    """`records` records, all durable from the start; its marks live in a file."""

    def __init__(self, folder: Path, records: int) -> None:
        self._marks = folder / "marks.json"
        self._end = BASE + records * ROWS
        if not self._marks.exists():
            self._write(BASE, None)

    def stored(self) -> int:
        return int(json.loads(self._marks.read_text())["stored"])

    def planned(self) -> tuple[int, int] | None:
        plan = json.loads(self._marks.read_text())["plan"]
        return (plan[0], plan[1]) if plan else None

    def durable(self) -> int:
        return self._end

    def gather(self, first: int, *, rows_max: int, until: int | None) -> Range | None:
        start = (first - BASE) // ROWS
        end = (self._end - BASE) // ROWS
        stop = (until - BASE) // ROWS if until else min(end, start + max(1, rows_max // ROWS))
        return range_between(start, stop) if start < stop else None

    def plan(self, first: int, next: int) -> None:  # noqa: A002
        self._write(self.stored(), (first, next))

    def advance(self, stored: int) -> None:
        self._write(stored, None)

    async def grown(self, past: int) -> None:
        if past >= self._end:
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()

    def _write(self, stored: int, plan: tuple[int, int] | None) -> None:
        fresh = self._marks.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump({"stored": stored, "plan": plan}, file)
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
