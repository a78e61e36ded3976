"""`replay-rejects`: stored rejects decoded again by the running service."""

import argparse
from datetime import UTC, datetime

import msgspec

from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.cli.reach import reach
from meteringest.config import load
from meteringest.control.messages import AskReplay, Replayed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which rejects; without any of these, all that are not resolved."""
    parser.add_argument("--kind", default="", help="only of this kind, such as no_layout")
    parser.add_argument("--meter", type=int, default=0, help="only of this meter, by number")
    parser.add_argument(
        "--since",
        type=_moment,
        default=0,
        metavar="WHEN",
        help="only received since then: 2026-11-20 or 2026-11-20T06:00, UTC",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say how many would be taken, change nothing"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=replay_rejects)


def replay_rejects(args: argparse.Namespace) -> int:
    """What it brought, and why the rest stays."""
    wanted = AskReplay(kind=args.kind, meter=args.meter, since_ms=args.since, dry_run=args.dry_run)
    with reach(load(args.config).config) as service:
        done = service.replay_rejects(wanted)
    if args.json:
        write_out(msgspec.json.encode(done) + b"\n")
    else:
        write_out(_said(done, dry_run=args.dry_run))
    return Outcome.DONE


def _said(done: Replayed, *, dry_run: bool) -> str:
    if dry_run:
        lines = [f"{done.seen:,} rejects, {done.resolved:,} of them would be decoded now"]
    else:
        lines = [
            f"{done.seen:,} rejects, {done.resolved:,} of them resolved",
            f"stored: {done.reads:,} reads, {done.registers:,} registers, {done.events:,} events",
        ]
    lines += [f"still {kind}: {count:,}" for kind, count in sorted(done.refused.items())]
    return "\n".join(lines) + "\n"


def _moment(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000)
