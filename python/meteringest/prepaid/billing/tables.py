"""Postpaid books out of the store, bills into it.

Rule 1: whether a day is safe to bill is what the read contract says: one definition for us and for
strangers.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TypeVar

from meteringest.columns import rows_block
from meteringest.prepaid.billing.book import Bill, Book, BookEntry, ChargedDay
from meteringest.prepaid.ledger.ports import Engine, Row, day, money, whole
from meteringest.prepaid.ledger.rules import OPEN_DAY
from meteringest.prepaid.ledger.terms import Terms, TermsBook
from meteringest.prepaid.tariff import Payment

T = TypeVar("T")
IST = "Asia/Kolkata"


def postpaid_accounts(engine: Engine, after: int, limit: int) -> list[int]:
    """Accounts above `after` with anything in their postpaid book, in order."""
    answer = engine.ask(_ACCOUNTS, {"after": after, "limit": limit})
    return [whole(row[0]) for row in answer.rows]


def known(engine: Engine, account: int) -> bool:
    """Whether there are terms, a meter or money of the account."""
    ((rows,),) = engine.ask(_KNOWN, {"account": account}).rows
    return whole(rows) > 0


def with_bills_due(engine: Engine, accounts: Sequence[int], on: date) -> list[int]:
    """Those of `accounts` that have a bill past its last day to pay."""
    if not accounts:
        return []
    sql = (
        "SELECT DISTINCT account FROM m.bills "  # noqa: S608 (numbers and a date)
        f"WHERE account IN ({_list(accounts)}) AND due_on < '{on}' ORDER BY account"
    )
    return [whole(row[0]) for row in engine.ask(sql).rows]


def read_books(engine: Engine, terms: TermsBook, accounts: Sequence[int]) -> list[Book]:
    """The postpaid books of `accounts`, in their order."""
    if not accounts:
        return []
    some = _list(accounts)
    days = _by_account(engine, _DAYS.format(accounts=some), _day)
    entries = _by_account(engine, _ENTRIES.format(accounts=some, zone=IST), _entry)
    bills = _by_account(engine, _BILLS.format(accounts=some), _bill)
    return [
        Book(
            account=account,
            days=days.get(account, ()),
            entries=entries.get(account, ()),
            bills=bills.get(account, ()),
            postpaid=list(_postpaid(terms.of(account))),
        )
        for account in accounts
    ]


def _postpaid(rows: Sequence[Terms]) -> Iterator[tuple[date, date]]:
    """From which to which day the terms are postpaid and not closed."""
    ends = [each.effective_from for each in rows[1:]]
    # Money can lie on an account without terms: then there is an end and nothing that ends.
    for each, end in zip(rows, [*ends, OPEN_DAY], strict=False):
        if each.payment is Payment.POSTPAID and not each.closed:
            last = end if end == OPEN_DAY else date.fromordinal(end.toordinal() - 1)
            yield each.effective_from, last


def switches(engine: Engine, first: date, last: date) -> dict[date, tuple[int, int]]:
    """Accounts that were to be disconnected, and those to be reconnected, by local day."""
    answer = engine.ask(_SWITCHES.format(zone=IST), {"first": first, "last": last})
    return {day(row[0]): (whole(row[1]), whole(row[2])) for row in answer.rows}


def insert_bills(engine: Engine, bills: Sequence[Bill], author: str, at_ms: int) -> None:
    """New versions; the same one twice is one row."""
    if not bills:
        return
    rows = [
        (
            each.account,
            each.period_from,
            each.period_to,
            each.number,
            each.tariffs,
            each.components,
            each.amounts,
            each.energy_uwh,
            each.charged,
            each.brought,
            each.received,
            each.due,
            each.issued_on,
            each.due_on,
            author,
            at_ms,
            each.version,
        )
        for each in bills
    ]
    block = rows_block(_COLUMNS, rows)
    engine.insert("m.bills", block, hashlib.sha256(block).hexdigest())


def _by_account(engine: Engine, sql: str, made: Callable[[Row], T]) -> dict[int, list[T]]:
    found: dict[int, list[T]] = {}
    for row in engine.ask(sql).rows:
        found.setdefault(whole(row[0]), []).append(made(row))
    return found


def _day(row: Row) -> ChargedDay:
    return ChargedDay(
        day=day(row[1]),
        tariff=str(row[2]),
        amount=money(row[3]),
        energy_uwh=whole(row[4]),
        components=_texts(row[5]),
        amounts=_amounts(row[6]),
        unsafe=str(row[7]),
    )


def _entry(row: Row) -> BookEntry:
    return BookEntry(day=day(row[1]), kind=str(row[2]), amount=money(row[3]), reference=str(row[4]))


def _bill(row: Row) -> Bill:
    return Bill(
        account=whole(row[0]),
        period_from=day(row[1]),
        period_to=day(row[2]),
        tariffs=_texts(row[3]),
        components=_texts(row[4]),
        amounts=_amounts(row[5]),
        energy_uwh=whole(row[6]),
        charged=money(row[7]),
        brought=money(row[8]),
        received=money(row[9]),
        due=money(row[10]),
        issued_on=day(row[11]),
        due_on=day(row[12]),
        version=whole(row[13]),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _amounts(value: object) -> tuple[int, ...]:
    return tuple(map(money, value)) if isinstance(value, list | tuple) else ()


def _list(accounts: Sequence[int]) -> str:
    return ", ".join(str(int(each)) for each in accounts)


_KNOWN = """
SELECT (SELECT count() FROM m.account_terms_v WHERE account = {account:UInt64})
    + (SELECT count() FROM m.account_links_v WHERE account = {account:UInt64})
    + (SELECT count() FROM m.entries WHERE account = {account:UInt64})"""
_ACCOUNTS = """
SELECT DISTINCT account
FROM
(
    SELECT account FROM m.charge_days WHERE payment = 'postpaid'
    UNION ALL
    SELECT account FROM m.entries WHERE book = 'postpaid'
)
WHERE account > {after:UInt64} ORDER BY account LIMIT {limit:UInt64}"""
_DAYS = """
SELECT c.account, c.day, c.tariff, c.amount, c.energy_uwh, c.components, c.amounts, s.reason
FROM
(
    SELECT account, day, tariff, amount, energy_uwh, components, amounts
    FROM m.charge_days FINAL
    WHERE account IN ({accounts}) AND payment = 'postpaid'
) AS c
LEFT JOIN
(
    SELECT account, day, reason FROM m.v1_safe_to_bill WHERE account IN ({accounts})
) AS s ON s.account = c.account AND s.day = c.day
ORDER BY c.account, c.day"""
_ENTRIES = """
SELECT account, toDate(paid_at, '{zone}') AS day, kind, amount, reference
FROM m.entries FINAL
WHERE account IN ({accounts}) AND book = 'postpaid'
ORDER BY account, paid_at, ver, id"""
_BILLS = """
SELECT account, period_from, period_to, tariffs, components, amounts, energy_uwh, charged, brought,
    received, due, issued_on, due_on, ver
FROM m.bills FINAL
WHERE account IN ({accounts})
ORDER BY account, period_from, ver"""
_SWITCHES = """
SELECT toDate(at, '{zone}') AS day, uniqExactIf(account, kind = 'disconnect'),
    uniqExactIf(account, kind = 'reconnect')
FROM m.outbox FINAL
WHERE kind IN ('disconnect', 'reconnect')
GROUP BY day HAVING day >= {{first:Date}} AND day <= {{last:Date}}"""
_COLUMNS = {
    "account": "UInt64",
    "period_from": "Date",
    "period_to": "Date",
    "bill": "String",
    "tariffs": "Array(String)",
    "components": "Array(String)",
    "amounts": "Array(Decimal(18, 6))",
    "energy_uwh": "Int64",
    "charged": "Decimal(18, 6)",
    "brought": "Decimal(18, 6)",
    "received": "Decimal(18, 6)",
    "due": "Decimal(18, 6)",
    "issued_on": "Date",
    "due_on": "Date",
    "author": "String",
    "at": "DateTime64(3, 'UTC')",
    "ver": "UInt64",
}
