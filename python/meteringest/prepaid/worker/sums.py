"""The sums of a day's reads by meter, taken in the store: 48 reads cross over as one row.

Rule 1: what counts and what is held is what metered.py says, so that the sums are its sums.
Rule 2: a day on which that cannot be said of sums is odd and charged read by read: intervals of
several lengths, off their grid, over midnight, or without a channel only another tariff asks for.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from meteringest.prepaid.tariff import Basis, ExportMode, Per, Tariff
from meteringest.prepaid.time_of_day import Band
from meteringest.prepaid.worker.book import start_s
from meteringest.prepaid.worker.ports import Engine, Fields, Ints, ascending, fetch_among

IMPORT_BIT, EXPORT_BIT, APPARENT_BIT = 0, 1, 2
DAY_MIN = 1_440


class Channels(Struct, frozen=True, order=True, kw_only=True):
    """Which channels a read must have to be charged."""

    apparent: bool
    exports: bool
    demanded: int = 0
    """Bits of those that a charge by demand is billed on."""

    @staticmethod
    def of(tariff: Tariff) -> "Channels":
        """As a tariff demands."""
        exports = tariff.export.mode is not ExportMode.NONE
        bits = {Per.KW: 1 << IMPORT_BIT, Per.KVA: 1 << APPARENT_BIT}
        return Channels(
            apparent=tariff.basis is Basis.KVAH,
            exports=exports,
            demanded=sum(bits.get(per, 0) for per in tariff.demands),
        )

    @property
    def bits(self) -> int:
        """Of `present`, as a mask."""
        billed = 1 << (APPARENT_BIT if self.apparent else IMPORT_BIT)
        return billed | (1 << EXPORT_BIT if self.exports else 0) | self.demanded


PLAIN = Channels(apparent=False, exports=False)


class Cuts(Struct, frozen=True):
    """The minutes at which any band of any of the tariffs begins; the day in stretches."""

    minutes: tuple[int, ...]

    @staticmethod
    def of(tariffs: Iterable[Tariff]) -> "Cuts":
        """Of every band of every day type."""
        edges = {
            edge % DAY_MIN for t in tariffs for b in t.bands for edge in (b.from_min, b.to_min)
        }
        return Cuts(tuple(sorted(edges | {0})))

    def within(self, band: Band) -> list[int]:
        """The stretches that lie in the band."""
        return [number for number, minute in enumerate(self.minutes) if band.holds(minute)]


class Sums(Struct, frozen=True):
    """Rows by (day, meter), of reads that have every channel that any of the tariffs asks for.

    `keys` ascend; `order` says where the row of each stands.
    """

    rows: NDArray[np.void]
    keys: Ints
    order: Ints
    bits: int
    cuts: Cuts

    def find(self, meters: Ints, day: int) -> tuple[NDArray[np.void], NDArray[np.bool_]]:
        """The meters' rows of that day, and whether each meter has one."""
        if not len(self.keys):
            return self.rows, np.zeros(len(meters), dtype=bool)
        wanted = _key(meters, day)
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        there = self.keys[at] == wanted
        return self.rows.take(self.order[at[there]]), there


def counts(rows: NDArray[np.void]) -> dict[str, Ints]:
    """How many reads of each row are so."""
    counted = of(rows, "counts")
    least = (1 << COUNT_BITS) - 1
    return {name: counted >> COUNT_BITS * n & least for n, name in enumerate(COUNTS)}


def interval_s(rows: NDArray[np.void]) -> Ints:
    """The length of each row's intervals; 0 where it cannot be said."""
    least, most = of(rows, "shortest"), of(rows, "longest")
    return np.where(least == most, least, 0)


def of(rows: NDArray[np.void], name: str) -> Ints:
    """A column."""
    found: Ints = rows[name].astype(np.int64)
    return found


def load_sums(
    engine: Engine, meters: Ints, days: tuple[int, int], offset_min: int, tariffs: Sequence[Tariff]
) -> Sums:
    """Of local days from the first to before the second."""
    channels = {Channels.of(each) for each in tariffs} or {PLAIN}
    bits = 0
    for each in channels:
        bits |= each.bits
    cuts = Cuts.of(tariffs)
    own = _columns(channels, cuts)
    several = days[1] - days[0] > 1
    sql = _SQL.format(
        day="toInt32(intDiv(local_s, 86400))" if several else f"toInt32({days[0]})",
        by_day=", day" if several else "",
        bits=bits,
        counts=_counts(),
        own="".join(f",\n    {expression}" for _, _, expression in own),
        low=start_s(days[0], offset_min),
        high=start_s(days[1], offset_min),
        offset_s=offset_min * 60,
        settings=_SEVERAL_DAYS if several else _ONE_DAY,
        among="{among}",
    )
    fields: Fields = (*_FIELDS, *((name, kind) for name, kind, _ in own))
    rows = fetch_among(engine, sql, fields, "meter", meters)
    keys = _key(rows["meter"].astype(np.int64), rows["day"].astype(np.int64))
    order = ascending(keys)
    return Sums(rows, keys[order], order, bits, cuts)


