"""The stretches of journal positions that a day's rows lie in, from m.batches alone.

A stored range holds the rows of one or, around midnight, of two receive days; those that touch the
day are joined into spans. Positions of two ingest nodes may coincide: ranges of others that lie
across a span are taken in whole, so that each row's ledger is in the same spans as the row.
"""

from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct

from meteringest.store.queries import number

if TYPE_CHECKING:  # whoever only reads the structs need not load the engine
    from meteringest.store.clickhouse import Store

Span = tuple[int, int]
POSITIONS_A_SECOND = 1 << 20


class Gap(Struct, frozen=True, kw_only=True):
    """Positions of a node that no range holds, between two that do."""

    node: int
    first: int
    next: int

    def __str__(self) -> str:
        """What is missing."""
        return (
            f"node {self.node}: positions {self.first} to {self.next} "
            f"({self.next - self.first} rows) are in no stored range: "
            "they wait in the journal, or are lost"
        )


class Spans(Struct, frozen=True, kw_only=True):
    """Where a day's rows lie."""

    spans: tuple[Span, ...]
    gaps: tuple[Gap, ...]
    shared: bool
    """Whether two nodes have positions in common here."""

    def holding(self, column: str) -> str:
        """The condition that a position lies in one of them."""
        each = (f"({column} >= {first} AND {column} < {last})" for first, last in self.spans)
        return f"({' OR '.join(each)})" if self.spans else "0"


def spans_of(store: "Store", day: date) -> Spans:
    """Every range that holds a row received on `day`, UTC."""
    touching = _ranges(store, "{day:Date} BETWEEN toDate(low) AND toDate(high)", {"day": day})
    spans = _joined(touching)
    while True:
        # Ranges of other nodes that lie across, and in turn those across them.
        across = " OR ".join(f"(first < {last} AND next > {first})" for first, last in spans)
        ranges = _ranges(store, across, {}) if spans else []
        wider = _joined(ranges)
        if wider == spans:
            return Spans(spans=spans, gaps=_gaps(store, day), shared=_shared(ranges))
        spans = wider


def _ranges(
    store: "Store", where: str, parameters: dict[str, object]
) -> list[tuple[int, int, int]]:
    rows = store.ask(
        "SELECT node, first, next FROM (SELECT node, first, next, received_at_min AS low, "  # noqa: S608 (ours)
        f"received_at_max AS high FROM m.batches FINAL) WHERE {where} ORDER BY first, next",
        parameters,
    ).rows
    return [(number(node), number(first), number(last)) for node, first, last in rows]


def _joined(ranges: list[tuple[int, int, int]]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for _, first, last in sorted(ranges, key=lambda each: each[1:]):
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], last))
        else:
            spans.append((first, last))
    return tuple(spans)


def _shared(ranges: list[tuple[int, int, int]]) -> bool:
    end = 0
    for _, first, last in sorted(ranges, key=lambda each: each[1:]):
        if first < end:
            return True
        end = max(end, last)
    return False


def _gaps(store: "Store", day: date) -> tuple[Gap, ...]:
    """Before each range of the day; a journal that was begun anew leaves none."""
    rows = store.ask(
        "SELECT node, before, first FROM (SELECT node, first, received_at_min AS low, "
        "received_at_max AS high, lagInFrame(next, 1, first) OVER "
        "(PARTITION BY node ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) "
        "AS before FROM m.batches FINAL) "
        "WHERE before < first AND {day:Date} BETWEEN toDate(low) AND toDate(high) "
        "AND NOT (first % {step:UInt64} = 0 "
        "AND intDiv(first, {step:UInt64}) <= toUnixTimestamp(low)) "
        "ORDER BY node, first",
        {"day": day, "step": POSITIONS_A_SECOND},
    ).rows
    return tuple(
        Gap(node=number(node), first=number(before), next=number(first))
        for node, before, first in rows
    )
