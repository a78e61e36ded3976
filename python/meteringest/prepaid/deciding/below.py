"""Since when a balance has been below the threshold, from what it was made of.

Rule 1: a day's charge counts from the end of what it charges; of an open day every version that is
still kept, so the answer is as fine as the workers' passes, and never earlier than the truth.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from meteringest.prepaid.calendar import DAY_S, day_start_s
from meteringest.prepaid.ledger.ports import Engine, Row, day, money, whole

HOUR_S = 3_600


class Below(Struct, frozen=True, kw_only=True):
    """An account that is below its threshold."""

    balance: int
    threshold: int
    hours_max: int
    """It does not matter since when beyond so many hours."""


class Moved(Struct, frozen=True, kw_only=True):
    """At an instant the balance moved by an amount."""

    at_s: int
    amount: int


def crossed(below: Below, moves: Iterable[Moved]) -> int | None:
    """The last instant at which the balance came below; None when that was before all `moves`."""
    balance = below.balance
    for move in sorted(moves, key=lambda each: each.at_s, reverse=True):
        balance -= move.amount
        if balance >= below.threshold:
            return move.at_s
    return None


def below_since(engine: Engine, accounts: Mapping[int, Below], at_s: int) -> dict[int, int]:
    """Of each account; the beginning of what was looked at where it was below all the time."""
    if not accounts:
        return {}
    first_s = at_s - max(each.hours_max for each in accounts.values()) * HOUR_S - 2 * DAY_S
    moves: dict[int, list[Moved]] = {account: [] for account in accounts}
    words = {
        "accounts": ", ".join(str(int(each)) for each in accounts),
        "at": int(at_s),
        "first": int(first_s),
    }
    for row in engine.ask(_ENTRIES.format(**words)).rows:
        moves[whole(row[0])].append(Moved(at_s=whole(row[1]), amount=money(row[2])))
    for account, move in _charged(engine.ask(_CHARGES.format(**words)).rows):
        moves[account].append(move)
    return {
        account: since if (since := crossed(below, moves[account])) is not None else first_s
        for account, below in accounts.items()
    }


def _charged(rows: Sequence[Row]) -> Iterable[tuple[int, Moved]]:
    """Each version of a day moves the balance by what it charges more than the one before."""
    last, before = (0, ""), 0
    for account, on, up_to_s, amount in rows:
        key = (whole(account), str(on))
        before = 0 if key != last else before
        now = money(amount)
        # What is owed without energy has charged no interval: it counts from the day's beginning.
        at_s = max(whole(up_to_s), day_start_s(day(on)))
        yield key[0], Moved(at_s=at_s, amount=before - now)
        last, before = key, now


_ENTRIES = """
SELECT account, toUInt32(paid_at), amount
FROM m.entries FINAL
WHERE account IN ({accounts}) AND book = 'prepaid'
    AND paid_at >= toDateTime({first}, 'UTC') AND paid_at < toDateTime({at} + 1, 'UTC')"""
_CHARGES = """
SELECT account, day, toUInt32(h.up_to) AS up_to_s, argMax(amount, ver) AS newest
FROM
(
    SELECT account, day, payment, up_to, amount, ver FROM m.charge_history
    UNION ALL
    SELECT account, day, payment, up_to, amount, ver FROM m.charge_days
) AS h
WHERE account IN ({accounts}) AND payment = 'prepaid'
    AND day >= toDate(toDateTime({first}, 'UTC')) AND up_to <= toDateTime({at}, 'UTC')
GROUP BY account, day, up_to
ORDER BY account, day, up_to"""
