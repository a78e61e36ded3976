"""One account's day charged read by read: what columns cannot say, and what cannot be charged."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from meteringest.prepaid.charges import AccountDay, DayCharges, charge_day
from meteringest.prepaid.reads import Held, MeterLink, Quality, Read, Register
from meteringest.prepaid.state import MonthToDate
from meteringest.prepaid.tariff import Basis, ExportMode, Tariff
from meteringest.prepaid.worker.book import Book, start_s
from meteringest.prepaid.worker.figures import Serving
from meteringest.prepaid.worker.midnight import Midnights
from meteringest.prepaid.worker.packing import Bytes
from meteringest.prepaid.worker.ports import Engine, Fields, Ints, fetch_among
from meteringest.prepaid.worker.rows import KIND_ORDER, Piece
from meteringest.prepaid.worker.sums import APPARENT_BIT, EXPORT_BIT, IMPORT_BIT


class ReadsOf(Struct, frozen=True):
    """Every newest read of some meters and days, by meter and time."""

    rows: NDArray[np.void]

    def between(self, meters: Iterable[int], low_s: int, high_s: int) -> list[Read]:
        """Those of `meters` that begin in [low_s, high_s)."""
        keys = (self.rows["meter"].astype(np.int64) << 32) + self.rows["start_s"]
        found: list[Read] = []
        for meter in meters:
            begin, end = np.searchsorted(keys, [(meter << 32) + low_s, (meter << 32) + high_s])
            found += [_read(row) for row in self.rows[begin:end].tolist()]
        return found


def load_reads(engine: Engine, meters: Ints, days: tuple[int, int], offset_min: int) -> ReadsOf:
    """Of local days from the first to before the second."""
    sql = _READS.format(
        low=start_s(days[0], offset_min), high=start_s(days[1], offset_min), among="{among}"
    )
    return ReadsOf(np.sort(fetch_among(engine, sql, _FIELDS, "meter", meters)))


def links_of(book: Book, served: Serving, owner: int) -> list[MeterLink]:
    """The links that serve one account on the day."""
    links = book.links
    return [
        MeterLink(
            meter=int(links.meter[link]),
            from_s=int(links.from_s[link]),
            to_s=int(links.to_s[link]),
            multiplier_ppm=int(links.multiplier_ppm[link]),
        )
        for link in served.link[served.owner == owner].tolist()
    ]


def registers_of(
    midnights: Midnights, links: Sequence[MeterLink], day_s: tuple[int, int], tariff: Tariff
) -> list[Register]:
    """Of meters that served the account all day, where every register the tariff asks is there."""
    wanted = ["vah" if tariff.basis is Basis.KVAH else "wh"]
    wanted += ["exp_wh"] if tariff.export.mode is not ExportMode.NONE else []
    found = []
    for link in links:
        if link.from_s > day_s[0] or link.to_s < day_s[1]:
            continue
        ends = [midnights.find(np.array([link.meter]), at_s) for at_s in day_s]
        if not all(there[0] for _, there in ends):
            continue
        first, last = (midnights.rows[at[0]] for at, _ in ends)
        if all(row[f"has_{name}"] for row in (first, last) for name in wanted):
            found.append(
                Register(
                    meter=link.meter,
                    opening_wh=int(first["wh"]),
                    closing_wh=int(last["wh"]),
                    opening_vah=int(first["vah"]),
                    closing_vah=int(last["vah"]),
                    opening_exp_wh=int(first["exp_wh"]),
                    closing_exp_wh=int(last["exp_wh"]),
                )
            )
    return found


class Alone(Struct, frozen=True):
    """The row of one account's day, and the state after it."""

    piece: Piece
    closing: MonthToDate


def charge_alone(day: AccountDay, opening: MonthToDate, number: int, made_from: int) -> Alone:
    """`number` counts days from 1970; the closing still has to be put in."""
    done = charge_day(day, opening)
    charged = _charged(day, done) if day.tariff is not None else []
    lines = _lines(done, day.tariff)
    piece = Piece(
        accounts=np.array([day.account], dtype=np.uint64),
        day=number,
        payment=day.payment,
        tariff=day.tariff.id if day.tariff is not None and not _unpriced(done) else "",
        lines=list(lines),
        amounts=np.array([[amount for amount, _ in lines.values()]], dtype=np.int64),
        energies=np.array([[energy for _, energy in lines.values()]], dtype=np.int64),
        reads=np.array([len(charged)]),
        estimated=np.array([sum(each.quality is Quality.ESTIMATED for each in charged)]),
        held=said(done.held),
        over=day.over,
        up_to=np.array([max((each.start_s + each.interval_s for each in charged), default=0)]),
        closing=NO_CLOSING,
        made_from=np.array([made_from]),
    )
    return Alone(piece, done.closing)


def said(held: Iterable[Held]) -> list[str]:
    """Reasons, each with how often, in the order of the alphabet; a day's own stands alone."""
    counts: dict[str, int] = {}
    for each in held:
        counts[each.reason] = counts.get(each.reason, 0) + (1 if each.meter else 0)
    return [words(reason, count) for reason, count in sorted(counts.items())]


def words(reason: str, count: int) -> str:
    """As it stands in m.charge_days.held."""
    return f"{reason} {count}" if count else reason


def _unpriced(done: DayCharges) -> bool:
    return not done.lines and any(not each.meter for each in done.held)


def _charged(day: AccountDay, done: DayCharges) -> list[Read]:
    """The newest reads that were not held."""
    if _unpriced(done):
        return []
    held = {(each.meter, each.start_s) for each in done.held}
    return [each for each in day.reads if (each.meter, each.start_s) not in held]


def _lines(done: DayCharges, tariff: Tariff | None) -> Mapping[tuple[str, str], tuple[int, int]]:
    """Amount and energy by kind and component, in the order in which columns have them."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for line in done.lines:
        amount, energy = sums.get((line.kind, line.component), (0, 0))
        sums[line.kind, line.component] = (amount + line.amount, energy + line.energy_uwh)
    order = tariff.components if tariff is not None else ()
    names = sorted(sums, key=lambda each: (KIND_ORDER.index(each[0]), order.index(each[1])))
    return {name: sums[name] for name in names if sums[name] != (0, 0)}


def _read(row: tuple[int, ...]) -> Read:
    meter, start, interval_s, imp_wh, exp_wh, imp_vah, present, quality, ver = row
    return Read(
        meter=meter,
        start_s=start,
        interval_s=interval_s,
        imp_wh=imp_wh if present >> IMPORT_BIT & 1 else None,
        exp_wh=exp_wh if present >> EXPORT_BIT & 1 else None,
        imp_vah=imp_vah if present >> APPARENT_BIT & 1 else None,
        quality=Quality(quality),
        ver=ver,
    )


NO_CLOSING: Bytes = np.zeros((1, 0), dtype=np.uint8)
_FIELDS: Fields = (
    ("meter", "<u4"),
    ("start_s", "<u4"),
    ("interval_s", "<u2"),
    ("imp_wh", "<u4"),
    ("exp_wh", "<u4"),
    ("imp_vah", "<u4"),
    ("present", "<u2"),
    ("quality", "u1"),
    ("ver", "<u8"),
)
_READS = """
SELECT meter, toUInt32(interval_start), interval_s, imp_wh, exp_wh, imp_vah, present, quality, ver
FROM m.reads FINAL
WHERE interval_start >= toDateTime({low}, 'UTC') AND interval_start < toDateTime({high}, 'UTC')
    AND {among}"""
