"""`retime`: stored reads told anew by the time policies that the registry has now."""

import argparse
from collections import Counter
from datetime import UTC, datetime

import msgspec

from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.cli.reach import reach
from meteringest.config import load
from meteringest.control.messages import AskRetime
from meteringest.errors import ConfigError
from meteringest.progress import progress

COUNTS = ("meters", "seen", "moved", "withdrawn", "undecided", "busy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which meters and which intervals."""
    parser.add_argument(
        "--meter", type=int, action="append", default=[], help="a meter's number; may be repeated"
    )
    parser.add_argument("--model", default="", help="all meters of this model")
    parser.add_argument("--all", action="store_true", help="all meters in use")
    for name, what in (("--since", "from then on"), ("--until", "before then")):
        parser.add_argument(
            name,
            type=_moment,
            required=True,
            metavar="WHEN",
            help=f"intervals stored as beginning {what}: 2026-11-20 or 2026-11-20T06:00, UTC",
        )
    parser.add_argument(
        "--dry-run", action="store_true", help="say how many would be moved, change nothing"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=retime)


def retime(args: argparse.Namespace) -> int:
    """What was moved, page after page of meters."""
    if sum(map(bool, (args.meter, args.model, args.all))) != 1:
        raise ConfigError("retime", "say which meters: --meter, --model or --all, one of them")
    sums: Counter[str] = Counter()
    after = 0
    with (
        reach(load(args.config).config) as service,
        progress("meters", len(args.meter) or None) as advance,
    ):
        while True:
            done = service.retime(
                AskRetime(
                    meters=tuple(args.meter),
                    model=args.model,
                    after=after,
                    since_s=args.since,
                    until_s=args.until,
                    dry_run=args.dry_run,
                )
            )
            if not done.last:
                break
            after = done.last
            advance(done.meters)
            sums.update({name: getattr(done, name) for name in COUNTS})
    counts = {name: sums[name] for name in COUNTS}
    if args.json:
        write_out(msgspec.json.encode(counts) + b"\n")
    else:
        write_out(_said(counts, dry_run=args.dry_run))
    return Outcome.DONE


def _said(counts: dict[str, int], *, dry_run: bool) -> str:
    done = "would be moved" if dry_run else "moved"
    lines = [
        f"{counts['seen']:,} reads of {counts['meters']:,} meters, {counts['moved']:,} {done}",
        f"intervals left without a read: {counts['withdrawn']:,}",
    ]
    if counts["undecided"]:
        lines.append(f"left, as the policy gives no time for them: {counts['undecided']:,}")
    if counts["busy"]:
        lines.append(f"meters that kept sending, left as they are: {counts['busy']:,}; run again")
    return "\n".join(lines) + "\n"


def _moment(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())
