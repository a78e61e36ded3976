"""Which of very many accounts anything could be decided about: one question for all of them.

Rule 1: it may name an account too many, never one too few: who is left out here is connected, has
no reason to be cut, and every notice that is due to it was told. The exact function does the rest.
Rule 2: the same instant, the same rows and the same figures as facts.py.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta

from meteringest.prepaid.calendar import IST_OFFSET_MIN, local_day
from meteringest.prepaid.deciding.facts import PolicyOf
from meteringest.prepaid.deciding.hours import DAY_HOURS, DAYS
from meteringest.prepaid.ledger.ports import Engine, whole
from meteringest.prepaid.policy import Policy

ACCOUNTS_ASKED_MAX = 10_000
"""So many numbers of any length fit one question (256 KiB)."""
FEW = 200
"""So many are looked at one by one: that is as cheap."""


def awake(
    engine: Engine, policy_of: PolicyOf, accounts: Sequence[int], at_s: int
) -> Iterator[Sequence[int]]:
    """Some of `accounts` after another, in their order, without those who sleep."""
    if len(accounts) <= FEW:
        yield accounts
        return
    today = local_day(at_s, IST_OFFSET_MIN)
    levels = _Levels(engine, policy_of, today)
    for at in range(0, len(accounts), ACCOUNTS_ASKED_MAX):
        some = sorted(accounts[at : at + ACCOUNTS_ASKED_MAX])
        sparse = some[-1] - some[0] > 2 * len(some)
        sql = _AWAKE.format(
            asked=_array(map(str, some if sparse else ())),
            among=f"account BETWEEN {some[0]} AND {some[-1]}" + _OF_THESE * sparse,
            at=int(at_s),
            today=today,
            week=today - timedelta(days=DAYS),
            day_hours=DAY_HOURS,
            **levels.words,
        )
        wanted = set(some)
        found = (whole(row[0]) for row in engine.ask(sql).rows)
        yield [account for account in found if account in wanted]


class _Levels:
    """What every policy in force asks for, as literals of the question."""

    def __init__(self, engine: Engine, policy_of: PolicyOf, today: date) -> None:
        areas = [
            str(row[0]) for row in engine.ask("SELECT DISTINCT area FROM m.account_terms").rows
        ]
        of_area = {area: policy for area in areas if (policy := policy_of(area, today))}
        policies = list({each.id: each for each in of_area.values()}.values())
        places = {each.id: place for place, each in enumerate(policies, start=1)}
        classes = {
            (place, each): policy.threshold(each)[0]
            for place, policy in enumerate(policies, start=1)
            for row in policy.thresholds
            for each in row.classes
        }

        def of_each(levels: Callable[[Policy], Iterable[int]]) -> str:
            return _array(_array(map(_int64, levels(each))) for each in policies)

        self.words = {
            "areas": _array(map(_quoted, of_area)),
            "places": _array(str(places[each.id]) for each in of_area.values()),
            "classes": _array(_quoted(f"{place}/{each}") for place, each in classes),
            "class_below": _array(map(_int64, classes.values())),
            "below": _array(_int64(each.below) for each in policies),
            "percent": of_each(lambda each: each.notices.percent_ppm),
            "amounts": of_each(lambda each: each.notices.amounts),
            "hours": of_each(lambda each: each.notices.hours_left),
            "untold": " OR ".join(
                _UNTOLD.format(kind=kind, levels=levels)
                for kind, levels in (
                    ("percent", "percents"),
                    ("amount", "low"),
                    ("hours", "hours_left"),
                )
            ),
            "bills": _array(
                str(int(each.unpaid_bills is not None or each.arrears_over is not None))
                for each in policies
            ),
        }


def _array(values: Iterable[str]) -> str:
    return f"[{', '.join(values)}]"


def _int64(value: int) -> str:
    return f"toInt64({value})"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_UNTOLD = """notEmpty({levels}) AND NOT arrayExists(
            t -> tupleElement(t, 1) = '{kind}' AND tupleElement(t, 2) <= arrayMin({levels}),
            told)"""
_OF_THESE = " AND account IN (SELECT arrayJoin(asked))"
_AWAKE = """
WITH
    {asked}::Array(UInt64) AS asked,
    toInt64(e.paid * 1000000) - toInt64(c.charged * 1000000) AS balance,
    toInt64(tupleElement(e.recharge, 2) * 1000000) AS recharged,
    if(tupleElement(e.recharge, 1) = '', 'none', tupleElement(e.recharge, 1)) AS about,
    toInt64(c.cost * 1000000) AS cost,
    if(cost > 0, greatest(toInt128(0), intDiv(toInt128(balance) * c.days * {day_hours}, cost)),
        toInt128(9223372036854775807)) AS hours,
    arrayFilter(l -> toInt128(balance) * 1000000 <= toInt128(l) * greatest(recharged, 0),
        arrayElement({percent}::Array(Array(Int64)), place)) AS percents,
    arrayFilter(l -> balance <= l, arrayElement({amounts}::Array(Array(Int64)), place)) AS low,
    arrayFilter(l -> hours <= l, arrayElement({hours}::Array(Array(Int64)), place)) AS hours_left,
    arrayFilter(t -> tupleElement(t, 3) = about, o.told) AS told
