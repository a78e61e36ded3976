"""What a day of one account is charged from, read out of the store as the workers read it."""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec
import numpy as np
from msgspec import Struct

from meteringest.errors import InvariantError
from meteringest.prepaid.calendar import days_in_month
from meteringest.prepaid.charges import AccountDay
from meteringest.prepaid.fuel import FuelShare, fuel_share
from meteringest.prepaid.ledger.ports import money, whole
from meteringest.prepaid.ledger.rules import Rules
from meteringest.prepaid.ledger.terms import Terms
from meteringest.prepaid.reads import MeterLink
from meteringest.prepaid.state import MonthToDate
from meteringest.prepaid.tariff import FUEL, Tariff
from meteringest.prepaid.worker.alone import load_reads, registers_of
from meteringest.prepaid.worker.book import day_number, start_s
from meteringest.prepaid.worker.closing import read_back
from meteringest.prepaid.worker.midnight import load_midnights
from meteringest.prepaid.worker.ports import Engine


class Account(Struct, frozen=True):
    """What an account is charged by, whatever the day."""

    number: int
    terms: Terms
    links: Sequence[MeterLink]
    offset_min: int


def charged_day(
    engine: Engine, rules: Rules, account: Account, day: date, *, over: bool
) -> tuple[AccountDay, MonthToDate]:
    """The day with its reads, and the month to date it opens with."""
    number, terms = day_number(day), account.terms
    low, high = (start_s(each, account.offset_min) for each in (number, number + 1))
    links = [each for each in account.links if each.from_s < high and low < each.to_s]
    meters = np.array(sorted({each.meter for each in links}), dtype=np.int64)
    reads = load_reads(engine, meters, (number, number + 1), account.offset_min)
    tariff = None if terms.closed else rules.tariff(terms.tariff, day)
    asked = AccountDay(
        account=account.number,
        day=day,
        tariff=tariff,
        calendar=rules.calendar(tariff.calendar, day) if tariff is not None else None,
        payment=terms.payment,
        load_w=terms.load_w,
        reads=reads.between(meters.tolist(), low, high),
        links=links,
        fuel=_fuel(engine, rules, account.number, tariff, day) if tariff is not None else (),
        over=over,
    )
    if over and tariff is not None:
        midnights = load_midnights(engine, meters, (number, number + 1), account.offset_min)
        settled = registers_of(midnights, links, (low, high), tariff)
        asked = msgspec.structs.replace(asked, registers=settled)
    return asked, _opening(engine, rules, account.number, day)


def _opening(engine: Engine, rules: Rules, account: int, day: date) -> MonthToDate:
    answer = engine.ask(
        "SELECT hex(closing) FROM m.charge_closings FINAL WHERE account = {account:UInt64} "
        "AND day = {day:Date}",
        {"account": account, "day": day - timedelta(days=1)},
    )
    raw = bytes.fromhex(str(answer.rows[0][0])) if answer.rows else b""
    found = read_back(raw, account, day, rules.tariff_of)
    if found is None:
        raise InvariantError("charges", f"account {account} opens {day} unreadably")
    return msgspec.structs.replace(found, account=account, next_day=day)


def _fuel(engine: Engine, rules: Rules, account: int, tariff: Tariff, day: date) -> list[FuelShare]:
    """The month's notices, of what the base month's energy cost."""
    shares = []
    for notice in rules.fuel(tariff.name, day):
        last = notice.base_month + timedelta(days=days_in_month(notice.base_month) - 1)
        ((amount, energy),) = engine.ask(
            "SELECT sum(arraySum(arrayFilter((a, c) -> c = 'energy', amounts, components))), "
            "sum(energy_uwh) FROM m.charge_days FINAL WHERE account = {account:UInt64} "
            "AND day BETWEEN {first:Date} AND {last:Date}",
            {"account": account, "first": notice.base_month, "last": last},
        ).rows
        shares.append(fuel_share(notice, money(amount), whole(energy), tariff.rule(FUEL)))
    return shares
