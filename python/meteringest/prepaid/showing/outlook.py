"""How long a balance lasts: units and the hour it runs out, by what was used at that time of day.

Rule 1: the future is charged by the code that charges the past (left.py); only use is foretold:
in each half hour of the day what the account used then on average over the last two weeks.
Rule 2: where nothing can be foretold, it is said why.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from meteringest.prepaid.charges import charge_day
from meteringest.prepaid.ledger.ports import whole
from meteringest.prepaid.ledger.rules import Rules
from meteringest.prepaid.left import Ahead, Forecast, what_is_left
from meteringest.prepaid.lines import total
from meteringest.prepaid.money import PPM
from meteringest.prepaid.reads import MeterLink
from meteringest.prepaid.showing.inputs import Account, charged_day
from meteringest.prepaid.showing.pages import Outlook
from meteringest.prepaid.tariff import Basis, Payment
from meteringest.prepaid.worker.book import day_number, start_s
from meteringest.prepaid.worker.ports import Engine

DAYS_LOOKED_AT = 14
SLOT_S = 1_800
DAY_S = 86_400


def outlook(engine: Engine, rules: Rules, account: Account, balance: int, now_s: int) -> Outlook:
    """What a prepaid balance is good for."""
    if account.terms.payment is not Payment.PREPAID:
        return Outlook(unknown="the account is postpaid")
    last = _last_charged(engine, account.number)
    today = date.fromordinal(DAY_ZERO + (now_s + account.offset_min * 60) // DAY_S)
    day, up_to = (today, 0) if last is None else _open_day(last)
    asked, opening = charged_day(engine, rules, account, day, over=False)
    # What came in and is not charged yet is not in the balance either.
    charged = [each for each in asked.reads if each.start_s + each.interval_s <= up_to]
    asked = msgspec.structs.replace(asked, reads=charged)
    if asked.tariff is None:
        return Outlook(unknown=f"no tariff on {day}")
    apparent = asked.tariff.basis is Basis.KVAH
    use = _forecast(engine, account, now_s, apparent=apparent)
    if use is None:
        return Outlook(unknown=f"no reads in the last {DAYS_LOOKED_AT} days")
    if last is None or last[0] != day:
        balance -= total(charge_day(asked, opening).lines)
    from_s = max(up_to, start_s(day_number(day), account.offset_min))
    left = what_is_left(Ahead(terms=asked, opening=opening, from_s=from_s), balance, use)
    runs_out_s = from_s + left.seconds
    return Outlook(
        unit="kVAh" if apparent else "kWh",
        units_uwh=left.units_uwh,
        runs_out_s=runs_out_s,
        hours=max(0, runs_out_s - now_s) // 3_600,
        beyond=left.beyond,
    )


def _last_charged(engine: Engine, account: int) -> tuple[date, bool, int] | None:
    rows = engine.ask(
        "SELECT toString(day), over, toUInt32(up_to) FROM m.charge_days FINAL "
        "WHERE account = {account:UInt64} ORDER BY day DESC LIMIT 1",
        {"account": account},
    ).rows
    if not rows:
        return None
    day, over, up_to = rows[0]
    return date.fromisoformat(str(day)), over == 1, whole(up_to)


def _open_day(last: tuple[date, bool, int]) -> tuple[date, int]:
    """The day on which charging goes on, and from which instant; 0 from its beginning."""
    day, over, up_to = last
    return (day + timedelta(days=1), 0) if over else (day, up_to)


def _forecast(engine: Engine, account: Account, now_s: int, *, apparent: bool) -> Forecast | None:
    links = [each for each in account.links if each.to_s > now_s]
    if not links:
        return None
    slots = [0] * (DAY_S // SLOT_S)
    rows = engine.ask(
        _USE.format(
            wh="imp_vah" if apparent else "imp_wh",
            offset_s=account.offset_min * 60,
            meters=", ".join(str(each.meter) for each in links),
            since=now_s - DAYS_LOOKED_AT * DAY_S,
        )
    ).rows
    for meter, slot, energy, days in rows:
        multiplier = _multiplier(links, whole(meter))
        slots[whole(slot)] += whole(energy) * multiplier // PPM // whole(days)
    offset_s = account.offset_min * 60
    return (lambda at_s: slots[(at_s + offset_s) % DAY_S // SLOT_S]) if rows else None


def _multiplier(links: Sequence[MeterLink], meter: int) -> int:
    return next(each.multiplier_ppm for each in links if each.meter == meter)


DAY_ZERO = date(1970, 1, 1).toordinal()
_USE = """
SELECT meter, intDiv((toUInt32(interval_start) + {offset_s}) % 86400, 1800) AS slot, sum({wh}),
    uniqExact(intDiv(toUInt32(interval_start) + {offset_s}, 86400))
FROM m.reads_v
WHERE meter IN ({meters}) AND interval_start >= toDateTime({since}, 'UTC') AND quality < 3
GROUP BY meter, slot"""
