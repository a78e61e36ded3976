"""How far every shard of accounts is charged, by source of changes: rows of m.worker_cursors.

Rule 1: a cursor moves only after the charges it speaks of are written.
Rule 2: cursors are read before the snapshot is taken: what lies before a cursor was written by
then, what lies behind it is charged again.
"""

from collections.abc import Mapping, Sequence

from meteringest.columns import rows_block
from meteringest.prepaid.ledger.ports import whole
from meteringest.prepaid.worker.ports import Engine
from meteringest.prepaid.worker.snapshot import CLOCK, SWEEPS, Snapshot

ALL_SHARDS = 65_535
RULES, ENTERED, REGISTRY, DAYS, NODE = "rules", "entered", "registry", "days", "node "
Cursors = dict[str, int]


def load(engine: Engine, shards: Sequence[int]) -> Cursors:
    """The least cursor of `shards` by source; a shard without one stands at 0."""
    listed = ", ".join(map(str, shards))
    answer = engine.ask(
        "SELECT source, min(ver), count() FROM m.worker_cursors FINAL "  # noqa: S608 (numbers only)
        f"WHERE shard IN ({listed}) GROUP BY source"
    )
    return {
        str(source): whole(ver) if count == len(shards) else 0 for source, ver, count in answer.rows
    }


def reached(snapshot: Snapshot) -> Cursors:
    """Where the cursors stand once everything in the snapshot is charged."""
    return {
        RULES: snapshot.rules,
        ENTERED: snapshot.entered,
        REGISTRY: snapshot.registry,
        DAYS: snapshot.clock_s,
        **{f"{NODE}{node}": stored for node, stored in snapshot.nodes.items()},
    }


def save(engine: Engine, shards: Sequence[int], at_ms: int, marks: Mapping[str, int]) -> None:
    """Moves the cursors of `shards`; one that stands further already stays."""
    rows = [(shard, source, at_ms, ver) for source, ver in marks.items() for shard in shards]
    if rows:
        token = f"cursors-{at_ms}-{shards[0]}-{len(shards)}-{sum(marks.values())}"
        engine.insert("m.worker_cursors", rows_block(_KINDS, rows), token)


def end_days(engine: Engine, at_ms: int, clock_s: int) -> None:
    """Lets everybody know that local days have ended up to that instant."""
    save(engine, (ALL_SHARDS,), at_ms, {CLOCK: clock_s})


def begin_sweep(engine: Engine, at_ms: int, sweep: int) -> None:
    """Counts a sweep, before anything of it is charged."""
    save(engine, (ALL_SHARDS,), at_ms, {SWEEPS: sweep})


_KINDS = {
    "shard": "UInt16",
    "source": "String",
    "at": "DateTime64(3, 'UTC')",
    "ver": "UInt64",
}
