"""The sums of a day's reads by meter, taken in the store: 48 reads cross over as one row.

Rule 1: what counts and what is held is what metered.py says, so that the sums are its sums.
Rule 2: a day on which that cannot be said of sums (intervals of several lengths, off their grid, or
over midnight) is marked odd, and is charged read by read.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from meteringest.prepaid.tariff import Basis, ExportMode, Tariff
from meteringest.prepaid.time_of_day import Band
from meteringest.prepaid.worker.book import start_s
from meteringest.prepaid.worker.ports import Engine, Fields, Ints, fetch_among

IMPORT_BIT, EXPORT_BIT, APPARENT_BIT = 0, 1, 2
DAY_MIN = 1_440


class Flavour(Struct, frozen=True, order=True, kw_only=True):
    """Which channels a read must have to be charged."""

    apparent: bool
    exports: bool

    @staticmethod
    def of(tariff: Tariff) -> "Flavour":
        """As a tariff demands."""
        exports = tariff.export.mode is not ExportMode.NONE
        return Flavour(apparent=tariff.basis is Basis.KVAH, exports=exports)


PLAIN = Flavour(apparent=False, exports=False)


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
    """Rows by (day, meter), for `flavours` and `cuts`."""

    rows: NDArray[np.void]
    keys: Ints
    flavours: tuple[Flavour, ...]
    cuts: Cuts

    def find(self, meters: Ints, day: int) -> tuple[Ints, NDArray[np.bool_]]:
        """Of each meter its row on that day, and whether there is one."""
        wanted = _key(meters, day)
        at = np.minimum(np.searchsorted(self.keys, wanted), max(len(self.keys) - 1, 0))
        there = self.keys[at] == wanted if len(self.keys) else np.zeros(len(meters), dtype=bool)
        return at, there

    def of(self, flavour: Flavour, field: str) -> Ints:
        """A column of a flavour, for every row."""
        return self.rows[f"{field}_{self.flavours.index(flavour)}"].astype(np.int64)


def load_sums(
    engine: Engine, meters: Ints, days: tuple[int, int], offset_min: int, tariffs: Sequence[Tariff]
) -> Sums:
    """Of local days from the first to before the second."""
    flavours = tuple(sorted({PLAIN, *(Flavour.of(each) for each in tariffs)}))
    cuts = Cuts.of(tariffs)
    own = [_columns(number, each, cuts) for number, each in enumerate(flavours)]
    sql = _SQL.format(
        own="".join(f",\n    {expression}" for columns in own for _, _, expression in columns),
        low=start_s(days[0], offset_min),
        high=start_s(days[1], offset_min),
        offset_s=offset_min * 60,
        among="{among}",
    )
    fields: Fields = (*_FIELDS, *((name, kind) for columns in own for name, kind, _ in columns))
    rows = fetch_among(engine, sql, fields, "meter", meters)
    keys = _key(rows["meter"].astype(np.int64), rows["day"].astype(np.int64))
    order = np.argsort(keys, kind="stable")
    if len(order) and not np.array_equal(order, np.arange(len(order))):
        rows, keys = rows[order], keys[order]
    return Sums(rows, keys, flavours, cuts)


def straddled(cuts: Sequence[int], interval_s: Ints) -> NDArray[np.bool_]:
    """Whether intervals of that length, on their grid from midnight, cross a cut."""
    found = np.zeros(len(interval_s), dtype=bool)
    for minute in cuts:
        found |= (minute * 60) % np.maximum(interval_s, 1) != 0
    return found


def _key(meters: Ints, day: Ints | int) -> Ints:
    return (np.asarray(day, dtype=np.int64) << 32) + meters


def _columns(number: int, flavour: Flavour, cuts: Cuts) -> list[tuple[str, str, str]]:
    billed = "imp_vah" if flavour.apparent else "imp_wh"
    has = f"bitTest(present, {APPARENT_BIT if flavour.apparent else IMPORT_BIT})"
    has += f" AND bitTest(present, {EXPORT_BIT})" if flavour.exports else ""
    ok = f"(fine AND {has})"
    columns = [
        ("reads", "<u2", f"toUInt16(countIf({ok}))"),
        ("estimated", "<u2", f"toUInt16(countIf({ok} AND quality = 1))"),
        ("missing", "<u2", f"toUInt16(countIf(quality <= 2 AND NOT ({has})))"),
        ("up_to", "<u4", f"toUInt32(maxIf(toUInt32(interval_start) + interval_s, {ok}))"),
        ("demand_w", "<u4", f"toUInt32(maxIf(imp_wh, {ok}))"),
        ("demand_va", "<u4", f"toUInt32(maxIf(imp_vah, {ok}))"),
    ]
    if flavour.exports:
        columns.append(("export", "<u8", f"toUInt64(sumIf(exp_wh, {ok}))"))
    for at, (first, until) in enumerate(
        zip(cuts.minutes, (*cuts.minutes[1:], DAY_MIN), strict=True)
    ):
        inside = "" if len(cuts.minutes) == 1 else f" AND minute >= {first} AND minute < {until}"
        columns.append((f"stretch{at}", "<u8", f"toUInt64(sumIf({billed}, {ok}{inside}))"))
    return [(f"{name}_{number}", kind, expression) for name, kind, expression in columns]


_FIELDS: Fields = (
    ("meter", "<u4"),
    ("day", "<i4"),
    ("newest", "<u8"),
    ("suspect", "<u2"),
    ("rejected", "<u2"),
    ("odd", "u1"),
    ("interval_s", "<u2"),
)
_SQL = """
WITH
    toUInt32(interval_start) + {offset_s} AS local_s,
    intDiv(local_s, 60) % 1440 AS minute,
    local_s % 86400 + interval_s <= 86400 AS inside,
    quality <= 2 AND interval_s > 0 AND inside AS fine
SELECT
    meter,
    toInt32(intDiv(local_s, 86400)) AS day,
    max(ver),
    toUInt16(countIf(quality = 3)),
    toUInt16(countIf(quality = 4)),
    toUInt8(
        min(interval_s) != max(interval_s) OR min(interval_s) = 0 OR min(inside) = 0
        OR max(local_s % 86400 % greatest(interval_s, 1)) != 0
    ),
    max(interval_s){own}
FROM m.reads FINAL
WHERE interval_start >= toDateTime({low}, 'UTC') AND interval_start < toDateTime({high}, 'UTC')
    AND {among}
GROUP BY meter, day"""
