"""What a worker has seen of the store, as one number that only grows.

Rule 1: every part of a snapshot only grows, and it is read twice until nothing moved between: the
parts then stood together at one instant, so of two snapshots one has seen all that the other has.
Rule 2: a charge carries the number of its snapshot. Of two workers that charge the same day the
one that saw more wins in m.charge_days, whoever writes last; no lock is needed.
Rule 3: rules and accounts are counted again only when a table's parts are other ones than before.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from meteringest.prepaid.ledger.ports import whole
from meteringest.prepaid.worker.ports import Engine

CLOCK, SWEEPS = "clock", "sweeps"


class Snapshot(Struct, frozen=True, kw_only=True):
    """Positions below `nodes`, changes up to the next three, days ended by `clock_s`."""

    nodes: Mapping[int, int]
    rules: int = 0
    entered: int = 0
    registry: int = 0
    clock_s: int = 0
    sweeps: int = 0
    """A sweep mends what the order of commits hid: its charges must outrank those it replaces."""
    parts: Sequence[tuple[object, ...]] = ()
    """What `rules`, `entered` and `registry` were counted from."""

    @property
    def number(self) -> int:
        """What its charges carry as their version."""
        own = (self.rules, self.entered, self.registry, self.clock_s, self.sweeps)
        return sum((*self.nodes.values(), *own))


def take(engine: Engine, known: Snapshot | None = None) -> Snapshot:
    """All parts as they stood at one instant; what is `known` saves looking at what is old."""
    before = _look(engine, known or Snapshot(nodes={}))
    while (seen := _look(engine, before)) != before:
        before = seen
    return seen


def _look(engine: Engine, known: Snapshot) -> Snapshot:
    # A node that joins later starts at its clock, which is ahead of every position so far.
    low = min(known.nodes.values(), default=0)
    nodes = engine.ask(_WATERMARKS, {"low": low}).rows
    marks = {"clock": CLOCK, "sweeps": SWEEPS}
    ((clock_s, sweeps),) = engine.ask(_MARKS, marks).rows
    parts = tuple(engine.ask(_PARTS).rows)
    changes: tuple[object, ...] = (known.rules, known.entered, known.registry)
    if not parts or parts != known.parts:
        (changes,) = engine.ask(_CHANGES).rows
    rules, entered, registry = changes
    return Snapshot(
        nodes={**known.nodes, **{whole(node): whole(stored) for node, stored in nodes}},
        rules=whole(rules),
        entered=whole(entered),
        registry=whole(registry),
        clock_s=whole(clock_s),
        sweeps=whole(sweeps),
        parts=parts,
    )


_WATERMARKS = """
SELECT node, max(next) FROM m.batches WHERE first >= {low:UInt64} GROUP BY node ORDER BY node"""
_MARKS = """
SELECT
    (SELECT max(ver) FROM m.worker_cursors WHERE source = {clock:String}),
    (SELECT max(ver) FROM m.worker_cursors WHERE source = {sweeps:String})
"""
# An insert has a block number of its own, which merges keep; a mutation moves the version.
_PARTS = """
SELECT table, max(max_block_number), max(data_version) FROM system.parts
WHERE database = 'm' AND active AND table IN ('rules', 'account_terms', 'account_meters', 'meters')
GROUP BY table ORDER BY table"""
# A large file of terms goes in page by page under one version: what has come in is counted, too.
# The registry counts its own changes; the sum moves with every row of it.
_CHANGES = """
SELECT
    greatest(
        (SELECT max(ver) FROM m.rules),
        (SELECT max(ver) FROM m.account_terms),
        (SELECT max(ver) FROM m.account_meters)
    ),
    (SELECT count() FROM m.account_terms FINAL) + (SELECT count() FROM m.account_meters FINAL),
    (SELECT sum(ver) FROM m.meters FINAL)
"""
