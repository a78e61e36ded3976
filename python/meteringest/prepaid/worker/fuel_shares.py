"""Fuel adjustments of a batch: a notice becomes an amount of each account for a whole month."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from meteringest.prepaid.calendar import days_in_month, month_start
from meteringest.prepaid.fuel import FuelNotice, FuelShare, fuel_share
from meteringest.prepaid.tariff import FUEL, Tariff
from meteringest.prepaid.worker.book import Book, date_of, day_number
from meteringest.prepaid.worker.ports import Engine, Fields, Ints, fetch_among
from meteringest.prepaid.worker.writing import Writing

Base = tuple[Ints, Ints]


class FuelShares:
    """Of the accounts of one batch, by their rows."""

    def __init__(self, engine: Engine, book: Book, places: Ints, writing: Writing) -> None:
        """Nothing is asked unless there is a notice for the month."""
        self._engine = engine
        self._rules = book.rules
        self._accounts = book.accounts[places]
        self._writing = writing
        self._bases: dict[date, Base] = {}
        self._amounts: dict[tuple[str, str, date], Ints] = {}

    def amounts(self, rows: Ints, tariff: Tariff, day: int) -> Ints:
        """What the month's notices come to, in micro-units."""
        total = np.zeros(len(rows), dtype=np.int64)
        for notice in self._rules.fuel(tariff.name, date_of(day)):
            total += self._of(notice, tariff)[rows]
        return total

    def shares(self, rows: Ints, tariff: Tariff, day: int) -> list[list[FuelShare]]:
        """The same, notice by notice."""
        notices = self._rules.fuel(tariff.name, date_of(day))
        return [
            [
                FuelShare(notice=notice.name, amount=int(self._of(notice, tariff)[row]))
                for notice in notices
            ]
            for row in rows.tolist()
        ]

    def _of(self, notice: FuelNotice, tariff: Tariff) -> Ints:
        key = (notice.name, tariff.id, notice.charge_month)
        if key not in self._amounts:
            amount, energy = self._base(month_start(notice.base_month))
            rule = tariff.rule(FUEL)
            self._amounts[key] = np.array(
                [
                    fuel_share(notice, *each, rule).amount
                    for each in zip(amount.tolist(), energy.tolist(), strict=True)
                ],
                dtype=np.int64,
            )
        return self._amounts[key]

    def _base(self, month: date) -> Base:
        """What each account's energy charge of the month is now."""
        if month not in self._bases:
            self._writing.finish()
            first = day_number(month)
            sql = _BASE.format(first=first, after=first + days_in_month(month), among="{among}")
            found = fetch_among(self._engine, sql, _FIELDS, "account", self._accounts)
            self._bases[month] = (
                self._spread(found["account"], found["amount"]),
                self._spread(found["account"], found["energy"]),
            )
        return self._bases[month]

    def _spread(self, accounts: Ints, column: Ints) -> Ints:
        order = np.argsort(self._accounts)
        spread = np.zeros(len(order), dtype=np.int64)
        at = np.searchsorted(self._accounts, accounts, sorter=order)
        own = at < len(order)
        own[own] = self._accounts[order[at[own]]] == accounts[own]
        spread[order[at[own]]] = column[own]
        return spread


def adjusted_months(notices: Sequence[FuelNotice]) -> list[tuple[int, int]]:
    """Of each notice the last day of its base month and of the month it is charged in."""
    return [(_last(each.base_month), _last(each.charge_month)) for each in notices]


def _last(month: date) -> int:
    return day_number(month_start(month)) + days_in_month(month) - 1


_FIELDS: Fields = (("account", "<u8"), ("amount", "<i8"), ("energy", "<i8"))
_BASE = """
SELECT
    account,
    toDecimal64(sum(arraySum(arrayFilter((a, c) -> c = 'energy', amounts, components))), 6),
    toInt64(sum(energy_uwh))
FROM m.charge_days FINAL
WHERE day >= toDate(toUInt16({first})) AND day < toDate(toUInt16({after})) AND {among}
GROUP BY account"""
