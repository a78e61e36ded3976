"""`python -m benches`: every bench in one run, a table with ratios, and JSON in bench-results/.

Arguments go to pytest, to run some benches only; without any, the crates' own benches follow.
"""

import subprocess
import sys
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

RESULTS = Path("bench-results")
CARGO = ("cargo", "bench", "--locked")
LIMIT = (*CARGO, "-p", "cosem", "--bench", "limit", "--", "--json")
CRATES = (("cosem", "decode"), ("reads", "decode"), ("journal", "sync"))
PUSHES = {"A": "core and C limit, 48-interval push", "B": "core and C limit, 1-interval push"}


class Stats(msgspec.Struct):
    """Seconds a round."""

    median: float
    min: float


class Noted(msgspec.Struct):
    """What a bench says of itself."""

    who: str = ""
    unit: str = ""
    amount: float = 0


class Bench(msgspec.Struct):
    """One line of the table."""

    name: str
    group: str | None
    stats: Stats
    extra_info: Noted


class Run(msgspec.Struct):
    """pytest-benchmark's file, as far as it is shown."""

    benchmarks: list[Bench]


class Limit(msgspec.Struct):
    """One line of the core's bench beside the C program of cosem/benches/limit."""

    input: str
    way: str
    intervals_per_s: float
    of_limit: float


class Line(msgspec.Struct):
    """One line of the table and of summary.json."""

    group: str
    who: str
    rate: float
    unit: str
    ratio: float


def main() -> int:
    """0 when every bench ran."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "python.json"
    status = subprocess.call(
        [
            *(sys.executable, "-m", "pytest", "benches", "-q", "--benchmark-disable-gc"),
            *("--benchmark-columns=median", f"--benchmark-json={file}", "-p", "no:cacheprovider"),
            *("--timeout=900", *sys.argv[1:]),
        ]
    )
    lines = _measured(file) if file.exists() and file.stat().st_size else []
    if not sys.argv[1:]:
        lines += _limits()
    _print(lines)
    (RESULTS / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(lines)))
    for crate, bench in CRATES if not sys.argv[1:] else ():
        status |= subprocess.call([*CARGO, "-p", crate, "--bench", bench])
    return status


def _measured(file: Path) -> list[Line]:
    """Each bench with its ratio to the slowest of its group, which is a peer or the bare thing."""
    run = msgspec.json.decode(file.read_bytes(), type=Run)
    lines: list[Line] = []
    for group in dict.fromkeys(bench.group for bench in run.benchmarks):
        members = [bench for bench in run.benchmarks if bench.group == group]
        rates = [bench.extra_info.amount / bench.stats.median for bench in members]
        for bench, rate in zip(members, rates, strict=True):
            noted = bench.extra_info
            who = noted.who or bench.name
            lines.append(Line(group or "", who, rate, noted.unit, rate / (rates[-1] or 1)))
    return lines


def _limits() -> list[Line]:
    done = subprocess.run(LIMIT, check=True, capture_output=True)
    found = [
        msgspec.json.decode(line, type=Limit)
        for line in done.stdout.splitlines()
        if line.startswith(b"{")
    ]
    return [
        Line(PUSHES[each.input], each.way, each.intervals_per_s, "intervals", each.of_limit)
        for each in found
    ]


def _print(lines: list[Line]) -> None:
    table = Table(title="medians; a ratio is to the last of its group, or to C's template walk")
    for heading in ("group", "who", "rate", "ratio"):
        table.add_column(heading, justify="left" if heading in {"group", "who"} else "right")
    last = ""
    for line in lines:
        if last and line.group != last:
            table.add_section()
        table.add_row(
            "" if line.group == last else line.group,
            line.who,
            f"{line.rate:,.0f} {line.unit}/s",
            f"{line.ratio:,.2f}",
        )
        last = line.group
    Console(width=120).print(table)


if __name__ == "__main__":
    raise SystemExit(main())
