"""Whether all that came in on a day still stands in the tables: counted, not believed.

The ledger says what became of each frame and read. That it adds up proves nothing of the tables,
so the rows that stand there are counted as well, over the ranges of positions the writer stored.

Rule 1: one position, one row: a read counts once, wherever its versions stand and however often.
Rule 2: only what m.batches calls stored is looked at, so a writer at work changes no answer.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from meteringest.errors import StoreRefused
from meteringest.store.queries import number, stored
from meteringest.store.spans import Gap, Spans, spans_of

if TYPE_CHECKING:  # whoever only reads the structs need not load the engine
    from meteringest.store.clickhouse import Store

LEDGER = (
    *("frames", "frames_accepted", "frames_quarantined", "frames_duplicate"),
    *("reads", "reads_stored", "reads_quarantined", "reads_duplicate", "reads_changed"),
)


class Ledger(Struct, frozen=True, kw_only=True):
    """Sums of m.intake_ledger."""

    frames: int = 0
    frames_accepted: int = 0
    frames_quarantined: int = 0
    frames_duplicate: int = 0
    reads: int = 0
    reads_stored: int = 0
    reads_quarantined: int = 0
    reads_duplicate: int = 0
    reads_changed: int = 0

    @property
    def frames_missing(self) -> int:
        """What the sum leaves over."""
        outcomes = self.frames_accepted + self.frames_quarantined + self.frames_duplicate
        return self.frames - outcomes

    @property
    def reads_missing(self) -> int:
        """What the sum leaves over."""
        return self.reads - self.reads_stored - self.reads_quarantined - self.reads_duplicate

    @property
    def rejects(self) -> int:
        """Rows of m.rejects that these counts promise."""
        return self.frames_quarantined + self.reads_quarantined


class Rejects(Struct, frozen=True, kw_only=True):
    """Rows of m.rejects, by what the ledger knows of them."""

    counted: int = 0
    perhaps: int = 0
    """Blocks of a message that never became whole: some were counted, some when they came."""
    unkept: int = 0
    """Past the limit of a peer: only their number was kept."""

    def beyond(self, promised: int) -> int:
        """Rows missing (above 0) or too many (below 0)."""
        least = self.counted + self.unkept
        return max(0, promised - least - self.perhaps) + min(0, promised - least)


class DcuDay(Struct, frozen=True, kw_only=True):
    """One concentrator: its day by the ledger, its rows in the ranges that touch the day."""

    dcu: int
    day: Ledger
    reads_promised: int
    reads_found: int
    rejects_promised: int
    rejects_found: int
    rejects_missing: int

    @property
    def reads_missing(self) -> int:
        """Reads of the ranges that stand in no table (above 0), or that nobody counted (below)."""
        return self.reads_promised - self.reads_found


class Waiting(Struct, frozen=True, kw_only=True):
    """Positions that are safe in the journal, and that no range in m.batches holds yet."""

    node: int
    first: int
    next: int
    ahead: tuple[int, int] | None = None
    """Of these, what stands in the tables before its turn: the newest first."""

    def __str__(self) -> str:
        """What is not looked at, and why."""
        rows = self.next - self.first
        said = (
            f"node {self.node}: positions {self.first} to {self.next} ({rows} rows) "
            "wait in the journal and are not counted here"
        )
        if self.ahead is None:
            return said
        first, until = self.ahead
        return f"{said}; {first} to {until} of them ({until - first} rows) are in the tables"


class Conservation(Struct, frozen=True, kw_only=True):
    """The report; `problems` is empty when everything stands to the read."""

    day: date
    dcus: tuple[DcuDay, ...]
    ranges: tuple[tuple[int, int], ...]
    gaps: tuple[Gap, ...]
    problems: tuple[str, ...]
    waiting: tuple[Waiting, ...] = ()


def conservation(
    store: "Store", day: date, dcu: str = "", waiting: Waiting | None = None
) -> Conservation:
    """One UTC day; `dcu` is a number or a name, nothing for all.

    `waiting` is what the journal had for the store before this was asked.
    """
    only = _number_of(store, dcu) if dcu else None
    # Before the ranges: the writer may be at work.
    mark = stored(store, waiting.node) if waiting else 0
    spans = spans_of(store, day)
    ledgers = _ledgers(store, spans, day)
    reads = _reads(store, spans)
    rejects = _rejects(store, spans)
    numbers = sorted(ledgers.keys() | reads.keys() | rejects.keys())
    dcus = tuple(
        _dcu_day(number, ledgers.get(number, _NO_LEDGER), reads.get(number, 0), rejects)
        for number in numbers
        if only in {None, number}
    )
    shown = tuple(each for each in dcus if each.day != Ledger() or _amiss(each))
    return Conservation(
        day=day,
        dcus=shown,
        ranges=spans.spans,
        gaps=spans.gaps,
        problems=(
            *_problems(dcus, unkept=any(each.unkept for each in rejects.values())),
            *(str(gap) for gap in spans.gaps),
            *_strays(store, spans, day),
        ),
        waiting=_still(waiting, mark, spans) if waiting else (),
    )


def _still(waiting: Waiting, mark: int, spans: Spans) -> tuple[Waiting, ...]:
    """What lies past the ranges that are counted."""
    mark = max([mark, *(end for begin, end in spans.spans if begin <= mark < end)])
    first = max(waiting.first, mark)
    ahead = waiting.ahead if waiting.ahead and first <= waiting.ahead[0] else None
    left = structs.replace(waiting, first=first, ahead=ahead)
    return (left,) if first < waiting.next else ()


def _number_of(store: "Store", dcu: str) -> int:
    if dcu.isdecimal():
        return int(dcu)
    found = store.ask("SELECT dcu FROM m.dcus FINAL WHERE name = {name:String}", {"name": dcu}).rows
    if not found:
        raise StoreRefused(store.where, f"no concentrator {dcu!r}: `meteringest dcus list`")
    return number(found[0][0])


def _ledgers(store: "Store", spans: Spans, day: date) -> dict[int, tuple[Ledger, Ledger]]:
    """Of each concentrator: its day, and everything in the ranges."""
    of_day = ", ".join(f"toUInt64(sumIf(l.{name}, l.day = '{day}'))" for name in LEDGER)
    of_all = ", ".join(f"toUInt64(sum(l.{name}))" for name in LEDGER)
    rows = store.ask(
        f"SELECT l.dcu, {of_day}, {of_all} FROM m.intake_ledger AS l FINAL "  # noqa: S608 (ours)
        f"WHERE {spans.holding('l.position')} GROUP BY l.dcu"
    ).rows
    return {
        number(dcu): (_ledger(sums[: len(LEDGER)]), _ledger(sums[len(LEDGER) :]))
        for dcu, *sums in rows
    }


def _ledger(sums: Sequence[object]) -> Ledger:
    return Ledger(**dict(zip(LEDGER, map(number, sums), strict=True)))


def _reads(store: "Store", spans: Spans) -> dict[int, int]:
    """Positions of reads that stand in a table. Bitmaps of positions take a bit or two a read.

    A superseded version that no merge has dropped yet does not stand: only the history keeps it.
    """
    distinct = "uniqExact(meter, interval_start, ver)" if spans.shared else "groupBitmap(ver)"
    within = spans.holding("ver")
    # FINAL is dear where it need not be: the times are found without, and bound it.
    ((low, high),) = store.ask(
        "SELECT toUnixTimestamp(min(interval_start)), toUnixTimestamp(max(interval_start)) "  # noqa: S608 (ours)
        f"FROM m.reads WHERE {within}"
    ).rows
    rows = store.ask(
        f"SELECT dcu, toUInt64({distinct}) FROM ("  # noqa: S608 (ours)
        "SELECT dcu, meter, interval_start, ver FROM m.reads FINAL WHERE interval_start "
        f"BETWEEN toDateTime({low}, 'UTC') AND toDateTime({high}, 'UTC') AND {within} "
        f"UNION ALL SELECT dcu, meter, interval_start, ver FROM m.read_history WHERE {within}"
        ") GROUP BY dcu"
    ).rows
    return {number(dcu): number(count) for dcu, count in rows}


def _rejects(store: "Store", spans: Spans) -> dict[int, Rejects]:
    block = "layer = 'block_transfer' AND offset = 2"
    summary = "layer = 'link' AND kind = 'too_many' AND raw = ''"
    rows = store.ask(
        f"SELECT dcu, countIf(NOT ({block}) AND NOT ({summary})), "  # noqa: S608 (ours)
        f"countIf({block}), toUInt64(sumIf(offset, {summary})) "
        f"FROM m.rejects FINAL WHERE {spans.holding('position')} GROUP BY dcu"
    ).rows
    return {
        number(dcu): Rejects(counted=number(counted), perhaps=number(some), unkept=number(unkept))
        for dcu, counted, some, unkept in rows
    }


def _dcu_day(
    dcu: int, ledgers: tuple[Ledger, Ledger], reads_found: int, rejects: Mapping[int, Rejects]
) -> DcuDay:
    day, whole = ledgers
    found = rejects.get(dcu, Rejects())
    return DcuDay(
        dcu=dcu,
        day=day,
        reads_promised=whole.reads_stored,
        reads_found=reads_found,
        rejects_promised=whole.rejects,
        rejects_found=found.counted + found.perhaps + found.unkept,
        rejects_missing=found.beyond(whole.rejects),
    )


def _amiss(each: DcuDay) -> bool:
    return bool(each.reads_missing or each.rejects_missing)


def _problems(dcus: Sequence[DcuDay], *, unkept: bool) -> tuple[str, ...]:
    said: list[str] = []
    for each in dcus:
        for what, missing in (
            ("frames of the ledger are in none of its sums", each.day.frames_missing),
            ("reads of the ledger are in none of its sums", each.day.reads_missing),
            ("reads are in no table", each.reads_missing),
            # What was only counted stands with one concentrator of its peer, for all of them.
            ("rejects are in no table", 0 if unkept else each.rejects_missing),
        ):
            if missing:
                extra = "" if missing > 0 else " (below 0: nobody counted these)"
                said.append(f"concentrator {each.dcu}: {missing} {what}{extra}")
    if unkept and (missing := sum(each.rejects_missing for each in dcus)):
        said.append(f"all concentrators: {missing} rejects are in no table")
    return tuple(said)


def _strays(store: "Store", spans: Spans, day: date) -> tuple[str, ...]:
    """Ledger rows of the day that no stored range holds, though all nodes are past them."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    ((low,),) = store.ask(
        "SELECT min(stored) FROM m.watermark_v WHERE stored_at >= {at:DateTime64(3, 'UTC')}",
        {"at": (midnight - timedelta(days=1)).replace(tzinfo=None)},
    ).rows
    rows = store.ask(
        "SELECT count(), min(position) FROM m.intake_ledger FINAL "  # noqa: S608 (ours)
        "WHERE day = {day:Date} AND position < {low:UInt64} "
        f"AND NOT ({spans.holding('position')})",
        {"day": day, "low": number(low)},
    ).rows
    count, first = map(number, rows[0])
    return (f"{count} ledger rows from position {first} on are in no stored range",) * bool(count)


_NO_LEDGER = (Ledger(), Ledger())
