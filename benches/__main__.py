"""`python -m benches`: every bench in one run, a table with ratios, and JSON in bench-results/."""

import subprocess
import sys
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

RESULTS = Path("bench-results")
CRATES = (("cosem", "decode"), ("cosem", "limit"), ("reads", "decode"), ("journal", "sync"))


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
    if file.exists() and file.stat().st_size:
        _print(msgspec.json.decode(file.read_bytes(), type=Run))
    for crate, bench in CRATES if not sys.argv[1:] else ():
        status |= subprocess.call(["cargo", "bench", "--locked", "-p", crate, "--bench", bench])  # noqa: S607
    return status


def _print(run: Run) -> None:
    table = Table(title="medians; ratio to the last of each group, which is the peer or limit")
    for heading in ("group", "who", "rate", "ratio"):
        table.add_column(heading, justify="left" if heading in {"group", "who"} else "right")
    for group in dict.fromkeys(bench.group for bench in run.benchmarks):
        members = [bench for bench in run.benchmarks if bench.group == group]
        rates = [bench.extra_info.amount / bench.stats.median for bench in members]
        for bench, rate in zip(members, rates, strict=True):
            noted = bench.extra_info
            table.add_row(
                group or "",
                noted.who or bench.name,
                f"{rate:,.0f} {noted.unit}/s",
                f"{rate / rates[-1]:.2f}",
            )
        table.add_section()
    Console(width=120).print(table)


if __name__ == "__main__":
    raise SystemExit(main())
