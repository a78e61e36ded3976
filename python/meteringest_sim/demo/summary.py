"""What a person reads at the end of the demo, and the one line a program reads."""

from collections.abc import Callable
from typing import TextIO

import msgspec
from rich.console import Console
from rich.table import Table

from meteringest_sim.demo.balances import Balances
from meteringest_sim.demo.play import Act, Summary

PROBLEMS_SHOWN_MAX = 20
CUTS_SHOWN_MAX = 5


def print_summary(summary: Summary, out: TextIO) -> None:
    """Tables, problems if there are any, and last the JSON line."""
    console = Console(file=out, highlight=False)
    console.print(_acts(summary))
    console.print(_rejects(summary))
    _print_balances(console, summary.balances)
    for problem in summary.problems[:PROBLEMS_SHOWN_MAX]:
        console.print(f"[red]does not reconcile:[/red] {problem}", soft_wrap=True)
    fresh = summary.freshness
    console.print(
        f"from stored to charged: p50 {fresh.p50_s:.1f} s, p99 {fresh.p99_s:.1f} s, "
        f"at most {fresh.max_s:.1f} s"
    )
    if summary.reconciled:
        told = "everything that was sent is accounted for, to the read and to the paisa"
        console.print(told, style="green")
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


def _print_balances(console: Console, balances: Balances) -> None:
    """Who was warned, who would be cut and why, one statement."""
    console.print(_warned(balances))
    console.print(_verdicts(balances))
    for each in balances.cut[:CUTS_SHOWN_MAX]:
        since = f", below since {each['below since']}" if each["below since"] else ""
        console.print(
            f"would be cut: account {each['account']} by {each['clause']}: "
            f"{each['because']}{since}",
            soft_wrap=True,
        )
    console.print(f"\n{balances.statement}", soft_wrap=True)


def _warned(balances: Balances) -> Table:
    table = Table(title=f"{balances.accounts:,} accounts; {balances.taken:,} payments taken")
    table.add_column("told or switched")
    table.add_column("accounts", justify="right")
    for name, count in {**balances.warned, **balances.switched}.items():
        kind, _, level = name.partition(":")
        percent = f"{int(level) / 10_000:g} % of the last recharge" if kind == "percent" else name
        table.add_row(percent, f"{count:,}")
    return table


def _verdicts(balances: Balances) -> Table:
    table = Table(title=f"meteringest policy dry-run --at {balances.asked_at}")
    for name in ("would be", "clause"):
        table.add_column(name)
    table.add_column("accounts", justify="right")
    for action, clauses in sorted(balances.verdicts.items()):
        for place, count in sorted(clauses.items()):
            table.add_row(action, place, f"{count:,}")
    return table


def _per_minute(act: Act) -> int:
    return round(act.report.total.reads_stored / act.seconds * 60)


def _books(name: str) -> Callable[[Act], str]:
    return lambda act: f"{getattr(act.report.total, name):,}"


def _line(summary: Summary) -> dict[str, object]:
    ledger = summary.ledger
    return {
        "reconciled": summary.reconciled,
        "ledger_reconciled": summary.ledger_reconciled,
        "accounts": summary.balances.accounts,
        "charged": summary.balances.charged,
        "charged_after_s_p50": summary.freshness.p50_s,
        "charged_after_s_p99": summary.freshness.p99_s,
        "charged_after_s_max": summary.freshness.max_s,
        "payments_taken": summary.balances.taken,
        "payments_recognised": summary.balances.already_taken,
        "warned": sum(summary.balances.warned.values()),
        "would_be_cut": len(summary.balances.cut),
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
