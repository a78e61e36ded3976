"""How long balances last, of many accounts at once: at what the last days cost.

Rule 1: this decides when a notice is due, for a whole fleet in one question. What is shown to one
consumer is charged ahead interval by interval (left.py).
"""

from collections.abc import Mapping
from datetime import timedelta

from meteringest.prepaid.calendar import IST_OFFSET_MIN, local_day
from meteringest.prepaid.ledger.ports import Engine, money, whole

DAYS = 7
DAY_HOURS = 24


def hours_left(engine: Engine, balances: Mapping[int, int], at_s: int) -> dict[int, int]:
    """Of those that were charged anything on the last seven whole days."""
    if not balances:
        return {}
    today = local_day(at_s, IST_OFFSET_MIN)
    sql = _COST.format(
        accounts=", ".join(str(int(each)) for each in balances),
        first=today - timedelta(days=DAYS),
        today=today,
    )
    left = {}
    for row in engine.ask(sql).rows:
        account, cost, days = whole(row[0]), money(row[1]), whole(row[2])
        if cost > 0:
            left[account] = max(0, balances[account] * days * DAY_HOURS // cost)
    return left


_COST = """
SELECT account, sum(amount), count()
FROM m.charge_days FINAL
WHERE account IN ({accounts}) AND payment = 'prepaid' AND over = 1
    AND day >= '{first}' AND day < '{today}'
GROUP BY account"""
