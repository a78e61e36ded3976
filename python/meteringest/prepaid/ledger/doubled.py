"""References that two nodes took at the same moment: found afterwards, told to an operator.

Rule 1: nothing is taken back here: which of the two is right only the gateway knows.
"""

from typing import cast

from meteringest.prepaid.ledger import tables
from meteringest.prepaid.ledger.ports import Engine, money, whole
from meteringest.prepaid.money import shown

DAYS_LOOKED_AT = 3

Entry = tuple[object, ...]
"""Account, book and amount."""


def tell_doubled(engine: Engine, now_ms: int) -> int:
    """Of the last days, once each; how many were told now."""
    since_ms = now_ms - DAYS_LOOKED_AT * 86_400_000
    rows = [
        tables.OperatorRow(
            account=whole(account),
            id=f"doubled-{number}",
            subject=f"{kind} entered twice",
            says=f"{origin} {reference}: " + "; ".join(map(_entry, cast("list[Entry]", entries))),
            evidence="{}",
            at=now_ms,
            ver=now_ms,
        )
        for account, number, kind, origin, reference, entries in engine.ask(
            _DOUBLED, {"since": since_ms}
        ).rows
    ]
    tables.insert_refused(engine, [], rows)
    return len(rows)


def _entry(entry: Entry) -> str:
    account, book, amount = entry
    return f"account {account} {shown(money(amount))} {book}"


# An entry's id is its transaction, kind and book; `other` is of transfers, which name two accounts.
_DOUBLED = """
SELECT
    min(account), substring(id, 1, 24) AS number, any(kind), any(origin), any(reference),
    arraySort(groupUniqArray((account, book, amount))) AS entries
FROM m.entries
WHERE number IN
    (SELECT substring(id, 1, 24) FROM m.entries WHERE at >= fromUnixTimestamp64Milli({since:Int64}))
    AND number NOT IN (SELECT substring(id, 9) FROM m.outbox WHERE startsWith(id, 'doubled-'))
GROUP BY number
HAVING uniqExact(account) > if(max(other) > 0, 2, 1)
    OR uniqExact(account, id, amount) > uniqExact(account, id)
ORDER BY number"""
