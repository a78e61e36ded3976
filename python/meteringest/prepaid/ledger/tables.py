"""The ledger's tables: what orders are held against, and the blocks that rows go in as.

Rule 1: everything of one transaction is in one block of one table, so a kill leaves all or nothing.
Rule 2: lookups name accounts or references, so that no question reads a whole table.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec
from msgspec import Struct

from meteringest.columns import rows_block
from meteringest.prepaid.ledger.entries import Balance, Book, Entry, EntryKind, transaction_of
from meteringest.prepaid.ledger.ports import Engine, Row, money, whole
from meteringest.prepaid.ledger.rules import Rule
from meteringest.prepaid.ledger.terms import Terms

REFERENCES_ASKED_MAX = 1_000
ACCOUNTS_ASKED_MAX = 5_000
ROWS_AT_ONCE = 50_000
NUMBERED = ("rules", "account_terms", "account_meters", "entries")


class LinkRow(Struct, frozen=True, kw_only=True):
    """One row of m.account_meters."""

    account: int
    meter: int
    from_time: int
    to_time: int
    multiplier_ppm: int
    removed: int = 0
    author: str
    reason: str
    at: int
    ver: int


class RefusedRow(Struct, frozen=True, kw_only=True):
    """One row of m.refused_entries."""

    at: int
    account: int
    kind: str
    amount: str
    origin: str
    reference: str
    problem: str
    found: str


class OperatorRow(Struct, frozen=True, kw_only=True):
    """One row of m.outbox that a person must look at."""

    account: int
    id: str
    kind: str = "operator"
    subject: str
    says: str
    evidence: str
    at: int
    ver: int


def newest_number(engine: Engine) -> int:
    """The last number of the order of all changes that is in the store."""
    parts = ", ".join(f"(SELECT max(ver) FROM m.{table})" for table in NUMBERED)  # noqa: S608 (ours)
    return whole(engine.ask(f"SELECT greatest({parts})").rows[0][0])


def insert_rules(engine: Engine, rows: Sequence[Rule]) -> None:
    """All of them or none."""
    _insert(engine, "m.rules", _RULE, rows)


def insert_terms(engine: Engine, rows: Sequence[Terms], stamp: tuple[str, str, int, int]) -> None:
    """With author, reason, time and number of the command that enters them.

    A file of a million goes in page by page: imported again it goes on where it was cut short.
    """
    author, reason, at, ver = stamp
    for first in range(0, len(rows), ROWS_AT_ONCE):
        page = [
            (
                *(each.account, each.effective_from, each.payment.value, each.tariff),
                *(each.account_class, each.area, each.load_w, int(each.net_metered)),
                *(each.recovery.share_ppm, each.recovery.instalment, int(each.closed)),
                *(author, reason, at, ver),
            )
            for each in rows[first : first + ROWS_AT_ONCE]
        ]
        _insert_block(engine, "m.account_terms", _TERMS, page)


def insert_links(engine: Engine, rows: Sequence[LinkRow]) -> None:
    """All of them or none."""
    _insert(engine, "m.account_meters", _LINK, rows)


def insert_entries(engine: Engine, rows: Sequence[Entry]) -> None:
    """Of whole transactions; returns when they are safe."""
    _insert(engine, "m.entries", _ENTRY, rows)


def insert_refused(engine: Engine, rows: Sequence[RefusedRow], told: Sequence[OperatorRow]) -> None:
    """What was not taken, and that somebody should look at it."""
    _insert(engine, "m.refused_entries", _REFUSED, rows)
    _insert(engine, "m.outbox", _OPERATOR, told)


def load_balances(engine: Engine, accounts: Sequence[int]) -> dict[int, Balance]:
    """Of those that have any entry or charge, as m.balances_v has them.

    Two narrow questions cost less than one to the view, which plans for all books.
    """
    found: dict[int, Balance] = {}
    for row in _asked(engine, _CHARGED, accounts):
        before = found.get(whole(row[0]), Balance())
        charged = before.moved(Book(str(row[1])), -money(row[2]))
        up_to_s = max(before.charged_to_s, whole(row[3]))
        found[whole(row[0])] = msgspec.structs.replace(charged, charged_to_s=up_to_s)
    for row in _asked(engine, _MOVED, accounts):
        balance = found.get(whole(row[0]), Balance()).moved(Book(str(row[1])), money(row[2]))
        if row[4]:
            recharge = {"last_recharge": money(row[3]), "last_recharge_ms": whole(row[4])}
            balance = msgspec.structs.replace(balance, **recharge)
        found[whole(row[0])] = balance
    return found


def load_entries(engine: Engine, references: Iterable[tuple[str, str]]) -> dict[str, list[Entry]]:
    """Every entry under these origins and references, by transaction."""
    wanted = sorted(set(references))
    found: dict[tuple[int, str, int], Entry] = {}
    for at in range(0, len(wanted), REFERENCES_ASKED_MAX):
        pairs = wanted[at : at + REFERENCES_ASKED_MAX]
        names = ", ".join(_quoted(reference) for _, reference in pairs)
        origins = ", ".join(_quoted(origin) for origin in {origin for origin, _ in pairs})
        where = f"reference IN ({names}) AND origin IN ({origins})"
        for entry in _entries(engine, where):
            if (entry.origin, entry.reference) in pairs:
                found[entry.account, entry.id, entry.amount] = entry
    entered: dict[str, list[Entry]] = {}
    for each in found.values():
        entered.setdefault(transaction_of(each), []).append(each)
    return entered


def load_account_entries(engine: Engine, account: int) -> list[Entry]:
    """All of one account, as they count."""
    found = {(each.id, each.amount): each for each in _entries(engine, f"account = {account}")}
    return sorted(found.values(), key=lambda each: (each.paid_at, each.ver, each.id))


def meter_numbers(engine: Engine, serials: Sequence[str]) -> dict[str, int]:
    """Of those that are in the registry."""
    found: dict[str, int] = {}
    for at in range(0, len(serials), REFERENCES_ASKED_MAX):
        names = ", ".join(map(_quoted, serials[at : at + REFERENCES_ASKED_MAX]))
        sql = f"SELECT serial, meter FROM m.meters FINAL WHERE serial IN ({names})"  # noqa: S608 (quoted here)
        found.update({str(row[0]): whole(row[1]) for row in engine.ask(sql).rows})
    return found


def load_links(engine: Engine, meters: Sequence[int]) -> list[LinkRow]:
    """Links of these meters that were entered, as they count; also those taken back."""
    sql = (
        "SELECT account, meter, from_time, to_time, multiplier_ppm, removed FROM (SELECT account, "
        "meter, toUInt32(from_time) AS from_time, argMax(toUInt32(l.to_time), l.ver) AS to_time, "
        "argMax(l.multiplier_ppm, l.ver) AS multiplier_ppm, argMax(l.removed, l.ver) AS removed "
        "FROM m.account_meters AS l WHERE meter IN ({}) GROUP BY account, meter, from_time)"
    )
    return [
        LinkRow(
            account=whole(row[0]),
            meter=whole(row[1]),
            from_time=whole(row[2]),
            to_time=whole(row[3]),
            multiplier_ppm=whole(row[4]),
            removed=whole(row[5]),
            author="",
            reason="",
            at=0,
            ver=0,
        )
        for row in _asked(engine, sql, meters)
    ]


def balance_before(engine: Engine, account: int, day: date) -> Balance:
    """All entries there are, and the charges of the days before `day`."""
    balance = Balance()
    for each in load_account_entries(engine, account):
        balance = balance.moved(each.book, each.amount)
    answer = engine.ask(
        "SELECT payment, sum(amount) FROM m.charge_days FINAL WHERE account = {account:UInt64} "
        "AND day < {day:Date} GROUP BY payment",
        {"account": account, "day": day},
    )
    for row in answer.rows:
        balance = balance.moved(Book(str(row[0])), -money(row[1]))
    return balance


def _entries(engine: Engine, where: str) -> list[Entry]:
    answer = engine.ask(
        "SELECT account, id, kind, book, amount, origin, reference, other, author, reason, "  # noqa: S608 (numbers, and strings quoted here)
        "toUnixTimestamp64Milli(paid_at), toUnixTimestamp64Milli(at), ver "
        f"FROM m.entries WHERE {where}"
    )
    return [
        Entry(
            account=whole(row[0]),
            id=str(row[1]),
            kind=EntryKind(str(row[2])),
            book=Book(str(row[3])),
            amount=money(row[4]),
            origin=str(row[5]),
            reference=str(row[6]),
            other=whole(row[7]),
            author=str(row[8]),
            reason=str(row[9]),
            paid_at=whole(row[10]),
            at=whole(row[11]),
            ver=whole(row[12]),
        )
        for row in answer.rows
    ]


def _asked(engine: Engine, sql: str, accounts: Sequence[int]) -> list[Row]:
    rows: list[Row] = []
    for at in range(0, len(accounts), ACCOUNTS_ASKED_MAX):
        some = ", ".join(str(int(each)) for each in accounts[at : at + ACCOUNTS_ASKED_MAX])
        rows += engine.ask(sql.format(some)).rows
    return rows


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _insert(engine: Engine, table: str, kinds: Mapping[str, str], rows: Sequence[Struct]) -> None:
    values = [tuple(msgspec.structs.asdict(row)[name] for name in kinds) for row in rows]
    _insert_block(engine, table, kinds, values)


def _insert_block(
    engine: Engine, table: str, kinds: Mapping[str, str], rows: Sequence[Row]
) -> None:
    if rows:
        block = rows_block(kinds, rows)
        engine.insert(table, block, hashlib.sha256(block).hexdigest())


_CHARGED = """
SELECT account, payment, sum(amount), toUInt32(max(c.up_to))
FROM m.charge_days AS c FINAL
PREWHERE account IN ({})
GROUP BY account, payment
SETTINGS do_not_merge_across_partitions_select_final = 1"""
_MOVED = """
SELECT
    account, book, sum(amount), argMaxIf(amount, paid_at, kind = 'payment' AND book = 'prepaid'),
    toUnixTimestamp64Milli(maxIf(e.paid_at, kind = 'payment' AND book = 'prepaid'))
