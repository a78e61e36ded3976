"""Commands about the service as a whole: serve, migrate, status, query, reload."""

import argparse
import sys

import msgspec

from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.cli.reach import reach
from meteringest.config import load
from meteringest.control.messages import Status
from meteringest.errors import LinkError


def serve(args: argparse.Namespace) -> int:
    """Runs until told to stop."""
    config = load(args.config).config
    from meteringest.app import serve as run  # noqa: PLC0415 -- the engine loads slowly

    run(config, salvage=args.salvage)
    return Outcome.DONE


def migrate(args: argparse.Namespace) -> int:
    """Applies what is missing and names it."""
    config = load(args.config).config
    from meteringest.app import migrate as apply  # noqa: PLC0415 -- as above

    applied = apply(config)
    for name in applied:
        write_out(f"applied {name}\n")
    if not applied:
        write_out("nothing to do: the tables are up to date\n")
    return Outcome.DONE


def status(args: argparse.Namespace) -> int:
    """Of the running service, or of what lies on disk when none runs."""
    with reach(load(args.config).config) as service:
        seen = service.status()
    if args.json:
        write_out(msgspec.json.encode(seen) + b"\n")
    else:
        write_out(_status_text(seen))
    return Outcome.DONE


def query(args: argparse.Namespace) -> int:
    """The result as the engine writes it."""
    output = args.format or ("PrettyCompact" if sys.stdout.isatty() else "TSVWithNames")
    with reach(load(args.config).config) as service:
        result = service.query(args.sql, output)
    write_out(result)
    return Outcome.DONE


def reload(args: argparse.Namespace) -> int:
    """Only a running service has something to reload."""
    config = load(args.config).config
    with reach(config) as service:
        if not service.status().running:
            raise LinkError(str(config.data_dir), "no service is running here: nothing to reload")
        write_out(service.reload() + "\n")
    return Outcome.DONE


def _status_text(seen: Status) -> str:
    lines = [*_overview(seen), *(_traffic(seen) if seen.running else ()), *_disk(seen)]
    width = max(len(name) for name, _ in lines) + 2
    return "".join(f"{name:<{width}}{value}\n" for name, value in lines)


def _overview(seen: Status) -> list[tuple[str, str]]:
    rejects = ", ".join(f"{kind} {count:,}" for kind, count in sorted(seen.rejected.items()))
    return [
        ("service", f"running for {seen.uptime_s:,.0f} s" if seen.running else "not running"),
        ("version", f"{seen.version}, node {seen.node}"),
        ("lag", f"{seen.lag_reads:,} reads, {seen.lag_s:.1f} s not yet in ClickHouse"),
        ("reads", _reads(seen)),
        ("rejects", rejects or "none"),
    ]


def _traffic(seen: Status) -> list[tuple[str, str]]:
    return [
        ("rate", f"{seen.reads_per_s:,.0f} reads/s, {seen.frames_per_s:,.0f} frames/s"),
        ("frames", f"{seen.frames:,}"),
        ("connections", f"{seen.connections:,} open, {seen.connections_refused:,} refused"),
        ("intake", seen.intake_held or "open"),
    ]


def _disk(seen: Status) -> list[tuple[str, str]]:
    reserve = _size(seen.disk_reserve_bytes)
    return [
        ("positions", f"appended {seen.appended}, durable {seen.durable}, stored {seen.stored}"),
        ("journal", _size(seen.journal_bytes)),
        ("disk", f"{_size(seen.disk_free_bytes)} free, reserve {reserve}"),
        ("store", f"{seen.store}: {seen.store_trouble}" if seen.store_trouble else seen.store),
    ]


def _reads(seen: Status) -> str:
    return (
        f"{seen.reads_accepted:,} accepted, {seen.reads_quarantined:,} quarantined, "
        f"{seen.reads_duplicate:,} duplicate, {seen.reads_changed:,} changed"
    )


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004 -- the step between the units
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"
