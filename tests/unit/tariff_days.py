"""Days of reads for tariff tests: so many units a day, on local (Indian) time."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from meteringest.prepaid import tariff_file
from meteringest.prepaid.calendar import DAY_S, Calendar, day_start_s
from meteringest.prepaid.charges import AccountDay, DayCharges, charge_days
from meteringest.prepaid.lines import by_component
from meteringest.prepaid.reads import MeterLink, Read
from meteringest.prepaid.state import opened
from meteringest.prepaid.tariff import Payment, Tariff

ACCOUNT, METER = 77, 7
RUPEE = 1_000_000
HALF_HOUR_S = 1_800
LINK = MeterLink(meter=METER, from_s=0, to_s=1 << 33)
EXAMPLES = Path(tariff_file.__file__).parent / "examples"
HEAD = """
name = "t"
title = "t"
currency = "INR"
effective_from = 2020-01-01
"""


def tariff(text: str) -> Tariff:
    return tariff_file.parse(HEAD + text)


def half_hours(day: date, wh: Mapping[int, int]) -> list[Read]:
    """Reads by the half hour of the day at which they start."""
    start_s = day_start_s(day)
    return [
        Read(
            meter=METER,
            start_s=start_s + slot * HALF_HOUR_S,
            interval_s=HALF_HOUR_S,
            imp_wh=energy,
            imp_vah=energy,
            exp_wh=0,
            ver=1,
        )
        for slot, energy in wh.items()
    ]


def month_of(day: date) -> list[date]:
    first = day.replace(day=1)
    return [first + timedelta(d) for d in range(31) if (first + timedelta(d)).month == first.month]


def charged(
    version: Tariff,
    days: Sequence[tuple[date, list[Read]]],
    *,
    load_w: int = 1_000,
    payment: Payment = Payment.PREPAID,
    calendar: Calendar | None = None,
) -> list[DayCharges]:
    account_days = [
        AccountDay(
            account=ACCOUNT,
            day=day,
            tariff=version,
            calendar=calendar,
            payment=payment,
            load_w=load_w,
            reads=reads,
            links=(LINK,),
        )
        for day, reads in days
    ]
    return list(charge_days(account_days, opened(ACCOUNT, days[0][0])))


def month_sums(
    version: Tariff,
    first: date,
    kwh: int,
    *,
    load_w: int = 1_000,
    payment: Payment = Payment.PREPAID,
) -> dict[str, int]:
    """A month with all its units in one half hour of the 10th."""
    days = [
        (day, half_hours(day, {20: kwh * 1_000} if day.day == 10 else {}))
        for day in month_of(first)
    ]
    done = charged(version, days, load_w=load_w, payment=payment)
    return by_component(line for each in done for line in each.lines)


__all__ = ["ACCOUNT", "DAY_S", "EXAMPLES", "HEAD", "LINK", "METER", "RUPEE"]
