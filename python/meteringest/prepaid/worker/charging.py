"""A batch of accounts charged day after day: sums from the store, tariff in columns, rows out.

Rule 1: what a row says is a function of the inputs; columns and charge_day give the same row.
Rule 2: every day of the plan is written, also where nothing seems to have changed: an older result
of another worker may stand there.
"""

import msgspec
import numpy as np
from msgspec import Struct

from meteringest.errors import InvariantError
from meteringest.prepaid.bulk import BulkCharges, Columns, bands_today, charge_accounts, refusal
from meteringest.prepaid.bulk_state import FITS
from meteringest.prepaid.charges import AccountDay
from meteringest.prepaid.lines import Kind
from meteringest.prepaid.money import UWH_PER_WH
from meteringest.prepaid.state import MonthToDate
from meteringest.prepaid.tariff import ENERGY, ExportMode, Tariff
from meteringest.prepaid.worker.alone import (
    ReadsOf,
    links_of,
    load_reads,
    registers_of,
    words,
)
from meteringest.prepaid.worker.book import Book, date_of, start_s
from meteringest.prepaid.worker.closing import (
    carried,
    followed,
    has_surplus,
    openings,
    read_back,
)
from meteringest.prepaid.worker.figures import (
    HELD,
    REASONS,
    Figures,
    Gathering,
    Seen,
    Serving,
    serving,
)
from meteringest.prepaid.worker.fitting import OUT_OF_RANGE, charge_fitting, one
from meteringest.prepaid.worker.fuel_shares import FuelShares
from meteringest.prepaid.worker.groups import Group, groups
from meteringest.prepaid.worker.openings import States, load_states
from meteringest.prepaid.worker.packing import large, masks, pack, width
from meteringest.prepaid.worker.plan import Plan, month_ends
from meteringest.prepaid.worker.ports import Engine, Ints, distinct
from meteringest.prepaid.worker.rows import LineName, Piece, shapes
from meteringest.prepaid.worker.sums import PLAIN, Channels
from meteringest.prepaid.worker.writing import Writing


class Day(Struct, frozen=True):
    """The day that is being charged."""

    number: int
    over: bool
    seen: Seen


