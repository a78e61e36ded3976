"""How long after it was stored a read is in the balance: seen from outside, through the endpoint.

Rule 1: a read is charged once the watermark of charges has passed it, which moves after the charges
are written. Looked at four times a second, so every figure is up to that much too large.
Rule 2: what is not charged yet counts with what it has waited until now; it is never left out.
"""

from collections.abc import Callable, Mapping
from math import ceil

from msgspec import Struct

from meteringest_sim.reconcile import Query

Charged = Mapping[int, int]
"""Of each ingest node the watermark of charges."""


class Freshness(Struct, frozen=True, kw_only=True):
    """Seconds from stored to charged, over all reads."""

    p50_s: float = 0.0
    p99_s: float = 0.0
    max_s: float = 0.0


class Looks:
    """What was seen when."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """`now_ms` is the clock of the store's machine."""
        self._now_ms = now_ms
        self._seen: list[tuple[int, Charged]] = []

    def look(self, query: Query) -> None:
        """Once more; kept when anything has moved."""
        rows = query("SELECT node, charged FROM m.v1_watermark")
        charged = {int(str(node)): int(str(position)) for node, position in rows}
        if not self._seen or self._seen[-1][1] != charged:
            self._seen.append((self._now_ms(), charged))

    def found(self, query: Query) -> Freshness:
        """Of every range that is stored by now."""
        until_ms = self._now_ms()
        rows = query(
            "SELECT node, next, reads, toUnixTimestamp64Milli(at) FROM m.batches FINAL "
            "WHERE reads > 0 ORDER BY at"
        )
        waits: list[tuple[int, int]] = []
        for node, end, reads, stored_ms in (
            tuple(int(str(value)) for value in row) for row in rows
        ):
            passed = (ms for ms, seen in self._seen if seen.get(node, 0) >= end)
            waits.append((max(0, next(passed, until_ms) - stored_ms), reads))
        return Freshness(
            p50_s=_percentile(waits, 50),
            p99_s=_percentile(waits, 99),
            max_s=_percentile(waits, 100),
        )


def _percentile(waits: list[tuple[int, int]], percent: int) -> float:
    """Of the reads, not of the ranges."""
    wanted = ceil(sum(reads for _, reads in waits) * percent / 100)
    passed = 0
    for wait_ms, reads in sorted(waits):
        passed += reads
        if passed >= wanted:
            return wait_ms / 1_000
    return 0.0
