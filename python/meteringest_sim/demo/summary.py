"""What a person reads at the end of the demo, and the one line a program reads."""

from collections.abc import Callable
from typing import TextIO

import msgspec
from rich.console import Console
from rich.table import Table

from meteringest_sim.demo.play import Act, Summary

PROBLEMS_SHOWN_MAX = 20


def print_summary(summary: Summary, out: TextIO) -> None:
    """Tables, problems if there are any, and last the JSON line."""
    console = Console(file=out, highlight=False)
    console.print(_acts(summary))
    console.print(_rejects(summary))
    for problem in summary.problems[:PROBLEMS_SHOWN_MAX]:
        console.print(f"[red]does not reconcile:[/red] {problem}", soft_wrap=True)
    if summary.reconciled:
        console.print("everything that was sent is accounted for, to the read", style="green")
    out.write(msgspec.json.encode(_line(summary)).decode() + "\n")
    out.flush()


def _acts(summary: Summary) -> Table:
    table = Table(title="sent over TCP, and what stands in ClickHouse")
    table.add_column("")
    for act in summary.acts:
        table.add_column(act.name, justify="right")
    for name, cell in _ROWS:
        table.add_row(name, *(cell(act) for act in summary.acts))
    return table


def _rejects(summary: Summary) -> Table:
    table = Table(title="rejects kept with their bytes, by kind")
    table.add_column("kind")
    table.add_column("rows", justify="right")
    for kind, count in summary.rejected.items():
        table.add_row(kind, f"{count:,}")
    return table


def _per_minute(act: Act) -> int:
    return round(act.report.total.reads_stored / act.seconds * 60)


def _books(name: str) -> Callable[[Act], str]:
    return lambda act: f"{getattr(act.report.total, name):,}"


def _line(summary: Summary) -> dict[str, object]:
    ledger = summary.ledger
    return {
        "reconciled": summary.reconciled,
        "frames": ledger.get("frames", 0),
        "frames_accepted": ledger.get("frames_accepted", 0),
        "frames_quarantined": ledger.get("frames_quarantined", 0),
        "frames_duplicate": ledger.get("frames_duplicate", 0),
        "reads": ledger.get("reads", 0),
        "reads_accepted": ledger.get("reads_stored", 0),
        "reads_stored": summary.reads_versions,
        "reads_current": summary.reads_current,
        "reads_changed": ledger.get("reads_changed", 0),
        "reads_quarantined": ledger.get("reads_quarantined", 0),
        "rejected": summary.rejected,
        "duplicates": ledger.get("reads_duplicate", 0),
        "acked": summary.acked,
        "captured_frames": summary.captured,
        "looks_while_running": summary.looks_while_running,
        "reads_per_minute": max((_per_minute(act) for act in summary.acts), default=0),
        "problems": summary.problems,
    }


_ROWS: tuple[tuple[str, Callable[[Act], str]], ...] = (
    ("frames", _books("frames")),
    ("  accepted", _books("frames_accepted")),
    ("  quarantined", _books("frames_quarantined")),
    ("  duplicate", _books("frames_duplicate")),
    ("reads", _books("reads")),
    ("  stored", _books("reads_stored")),
    ("  of these changed", _books("reads_changed")),
    ("  quarantined ", _books("reads_quarantined")),
    ("  duplicate ", _books("reads_duplicate")),
    ("seconds to ClickHouse", lambda act: f"{act.seconds:,.1f}"),
    ("reads a minute", lambda act: f"{_per_minute(act):,}"),
    ("differences", lambda act: str(len(act.differences))),
)