def straddled(cuts: Sequence[int], interval_s: Ints) -> NDArray[np.bool_]:
    """Whether intervals of that length, on their grid from midnight, cross a cut."""
    found = np.zeros(len(interval_s), dtype=bool)
    for minute in cuts:
        found |= (minute * 60) % np.maximum(interval_s, 1) != 0
    return found


def _key(meters: Ints, day: Ints | int) -> Ints:
    return (np.asarray(day, dtype=np.int64) << 32) + meters


def _counts() -> str:
    """One sum for all counts of a day, COUNT_BITS each: a function a row less is a fifth saved."""

    def one(name: str) -> int:
        return 1 << COUNT_BITS * COUNTS.index(name)

    return (
        f"sum(ok * ({one('reads')} + (quality = 1) * {one('estimated')}) "
        f"+ (quality = 3) * {one('suspect')} + (quality = 4) * {one('rejected')} "
        f"+ (NOT ok AND quality <= 2) * {one('missing')})"
    )


def _columns(channels: set[Channels], cuts: Cuts) -> list[tuple[str, str, str]]:
    columns = []
    if any(each.exports for each in channels):
        columns.append(("export", "<u8", "sum(ok * exp_wh)"))
    for apparent in sorted({each.apparent for each in channels}):
        billed = "imp_vah" if apparent else "imp_wh"
        ends = (*cuts.minutes[1:], DAY_MIN)
        for at, (first, until) in enumerate(zip(cuts.minutes, ends, strict=True)):
            after = f" * (of_day >= {first * 60})" if first else ""
            before = f" * (of_day < {until * 60})" if until < DAY_MIN else ""
            name = f"{'vah' if apparent else 'wh'}{at}"
            columns.append((name, "<u8", f"sum(ok{after}{before} * {billed})"))
    return columns


COUNTS = ("reads", "estimated", "suspect", "rejected", "missing")
COUNT_BITS = 12
"""A day has 1,440 minutes, and no interval is shorter than one."""
ODD = 1 << 16
_FIELDS: Fields = (
    ("meter", "<u4"),
    ("day", "<i4"),
    ("newest", "<u8"),
    ("shortest", "<u2"),
    ("longest", "<u4"),
    ("counts", "<u8"),
    ("up_to", "<u4"),
    ("demand_w", "<u4"),
    ("demand_va", "<u4"),
)
# Every condition is a factor and nothing is left out row by row (what `greatest` is for), so that
# whole columns are multiplied. In the order of the table a meter's reads lie side by side and are
# added up at once, without a table of meters. Both together halve what the sum of a day costs. One
# thread, as charging and writing the batch before run beside it: two would cost half as much more.
# Of several days, when a worker catches up with reads that are just coming in, parts overlap: to
# merge them in order on one thread made the demo's reads wait 16 s instead of 7.
_ONE_DAY = "max_threads = 1, optimize_aggregation_in_order = 1"
_SEVERAL_DAYS = "max_threads = 2, optimize_aggregation_in_order = 0"
_SQL = """
WITH
    toUInt32(interval_start) + {offset_s} AS local_s,
    local_s % 86400 AS of_day,
    interval_s = 0 OR of_day % greatest(interval_s, 1) != 0 OR of_day + interval_s > 86400 AS odd,
    quality <= 2 AND NOT odd AND bitAnd(present, {bits}) = {bits} AS ok
SELECT
    meter,
    {day} AS day,
    max(ver),
    min(interval_s),
    toUInt32(max(interval_s + if(odd, 65536, 0))),
    {counts},
    toUInt32(max(ok * (toUInt32(interval_start) + interval_s))),
    toUInt32(max(ok * imp_wh)),
    toUInt32(max(ok * imp_vah)){own}
FROM m.reads FINAL
WHERE interval_start >= toDateTime({low}, 'UTC') AND interval_start < toDateTime({high}, 'UTC')
    AND {among}
GROUP BY meter{by_day}
SETTINGS {settings},
    short_circuit_function_evaluation = 'disable'"""