SELECT t.account
FROM
(
    SELECT
        account,
        argMax((payment, area, class, closed), (effective_from, ver)) AS terms,
        transform(tupleElement(terms, 2), {areas}::Array(String), {places}::Array(UInt32),
            toUInt32(0)) AS place,
        transform(concat(toString(place), '/', tupleElement(terms, 3)),
            {classes}::Array(String), {class_below}::Array(Int64),
            arrayElement({below}::Array(Int64), place)) AS below
    FROM m.account_terms
    WHERE {among} AND effective_from <= '{today}'
    GROUP BY account
    HAVING tupleElement(terms, 4) = 0 AND place > 0
) AS t
LEFT JOIN
(
    SELECT
        account, sum(amount) AS paid,
        argMaxIf((id, amount), (paid_at, ver),
            amount > 0 AND kind IN ('payment', 'opening', 'conversion')) AS recharge
    FROM m.entries FINAL
    PREWHERE {among}
    WHERE book = 'prepaid' AND paid_at < toDateTime({at} + 1, 'UTC')
    GROUP BY account
) AS e ON e.account = t.account
LEFT JOIN
(
    SELECT
        account, sumIf(amount, payment = 'prepaid') AS charged,
        toUInt32(max(d.up_to)) AS up_to_s,
        sumIf(amount, payment = 'prepaid' AND over = 1 AND day >= '{week}' AND day < '{today}')
            AS cost,
        countIf(payment = 'prepaid' AND over = 1 AND day >= '{week}' AND day < '{today}') AS days
    FROM m.charge_days AS d FINAL
    PREWHERE {among}
    WHERE day <= '{today}'
    GROUP BY account
) AS c ON c.account = t.account
LEFT JOIN
(
    SELECT
        account,
        maxIf(toUInt32OrZero(splitByChar('/', id)[2]), startsWith(id, 'switch/')) AS switches,
        groupUniqArrayIf(
            (splitByChar(':', splitByChar('/', id)[2])[1],
            toInt64OrZero(splitByChar(':', splitByChar('/', id)[2])[2]),
            splitByChar('/', id)[3]), startsWith(id, 'notice/')) AS told
    FROM m.outbox
    WHERE {among} AND at < toDateTime({at} + 1, 'UTC')
    GROUP BY account
) AS o ON o.account = t.account
WHERE o.switches % 2 = 1 OR c.up_to_s > {at}
    OR if(tupleElement(t.terms, 1) = 'postpaid',
        arrayElement({bills}::Array(UInt8), place) = 1 AND t.account IN (
            SELECT account FROM m.bills WHERE {among} AND due_on < '{today}'),
        balance < t.below OR {untold})
ORDER BY t.account
SETTINGS do_not_merge_across_partitions_select_final = 1, join_algorithm = 'hash'"""
