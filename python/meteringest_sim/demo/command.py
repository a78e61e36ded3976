"""Arguments into a demo in a folder of its own, which is gone afterwards unless it is asked for."""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import trio

from meteringest_sim.demo.play import Play, Scale
from meteringest_sim.demo.summary import print_summary

DONE, FAILED = 0, 1
ABOUT = """\
Builds a registry, starts `meteringest serve` on chDB, sends captured frames and a seeded fleet's
pushes with every fault over real TCP, kills nothing, and compares what stands in ClickHouse with
what was sent: to the frame, to the read, to the watt-hour. Every meter has an account: at the end
it shows who was warned, who would be cut and why, one statement whole, and holds every balance
against what was sent and paid, priced again in fractions. The last line is one JSON object.

examples:
  meteringest demo
  meteringest demo --meters 50000 --days 14
  meteringest demo --keep demo-data      # leaves settings, logs, reports and the store there
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The defaults end within a minute or so on two cores."""
    parser.epilog = ABOUT
    parser.add_argument("--seed", type=int, default=2026, help="everything follows from it (2026)")
    parser.add_argument("--meters", type=int, default=20_000, help="how many (20000)")
    parser.add_argument("--dcus", type=int, default=20, help="concentrators they share (20)")
    parser.add_argument(
        "--days", type=int, default=7, help="days sent as 48-interval pushes first (7)"
    )
    parser.add_argument(
        "--live-slots", type=int, default=6, help="half hours sent one by one afterwards (6)"
    )
    parser.add_argument("--fault-rate", type=float, default=0.002, help="of each fault (0.002)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="an empty folder to leave all in")


def run(args: argparse.Namespace) -> int:
    """0 when everything reconciles."""
    scale = Scale(
        seed=args.seed,
        meters=args.meters,
        dcus=args.dcus,
        days=args.days,
        live_slots=args.live_slots,
        fault_rate=args.fault_rate,
    )
    with ExitStack() as stack:
        folder = args.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="meteringest-demo-"))
        )
        folder.mkdir(parents=True, exist_ok=True)
        summary = trio.run(Play(folder.resolve(), scale).run)
    print_summary(summary, sys.stdout)
    return DONE if summary.reconciled else FAILED
