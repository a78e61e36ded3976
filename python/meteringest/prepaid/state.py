"""Month to date: all that a day's charges depend on besides the day itself, explicit and small."""

from datetime import date, timedelta

import msgspec
from msgspec import Struct, field

from meteringest.prepaid.calendar import month_start
from meteringest.prepaid.rounding import Running


class FixedRun(Struct, frozen=True, array_like=True):
    """How long a fixed charge has run under one tariff and load, and what load was billed."""

    segment: tuple[str, int]
    days: int
    billed: int


class MonthToDate(Struct, frozen=True, kw_only=True):
    """An account at the beginning of `next_day`; what was charged before is summed up here."""

    account: int
    next_day: date
    net_uwh: int = 0
    """Position in the slabs; below zero when export was carried over from before."""
    days: int = 0
    demand_w: int = 0
    demand_va: int = 0
    charged: dict[str, int] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    fixed: dict[str, FixedRun] = field(default_factory=dict)
    ver: int = 0
    """The newest version of anything this state was made from."""


def opened(account: int, day: date, ver: int = 0) -> MonthToDate:
    """An account on its first day; a month it joins late is charged from there on."""
    return MonthToDate(account=account, next_day=day, ver=ver)


def following(closed: MonthToDate) -> MonthToDate:
    """The state with which the next day opens: at a new month everything but a surplus starts."""
    if closed.next_day != month_start(closed.next_day):
        return closed
    return MonthToDate(
        account=closed.account,
        next_day=closed.next_day,
        net_uwh=min(closed.net_uwh, 0),
        ver=closed.ver,
    )


def skipped(opening: MonthToDate, ver: int) -> MonthToDate:
    """A day on which nothing could be charged; it is charged when it can be."""
    tomorrow = opening.next_day + timedelta(days=1)
    return msgspec.structs.replace(opening, next_day=tomorrow, ver=max(opening.ver, ver))
