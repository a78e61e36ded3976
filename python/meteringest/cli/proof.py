"""`reconcile` and `journal verify`: what came in is counted again, and read again."""

import argparse
from datetime import date

import msgspec

from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.config import load
from meteringest.control.client import connected
from meteringest.control.messages import Verified
from meteringest.store.conservation import Conservation, DcuDay

HEADINGS = (
    *("dcu", "frames", "accepted", "quarantined", "duplicate"),
    *("reads", "stored", "quarantined", "duplicate", "changed"),
    *("in tables", "missing", "rejects", "missing"),
)


def add_reconcile_arguments(parser: argparse.ArgumentParser) -> None:
    """Which day, and whose."""
    parser.add_argument(
        "--day",
        required=True,
        type=date.fromisoformat,
        metavar="YYYY-MM-DD",
        help="the day it was received, UTC",
    )
    parser.add_argument("--dcu", default="", help="one concentrator, by number or name")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=reconcile)


def reconcile(args: argparse.Namespace) -> int:
    """The report, and status 1 when something is missing."""
    config = load(args.config).config
    with connected(config.data_dir) as client:
        if client is not None:
            report = client.reconcile(args.day, args.dcu)
        else:
            from meteringest import app  # noqa: PLC0415 -- the engine loads slowly

            report = app.reconcile(config, args.day, args.dcu)
    write_out(msgspec.json.encode(report) + b"\n" if args.json else _table(report))
    return Outcome.FAILED if report.problems else Outcome.DONE


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to choose."""
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=verify)


def verify(args: argparse.Namespace) -> int:
    """What was read, each fault in a line, and status 1 when there is one."""
    config = load(args.config).config
    with connected(config.data_dir) as client:
        if client is not None:
            found = client.verify_journal()
        else:
            from meteringest import app  # noqa: PLC0415 -- as above

            found = app.verify_journal(config)
    write_out(msgspec.json.encode(found) + b"\n" if args.json else _said(found))
    return Outcome.FAILED if found.faults else Outcome.DONE


def _table(report: Conservation) -> str:
    rows = [HEADINGS, *(_row(each) for each in report.dcus)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADINGS))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    spans = ", ".join(f"{first} to {last}" for first, last in report.ranges) or "none"
    verdict = [f"MISSING: {problem}" for problem in report.problems]
    if not verdict:
        verdict = ["whole: every frame and read is accounted for and stands in its table"]
    verdict += [f"WAITING: {waiting}" for waiting in report.waiting]
    lines += ["", f"received on {report.day} (UTC), positions {spans}", *verdict]
    return "\n".join(lines) + "\n"


def _row(each: DcuDay) -> tuple[str, ...]:
    day = each.day
    counts = (
        *(day.frames, day.frames_accepted, day.frames_quarantined, day.frames_duplicate),
        *(day.reads, day.reads_stored, day.reads_quarantined, day.reads_duplicate),
        *(day.reads_changed, each.reads_found, each.reads_missing),
        *(each.rejects_found, each.rejects_missing),
    )
    return (str(each.dcu), *(f"{count:,}" for count in counts))


def _said(found: Verified) -> str:
    lines = [
        f"{found.segments:,} segments, {found.records:,} records, {found.bytes:,} bytes read",
        f"{found.released:,} segments were released before",
        f"head {found.head or 'none yet'}",
        *(f"given up in a salvage: rows {first} to {last}" for first, last in found.given_up),
        *(f"FAULT: {each.path} at byte {each.offset}: {each.reason}" for each in found.faults),
    ]
    return "\n".join(lines) + "\n"