FROM m.entries AS e FINAL
PREWHERE account IN ({})
GROUP BY account, book
SETTINGS max_threads = 1"""
_AT = "DateTime64(3, 'UTC')"
_MONEY = "Decimal(18, 6)"
_STAMP = {"author": "String", "reason": "String", "at": _AT, "ver": "UInt64"}
_RULE = {
    **dict.fromkeys(("kind", "name", "id", "area"), "String"),
    **dict.fromkeys(("effective_from", "effective_to"), "Date"),
    "revision": "UInt32",
    **dict.fromkeys(("text", "loaded_by"), "String"),
    "loaded_at": _AT,
    "ver": "UInt64",
}
_TERMS = {
    "account": "UInt64",
    "effective_from": "Date",
    **dict.fromkeys(("payment", "tariff", "class", "area"), "String"),
    "load_w": "UInt32",
    "net_metered": "UInt8",
    "recover_ppm": "UInt32",
    "recover_month": _MONEY,
    "closed": "UInt8",
    **_STAMP,
}
_LINK = {
    "account": "UInt64",
    "meter": "UInt32",
    **dict.fromkeys(("from_time", "to_time"), "DateTime('UTC')"),
    "multiplier_ppm": "UInt64",
    "removed": "UInt8",
    **_STAMP,
}
_ENTRY = {
    "account": "UInt64",
    **dict.fromkeys(("id", "kind", "book"), "String"),
    "amount": _MONEY,
    **dict.fromkeys(("origin", "reference"), "String"),
    "other": "UInt64",
    **dict.fromkeys(("author", "reason"), "String"),
    **dict.fromkeys(("paid_at", "at"), _AT),
    "ver": "UInt64",
}
_REFUSED = {
    "at": _AT,
    "account": "UInt64",
    **dict.fromkeys(("kind", "amount", "origin", "reference", "problem", "found"), "String"),
}
_OPERATOR = {
    "account": "UInt64",
    **dict.fromkeys(("id", "kind", "subject", "says", "evidence"), "String"),
    "at": _AT,
    "ver": "UInt64",
}
