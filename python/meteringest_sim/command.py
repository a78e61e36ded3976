"""`meteringest simulate`: arguments into a run, a table for a person, a report for reconciling."""

import argparse
import sys
from datetime import datetime
from pathlib import Path

import trio
from rich.console import Console
from rich.table import Table

from meteringest.clock import WallClock
from meteringest.errors import ConfigError
from meteringest.native import Fleet
from meteringest.offload import ThreadOffload
from meteringest.progress import progress
from meteringest_sim.dial import Dial, TlsFiles
from meteringest_sim.faults import ALL, MEANING, Fault, parse_rates
from meteringest_sim.fleet import INTERVALS_S, FleetSpec, write_registry
from meteringest_sim.pace import Fast, Live, Pace
from meteringest_sim.report import Report, write_report
from meteringest_sim.run import Means, Orders, Route, simulate

DAY_S = 86_400
ENCODERS = 2
PROBLEMS_SHOWN = 5
ABOUT = f"""\
A seeded fleet pushes half-hourly block loads, ciphered with a key per meter, over real TCP.

First let the service know the fleet, then send:
  meteringest simulate --meters 1000 --dcus 10 --registry-out fleet --dry-run
  meteringest dcus import fleet/dcus.csv && meteringest meters import fleet/meters.csv
  meteringest simulate --meters 1000 --dcus 10 --days 1 --push 48

More examples:
  meteringest simulate --meters 20000 --dcus 20 --days 2 --fault duplicate=0.01 --fault cut=0.001
  meteringest simulate --meters 500 --dcus 5 --push 1 --pace live --speed 60
  meteringest simulate --meters 500 --dcus 5 --port 0 --uplink-port 4060 --fault {ALL}=0.005

Faults (name=rate of frames, or {ALL}=rate; given more than once):
""" + "\n".join(f"  {name:<14} {MEANING[name]}" for name in Fault)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every argument has a default that works against `meteringest serve` as it comes."""
    parser.epilog = ABOUT
    fleet = parser.add_argument_group("the fleet")
    fleet.add_argument("--seed", type=int, default=1, help="everything follows from it (1)")
    fleet.add_argument("--meters", type=_count, default=100, help="how many (100)")
    fleet.add_argument("--dcus", type=_count, default=4, help="concentrators they share (4)")
    fleet.add_argument("--first-meter", type=_count, default=1, help="number of the first (1)")
    fleet.add_argument("--interval-s", type=int, choices=INTERVALS_S, default=1_800)
    fleet.add_argument(
        "--uniform", action="store_true", help="single-phase meters with full protection only"
    )
    fleet.add_argument("--confirmed", action="store_true", help="pushes that ask for an answer")
    fleet.add_argument("--first-counter", type=_count, help="(minutes of --start since 1970)")
    _what(parser.add_argument_group("what is sent"))
    _where(parser.add_argument_group("where to"))
    _files(parser.add_argument_group("files"))


def _what(group: argparse._ArgumentGroup) -> None:
    spans = group.add_mutually_exclusive_group()
    spans.add_argument("--days", type=_count, default=1, help="days of intervals (1)")
    spans.add_argument("--slots", type=_count, help="intervals instead of days")
    group.add_argument(
        "--push", type=_count, default=48, metavar="N", help="intervals in a push, 1 or 48 say (48)"
    )
    group.add_argument(
        "--start", type=_moment, help="first interval, 2026-11-20T00:00+05:30 (so as to end now)"
    )
    group.add_argument("--pace", choices=("fast", "live"), default="fast")
    group.add_argument("--speed", type=float, default=1.0, help="live: times as fast (1)")
    group.add_argument("--fault", action="append", default=[], metavar="NAME=RATE")


def _where(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--host", default="127.0.0.1")
    group.add_argument("--port", type=int, default=4_059, help="plain links; 0 for none (4059)")
    group.add_argument(
        "--uplink-port", type=int, default=0, help="acked uplinks; with --port too, every other DCU"
    )
    group.add_argument(
        "--source-net", metavar="NET", help="DCU n calls from its n-th address (127.1.0.0/16)"
    )
    group.add_argument("--tls-ca", type=Path, help="PEM file of the server's authority")
    group.add_argument(
        "--tls-certificates", type=Path, help="folder with dcu-<n>.pem: certificate, then key"
    )
    group.add_argument(
        "--patience-s", type=float, default=60.0, help="uplinks: how long to keep calling (60)"
    )


def _files(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--registry-out", type=Path, metavar="DIR", help="meters.csv, dcus.csv")
    group.add_argument("--report", type=Path, metavar="FILE", help="JSON: what must come out")
    group.add_argument("--dry-run", action="store_true", help="files only; nothing is sent")


def run(args: argparse.Namespace) -> int:
    """0 when everything was sent and taken, 1 when a link failed."""
    orders = _orders(args)
    fleet = orders.spec.build()
    if args.registry_out is not None:
        write_registry(fleet, args.registry_out)
    if args.dry_run:
        return 0
    report = trio.run(_simulate, orders, fleet, args)
    if args.report is not None:
        write_report(report, args.report)
    _print(report)
    return 0 if report.complete else 1


async def _simulate(orders: Orders, fleet: Fleet, args: argparse.Namespace) -> Report:
    reads = orders.spec.meters * orders.slots
    with progress("reads sent", reads) as advance:
        means = Means(
            offload=ThreadOffload(ENCODERS), clock=WallClock(), pace=_pace(args), heard=advance
        )
        return await simulate(orders, _routes(args), fleet, means)


def _orders(args: argparse.Namespace) -> Orders:
    slots: int = args.slots or args.days * DAY_S // args.interval_s
    if slots % args.push:
        raise ConfigError("--push", f"{slots} intervals cannot be sent {args.push} at a time")
    rates = parse_rates(args.fault)
    start_s = args.start if args.start is not None else _start_s(args, slots)
    spec = FleetSpec(
        seed=args.seed,
        meters=args.meters,
        dcus=args.dcus,
        first_meter=args.first_meter,
        interval_s=args.interval_s,
        first_counter=args.first_counter or start_s // 60,
        mixed=not args.uniform,
        confirmed=args.confirmed,
    )
    return Orders(
        spec=spec,
        first_slot=spec.build().slot_at(start_s),
        slots=slots,
        per_push=args.push,
        rates=rates,
        patience_s=args.patience_s,
    )


def _start_s(args: argparse.Namespace, slots: int) -> int:
    """The last interval has just ended; at live pace in real time the first is about to."""
    now_s = WallClock().now_s()
    ahead = args.pace == "live" and args.speed <= 1
    return now_s if ahead else now_s - slots * int(args.interval_s)


def _routes(args: argparse.Namespace) -> list[Route]:
    if not args.port and not args.uplink_port:
        raise ConfigError("--port", "neither --port nor --uplink-port is given")
    tls = None
    if args.tls_ca is not None:
        tls = TlsFiles(authority=args.tls_ca, certificates=args.tls_certificates)
    routes = []
    for dcu in range(1, args.dcus + 1):
        uplink = bool(args.uplink_port) and (not args.port or dcu % 2 == 0)
        dial = Dial(
            host=args.host,
            port=args.uplink_port if uplink else args.port,
            dcu=dcu,
            tls=tls.context(dcu) if tls is not None else None,
            source_net=args.source_net,
        )
        routes.append(Route(dial, uplink))
    return routes


def _pace(args: argparse.Namespace) -> Pace:
    if args.pace == "fast":
        return Fast()
    began_s = WallClock().now_s()
    if args.speed > 1:
        slots = args.slots or args.days * DAY_S // args.interval_s
        began_s -= slots * args.interval_s
    return Live(
        began_s=float(args.start if args.start is not None else began_s),
        began=trio.current_time(),
        speed=args.speed,
        interval_s=args.interval_s,
    )


def _print(report: Report) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    account = report.total
    acked = sum(each.acked for each in report.dcus)
    confirms = sum(each.confirms for each in report.dcus)
    rows = [
        ("sent", f"{account.frames:,} frames, {account.reads:,} reads in {report.seconds:,.1f} s"),
        ("", f"{report.bytes_sent:,} bytes, {report.reads_per_minute:,} new reads a minute"),
        (
            "must be stored",
            f"{account.distinct:,} reads, {account.reads_changed:,} of them changed",
        ),
        ("must be refused", _counts(account.rejected)),
        ("repeated", f"{account.frames_duplicate:,} frames, {account.reads_duplicate:,} reads"),
        ("faults", _counts(account.faults)),
        (
            "acked",
            f"{acked:,} envelopes, {confirms:,} confirmed frames",
        ),
        *(("failed", problem) for problem in report.problems[:PROBLEMS_SHOWN]),
    ]
    for name, value in rows:
        table.add_row(name, value)
    Console(file=sys.stdout).print(table)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        reason = f"{count} is less than 1"
        raise argparse.ArgumentTypeError(reason)
    return count


def _moment(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        reason = f"{text} has no zone, such as +05:30"
        raise argparse.ArgumentTypeError(reason)
    return int(moment.timestamp())
