"""Commands about decisions: what would be decided at an instant, what stands in the outbox."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from meteringest.cli.account_text import unknown_text
from meteringest.cli.bills import json_lines, lines_text
from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.cli.reach import Service, reach
from meteringest.clock import WallClock
from meteringest.config import load
from meteringest.control.deciding import AskDryRun
from meteringest.prepaid.calendar import moment
from meteringest.prepaid.deciding.verdict import DryRunPage, Verdict
from meteringest.prepaid.money import shown

HEADS = ("account", "area", "pays", "balance", "would be", "clause", "because")
WORDS = {"cut": "cut", "keep": "kept", "reconnect": "reconnected"}


class OutboxShown(msgspec.Struct, frozen=True, kw_only=True):
    """A row of m.outbox."""

    account: int
    id: str
    kind: str
    subject: str
    meter: int
    place: str
    says: str
    policy: str
    evidence: str
    at: str


class _Held(msgspec.Struct, frozen=True):
    """Evidence of an operator's row: the day, and why nothing was charged for it, or for a part."""

    day: str = ""
    held: tuple[str, ...] = ()


def dry_run(args: argparse.Namespace) -> int:
    """A line for every account, and how many of each; nothing is written."""
    at_s = args.at if args.at is not None else WallClock().now_s()
    with reach(load(args.config).config) as service:
        known, found = _verdicts(service, at_s, args)
    if not known:
        unknown = {"account": args.account, "known": False}
        write_out(json_lines([unknown]) if args.json else unknown_text(args.account))
        return Outcome.FAILED
    if args.json:
        write_out(json_lines(found))
    else:
        _show(found)
        counts = Counter(each.action for each in found)
        told = ", ".join(f"{counts[name]:,} {word}" for name, word in WORDS.items())
        write_out(f"at {moment(at_s)}: {told}; nothing was written\n")
    return Outcome.DONE


def _verdicts(service: Service, at_s: int, args: argparse.Namespace) -> tuple[bool, list[Verdict]]:
    """Whether there is any such account, and of those asked about what is wanted."""
    after: int | None = 0
    found: list[Verdict] = []
    while after is not None:
        asked = AskDryRun(at_s=at_s, area=args.area, after=after, account=args.account)
        page = service.money(asked, DryRunPage)
        if not page.known:
            return False, []
        found += [each for each in page.verdicts if args.only in {None, each.action}]
        after = page.after
    return True, found


def _show(found: Sequence[Verdict]) -> None:
    rows = [
        (
            each.account,
            each.area,
            each.payment,
            shown(each.balance),
            WORDS[each.action],
            each.place,
            _because(each),
        )
        for each in found
    ]
    if sys.stdout.isatty():
        table = Table(*HEADS)
        for row in rows:
            table.add_row(*map(str, row))
        Console().print(table)
    else:
        write_out(lines_text(HEADS, rows))


def _because(each: Verdict) -> str:
    until = f"; until {moment(each.until_s)}" if each.until_s is not None else ""
    notices = f"; told {' '.join(each.notices)}" if each.notices else ""
    return f"{each.says}{until}{notices}"


def list_outbox(args: argparse.Namespace) -> int:
    """Notices, disconnects, reconnects and what an operator must see, the newest first."""
    where = ["1"]
    if args.account:
        where.append(f"account = {int(args.account)}")
    if args.kind:
        where.append(f"kind = '{args.kind}'")
    if args.since is not None:
        where.append(f"at >= toDateTime({int(args.since)}, 'UTC')")
    sql = _OUTBOX.format(where=" AND ".join(where), limit=int(args.limit))
    with reach(load(args.config).config) as service:
        text = service.query(sql, "JSONEachRow")
    found = msgspec.json.Decoder(OutboxShown).decode_lines(text)
    if args.json:
        write_out(json_lines(found))
    else:
        write_out(outbox_text(found))
    return Outcome.DONE


def outbox_text(found: Sequence[OutboxShown]) -> str:
    """Tab-separated, with a heading."""
    heads = ("at", "account", "kind", "subject", "meter", "clause", "because")
    rows = [
        (each.at, each.account, each.kind, each.subject, each.meter, each.place, _says(each))
        for each in found
    ]
    return lines_text(heads, rows)


def _says(each: OutboxShown) -> str:
    """What a row about held reads saw stands in its evidence only."""
    if each.says:
        return each.says
    seen = msgspec.json.decode(each.evidence or "{}", type=_Held)
    return ": ".join(filter(None, (seen.day, ", ".join(seen.held))))


_OUTBOX = """
SELECT account, id, kind, subject, meter, place, says, policy, evidence, toString(at) AS at
FROM (SELECT * FROM m.outbox FINAL WHERE {where} ORDER BY at DESC, account, id LIMIT {limit})
ORDER BY at DESC, account, id"""
