"""Arguments that several commands take: accounts, words, days, spans of them, instants, counts.

Rule 1: what cannot be meant is refused here, before anything is opened or asked.
"""

import argparse
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, timezone

from meteringest.prepaid.calendar import IST_OFFSET_MIN, day_start_s
from meteringest.prepaid.ledger.forms import ACCOUNT_MAX

IST = timezone(timedelta(minutes=IST_OFFSET_MIN))
DAYS = date(2000, 1, 1), date(2100, 1, 1)
"""The first and the last day of any argument: the tables' dates end soon after, and every sum of
days and hours from here stays within what a date can hold."""
LISTED_MAX = 10_000_000
"""Rows of one listing; an answer must fit into memory."""


def account_number(text: str) -> int:
    """An account's number."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(ACCOUNT_MAX))):
        number = 0
    else:
        number = int(text)
    if not 1 <= number <= ACCOUNT_MAX:
        reason = f"{text!r} is no account; wanted a whole number from 1 to {ACCOUNT_MAX}"
        raise argparse.ArgumentTypeError(reason)
    return number


def word(text: str) -> str:
    """What can be printed: bytes that are no text, and control characters, are not taken."""
    if not text.strip() or not text.strip().isprintable():
        reason = f"{text!r}; wanted printable text"
        raise argparse.ArgumentTypeError(reason)
    return text.strip()


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


def count(most: int = LISTED_MAX) -> Callable[[str], int]:
    """An argument that is a number of things, from 1 to `most`."""

    def counted(text: str) -> int:
        # No number of more digits is within bounds, and Python refuses to read very long ones.
        short = text.isascii() and text.isdigit() and len(text.lstrip("0")) <= len(str(most))
        if not (short and 1 <= int(text.lstrip("0") or "0") <= most):
            reason = f"{text!r}; wanted a whole number from 1 to {most}"
            raise argparse.ArgumentTypeError(reason)
        return int(text.lstrip("0"))

    return counted


def add_span(
    made: argparse.ArgumentParser, last_help: str = "last day", *, required: bool = False
) -> None:
    """`--from` and `--to`, in this order only."""
    for name, dest, what in (("--from", "first", "first day"), ("--to", "last", last_help)):
        made.add_argument(
            name,
            dest=dest,
            metavar="DAY",
            type=day,
            action=_Ordered,
            required=required,
            help=what,
        )


class _Ordered(argparse.Action):
    """Takes either day, and refuses the later of the two arguments when they contradict."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        _option: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, values)
        first, last = namespace.first, namespace.last
        if first is not None and last is not None and first > last:
            raise argparse.ArgumentError(self, f"--from {first} is after --to {last}")
