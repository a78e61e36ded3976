"""How far a worker is behind: reads that are stored and not charged, and since when."""

from msgspec import Struct

from meteringest.prepaid.ledger.ports import whole
from meteringest.prepaid.worker.cursors import NODE, Cursors
from meteringest.prepaid.worker.ports import Engine
from meteringest.prepaid.worker.snapshot import Snapshot


class Lag(Struct, frozen=True):
    """`since_ms`: when the oldest of the reads was stored, 0 when there are none."""

    reads: int = 0
    since_ms: int = 0


def lag(engine: Engine, done: Cursors, snapshot: Snapshot) -> Lag:
    """Of the shards whose cursors these are."""
    reads, since_ms = 0, 0
    for node, stored in snapshot.nodes.items():
        charged = done.get(f"{NODE}{node}", 0)
        if charged >= stored:
            continue
        ((some, oldest_ms),) = engine.ask(_BEHIND, {"node": node, "charged": charged}).rows
        reads += whole(some)
        since_ms = min(since_ms or whole(oldest_ms), whole(oldest_ms))
    return Lag(reads, since_ms)


_BEHIND = """
SELECT sum(reads), toUnixTimestamp64Milli(min(at)) FROM m.batches FINAL
WHERE node = {node:UInt16} AND first >= {charged:UInt64}"""