class Charging:
    """One batch."""

    def __init__(
        self, engine: Engine, book: Book, plan: Plan, offset_min: int, writing: Writing
    ) -> None:
        """The states are loaded here; the days are charged by `charge`."""
        self._engine = engine
        self._book = book
        self._plan = plan
        self._offset_min = offset_min
        self._writing = writing
        self._accounts = book.accounts[plan.places]
        self._first, self._until = plan.first.copy(), plan.until.copy()
        self._states = States(len(plan.places))
        self._fuel = FuelShares(engine, book, plan.places, writing)
        self.alone = 0
        self._open()

    @property
    def days(self) -> tuple[int, int]:
        """The first day and the day after the last, as far as is known."""
        return int(self._first.min()), int(self._until.max()) + 1

    def meters(self) -> Ints:
        """Every meter that ever served an account of the batch."""
        links = self._book.links
        return distinct(links.meter[np.isin(links.account, self._plan.places)])

    def charge(self, day: Day) -> int:
        """Charges one day of every account whose plan holds it; returns how many there are."""
        self._states.turn()
        active = np.flatnonzero((self._first <= day.number) & (day.number <= self._until))
        for group in groups(self._book, self._plan.places, active, day.number):
            if group.tariff is None:
                self._charge_nothing(group, day)
            else:
                self._charge_group(group, group.tariff, day)
        self._carry_on(active, day.number)
        self._writing.ended_day()
        return len(active)

    def _load(self, states: States, rows: Ints, day: int) -> Ints:
        longest = max((width(each) for each in self._book.rules.tariffs), default=1)
        return load_states(self._engine, states, (self._accounts, rows), day, longest)

    def _open(self) -> None:
        """States before the first day; an account whose day before has none begins anew."""
        begin = self._book.first_day[self._plan.places]
        for first in distinct(self._first[self._first > begin]).tolist():
            rows = np.flatnonzero((self._first == first) & (self._first > begin))
            closed = self._load(self._states, rows, first - 1)
            lost = rows[~np.isin(rows, closed)]
            self._first[lost] = begin[lost]
            self._states.begin(lost)

    def _figures(self, rows: Ints, day: Day, group: Group) -> tuple[Figures, Serving]:
        tariff = group.tariff
        bands = bands_today(tariff, date_of(day.number), group.calendar) if tariff else None
        served = serving(self._book, self._plan.places[rows], day.number, self._offset_min)
        channels = Channels.of(tariff) if tariff is not None else PLAIN
        gathering = Gathering(self._book, day.seen, served, channels)
        found = gathering.figures(len(rows), day.number, bands)
        if day.over:
            gathering.settle(found, day.number, self._offset_min)
        return found, served

    def _charge_group(self, group: Group, tariff: Tariff, day: Day) -> None:
        rows = group.rows
        figures, served = self._figures(rows, day, group)
        fuel = self._fuel.amounts(rows, tariff, day.number)
        by_columns = refusal(tariff) is None
        states = openings(self._states.take(rows), tariff, group.load_w, self._book.rules.tariff_of)
        states.scalar |= figures.odd | (not by_columns)
        if self._states.unpacked:
            states.scalar |= np.isin(rows, list(self._states.unpacked))
        charged = charge_accounts(
            tariff,
            group.payment,
            (date_of(day.number), group.calendar),
            Columns(
                bands=figures.bands,
                settlement=figures.settlement,
                export=figures.export,
                settlement_export=figures.settlement_export,
                load_w=group.load_w,
                demand_w=figures.demand_w,
                demand_va=figures.demand_va,
                fuel=fuel,
            ),
            states,
            over=day.over,
        )
        energies = _energies(tariff, figures)
        limit = FITS // UWH_PER_WH
        for moved in energies.values():
            charged.scalar[np.abs(moved) > limit] = True
        charged.scalar[large(tariff, charged.closing, group.load_w)] = True
        if not charged.scalar.all():
            self._keep(group, tariff, day, charged, figures)
        alone = np.flatnonzero(charged.scalar)
        if len(alone):
            self._charge_alone(group, alone, day, (figures, served))

    def _keep(
        self, group: Group, tariff: Tariff, day: Day, charged: BulkCharges, figures: Figures
    ) -> None:
        tomorrow = date_of(day.number + 1)
        closing = followed(charged.closing, tomorrow)
        mask = masks(tariff, closing)
        counts = np.stack([figures.counts[name] for name in HELD], axis=1)
        said, held = counts[:1], np.zeros(len(counts), dtype=np.int64)
        if counts.any():
            said, held = np.unique(counts, axis=0, return_inverse=True)
        energies = {name: moved * UWH_PER_WH for name, moved in _energies(tariff, figures).items()}
        held = held.reshape(-1)
        kinds = np.searchsorted(distinct(mask), mask) * len(said) + held
        for lines, rows, amounts, energy in shapes(charged, tariff.components, energies, kinds):
            found = said[held[rows[0]]].tolist()
            packed = pack(tariff, closing, group.load_w, int(mask[rows[0]]), rows)
            self._states.put_packed(group.rows[rows], packed)
            self._writing.add(
                Piece(
                    accounts=self._accounts[group.rows[rows]],
                    day=day.number,
                    payment=group.payment,
                    tariff=tariff.id,
                    lines=lines,
                    amounts=amounts,
                    energies=energy,
                    reads=figures.counts["reads"][rows],
                    estimated=figures.counts["estimated"][rows],
                    held=sorted(words(r, n) for r, n in zip(REASONS, found, strict=True) if n),
                    over=day.over,
                    up_to=figures.up_to[rows],
                    closing=packed,
                    made_from=figures.newest[rows],
                )
            )

    def _charge_alone(
        self, group: Group, alone: Ints, day: Day, gathered: tuple[Figures, Serving]
    ) -> None:
        tariff = group.tariff
        if tariff is None:
            return
        figures, served = gathered
        low, high = (start_s(each, self._offset_min) for each in (day.number, day.number + 1))
        reads = self._reads_of(served, alone, day.number)
        shares = self._fuel.shares(group.rows[alone], tariff, day.number)
        for each, share in zip(alone.tolist(), shares, strict=True):
            row = int(group.rows[each])
            links = links_of(self._book, served, each)
            opening = self._opening(row, day.number)
            asked = AccountDay(
                account=int(self._accounts[row]),
                day=date_of(day.number),
                tariff=tariff,
                calendar=group.calendar,
                payment=group.payment,
                load_w=int(group.load_w[each]),
                reads=reads.between({link.meter for link in links}, low, high),
                links=links,
                registers=registers_of(day.seen.midnights, links, (low, high), tariff),
                fuel=share,
                over=day.over,
            )
            newest = int(figures.newest[each])
            piece = charge_fitting(asked, tariff, opening, day.number, newest)
            if piece is None:
                self._hold(group, np.array([row]), day, OUT_OF_RANGE, np.array([newest]))
            else:
                self._states.put(row, piece.closing.tobytes())
                self._writing.add(piece)
            self.alone += 1

    def _charge_nothing(self, group: Group, day: Day) -> None:
        figures, _ = self._figures(group.rows, day, group)
        self._hold(group, group.rows, day, group.reason, figures.newest)

    def _hold(self, group: Group, own: Ints, day: Day, reason: str, newest: Ints) -> None:
        """Parked: a row that says why, and the state as it was."""
        tomorrow = date_of(day.number + 1)
        tariff_of = self._book.rules.tariff_of
        raws: dict[bytes, list[int]] = {}
        for each, row in enumerate(own.tolist()):
            raw = self._states.raw(row)
            if raw:
                raw = carried(raw, int(self._accounts[row]), tomorrow, tariff_of)
                self._states.put(row, raw)
            raws.setdefault(raw, []).append(each)
        for raw, some in raws.items():
            rows = np.array(some)
            nothing = np.zeros((len(rows), 0), dtype=np.int64)
            none = np.zeros(len(rows), dtype=np.int64)
            self._writing.add(
                Piece(
                    accounts=self._accounts[own[rows]],
                    day=day.number,
                    payment=group.payment,
                    tariff="",
                    lines=(),
                    amounts=nothing,
                    energies=nothing,
                    reads=none,
                    estimated=none,
                    held=(reason,),
                    over=day.over,
                    up_to=none,
                    closing=np.repeat(one(raw), len(rows), axis=0),
                    made_from=newest[rows],
                )
            )

    def _opening(self, row: int, day: int) -> MonthToDate:
        account, raw = int(self._accounts[row]), self._states.raw(row)
        found = read_back(raw, account, date_of(day), self._book.rules.tariff_of)
        if found is None:
            raise InvariantError("charges", f"account {account} opens {date_of(day)} unreadably")
        return msgspec.structs.replace(found, account=account, next_day=date_of(day))

    def _reads_of(self, served: Serving, alone: Ints, day: int) -> ReadsOf:
        link = served.link[np.isin(served.owner, alone)]
        meters = distinct(self._book.links.meter[link])
        return load_reads(self._engine, meters, (day, day + 1), self._offset_min)

    def _carry_on(self, active: Ints, day: int) -> None:
        """Energy carried over a month's end, now or before, changes the next month too."""
        rows = active[(self._until[active] == day) & (self._plan.last[active] > day)]
        if not len(rows) or date_of(day + 1).day != 1:
            return
        before = States(len(self._accounts))
        self._load(before, rows, day)
        self._states.turn()
        following = int(month_ends(np.array([day + 1]))[0])
        for row in rows.tolist():
            if has_surplus(before.raw(row)) or has_surplus(self._states.raw(row)):
                self._until[row] = min(int(self._plan.last[row]), following)


def _energies(tariff: Tariff, figures: Figures) -> dict[LineName, Ints]:
    """Wh that each line of energy is for."""
    metered = np.sum(np.stack(figures.bands), axis=0)
    net = tariff.export.mode is ExportMode.NET
    return {
        (Kind.ACCRUAL, ENERGY): metered - figures.export if net else metered,
        (Kind.SETTLEMENT, ENERGY): figures.settlement - (figures.settlement_export if net else 0),
    }
