"""Arguments that several commands take: days, instants.

Rule 1: what cannot be meant is refused here, before anything is opened or asked.
"""

import argparse
from datetime import date, datetime, timedelta, timezone

from meteringest.prepaid.calendar import IST_OFFSET_MIN, day_start_s

IST = timezone(timedelta(minutes=IST_OFFSET_MIN))
DAYS = date(2000, 1, 1), date(2100, 1, 1)
"""The first and the last day of any argument: the tables' dates end soon after, and every sum of
days and hours from here stays within what a date can hold."""


def day(text: str) -> date:
    """An argument that is a local day."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        reason = f"{text!r} is no day; wanted one like 2026-04-01"
        raise argparse.ArgumentTypeError(reason) from None
    if not DAYS[0] <= found <= DAYS[1]:
        raise argparse.ArgumentTypeError(_outside(text))
    return found


def instant(text: str) -> int:
    """An argument that is a time; without an offset it is Indian time."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        reason = f"{text!r} is no time; wanted one like 2026-11-23T11:00 or with +05:30"
        raise argparse.ArgumentTypeError(reason) from None
    at_s = int((at if at.tzinfo else at.replace(tzinfo=IST)).timestamp())
    if not day_start_s(DAYS[0]) <= at_s <= day_start_s(DAYS[1]):
        raise argparse.ArgumentTypeError(_outside(text))
    return at_s


def _outside(text: str) -> str:
    return f"{text!r}; wanted from {DAYS[0]} to {DAYS[1]}"
