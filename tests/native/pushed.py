"""What became of a push: its rows in the Native block, and how `inspect` explains it."""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from tests.native.frames import NOW_MS, Meter, ends
from tests.native.gurux_frames import COLUMNS, INTEGERS, Cell, Push
from tests.native.setting_up import row
from tests.native.test_decode import expected

from meteringest.native import Batch, Decoder, Journal, Link, inspect
from meteringest.store.native import columns_of
from meteringest.store.schema import OPTIONAL, READ

U32_MAX = 2**32 - 1
CODES: Mapping[str, Literal["B", "H", "h", "I", "Q"]] = {
    "UInt8": "B",
    "UInt16": "H",
    "Int16": "h",
    "UInt32": "I",
    "DateTime('UTC')": "I",
    "UInt64": "Q",
}
NUMBERS = itertools.count(1)
"""No two meters share a number, so that one decoder serves many cases."""


def new_journal(folder: Path) -> Journal:
    return Journal(str(folder), node=1, segment_bytes=1 << 26, created_s=1, free_bytes_min=0)


def stored(journal: Journal, batch: Batch) -> list[dict[str, int]]:
    """The rows of the one block of reads that the batch is gathered into, versions left out."""
    before = journal.appended
    journal.append(batch, NOW_MS)
    journal.sync()
    gathered = journal.gather(before, rows_max=1_000)
    assert gathered is not None, batch.counts
    assert gathered.reads, batch.counts
    (block,) = [block for table, block in gathered.blocks if table == "m.reads"]
    columns = columns_of(block)
    assert columns is not None
    kinds = {each.name: each.type for each in columns}
    assert kinds.items() <= READ.items()
    assert READ.keys() - kinds.keys() <= OPTIONAL
    lists = [each.values.cast(CODES[each.type]).tolist() for each in columns]
    rows = [dict(zip(kinds, values, strict=True)) for values in zip(*lists, strict=True)]
    assert [row.pop("ver") for row in rows] == list(range(before, before + len(rows)))
    return rows


def wanted(push: Push) -> list[dict[str, int]]:
    """The rows that `push` should leave in the block."""
    left_out = OPTIONAL if push.meter.phases == 1 else {"offset_min"}
    names = set(READ) - {"ver"} - left_out
    rows = []
    for end, cells in push.rows:
        values = {name: value for name, (_, value) in cells.items()}
        deviation = 330 if push.indian_sign else -330
        shown = expected(push.meter, push.counter, end, values) | {"deviation_min": deviation}
        rows.append(dict.fromkeys(names, 0) | shown)
    return rows


def decoded(made: Decoder, push: Push, policy: str = "ist") -> Batch:
    meter = row(push.meter)
    made.upsert_meters([(*meter[:9], policy, *meter[10:])])
    link = Link(4, push.framing, dcu=2, peer="192.0.2.7")
    link.feed(push.frames())
    return made.decode([link], NOW_MS)


def inspected(push: Push) -> dict[str, object]:
    """The push's APDU as `meteringest decode` explains it."""
    keys = {
        "encryption_key": push.meter.encryption_key.hex(),
        "authentication_key": push.meter.authentication_key.hex(),
    }
    line = {"hex": push.frames().hex(), "transport": push.framing, "keys": keys}
    answer = json.loads(inspect(json.dumps(line).encode()))
    assert answer["outcome"] == "accept", answer
    (apdu,) = answer["apdus"]
    return dict(apdu)


def push_of(
    control: int, phases: int, count: int, choose: Callable[[str, int], Cell], **options: object
) -> Push:
    """A push of a meter of its own, its cells chosen by column and row."""
    meter = Meter(number=next(NUMBERS), control=control, phases=phases)
    rows = [
        (end, {name: choose(name, at) for name in COLUMNS[phases]})
        for at, end in enumerate(ends(count))
    ]
    return Push(meter=meter, rows=rows, **options)  # type: ignore[arg-type]


def earlier(push: Push, back: timedelta) -> Push:
    """The same push of intervals `back` before."""
    return replace(push, rows=[(end - back, cells) for end, cells in push.rows])


def largest(name: str, kind: str) -> int:
    """The largest value of `kind` that column `name` holds: volts and amperes are scaled by 10."""
    return min(INTEGERS[kind][1], U32_MAX // 10 if name[:4] in ("volt", "curr") else U32_MAX)
