"""`python -m benches.against COMMIT`: the decoder beside that of another commit, in one run.

Both are built here, the other one from a worktree under target/, and take turns: what else the
machine does meets both alike, and the quickest sample of each is compared. With `--count` they are
run once under callgrind instead, and the instructions inside `Decoder.decode` are compared, which
come out the same on a busy machine.

Exit status 1 when a ratio is above `--at-most`.
"""

import argparse
import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

PUSHES = ("48 intervals, 256 meters", "1 intervals, 256 meters")
BUILD = ("cargo", "bench", "--locked", "-q", "-p", "reads", "--bench", "decode", "--no-run")
QUICK = ("--warm-up-time", "0.2", "--measurement-time", "1")
DECODE = "reads::decode::Decoder::decode"

Measure = Callable[[Path, str], float]


class Target(msgspec.Struct):
    """What cargo says it has made."""

    kind: list[str]


class Built(msgspec.Struct):
    """One line of cargo's messages."""

    reason: str
    executable: str | None = None
    target: Target | None = None


class Sample(msgspec.Struct):
    """Criterion's raw times in nanoseconds, and the rounds in each."""

    iters: list[float]
    times: list[float]


def main() -> int:
    """0 when this tree is as quick as asked."""
    parser = argparse.ArgumentParser(prog="python -m benches.against", description=__doc__)
    parser.add_argument("commit")
    parser.add_argument("--turns", type=int, default=10, help="of each, when measuring time")
    parser.add_argument("--count", action="store_true", help="instructions, by valgrind")
    parser.add_argument("--at-most", type=float, metavar="RATIO")
    asked = parser.parse_args()
    ours = _executable(Path.cwd())
    theirs = _executable(_worktree(asked.commit))
    turns, measure = (1, _instructions) if asked.count else (asked.turns, _nanoseconds)
    unit = "instructions" if asked.count else "ns"
    table = Table(title=f"decode, one round of 256 meters: {unit}, least of {turns}")
    for heading in ("push", "here", asked.commit, "ratio"):
        table.add_column(heading, justify="left" if heading == "push" else "right")
    worst = 0.0
    for push in PUSHES:
        here, there = _least(measure, push, (ours, theirs), turns)
        worst = max(worst, here / there)
        table.add_row(push, f"{here:,.0f}", f"{there:,.0f}", f"{here / there:.3f}")
    Console(width=100).print(table)
    return int(asked.at_most is not None and worst > asked.at_most)


def _least(measure: Measure, push: str, both: tuple[Path, Path], turns: int) -> tuple[float, float]:
    taken = [(measure(both[0], push), measure(both[1], push)) for _ in range(turns)]
    return min(here for here, _ in taken), min(there for _, there in taken)


def _worktree(commit: str) -> Path:
    """The commit's files, left for the next run."""
    parse = ("git", "rev-parse", "--verify", f"{commit}^{{commit}}")
    name = subprocess.run(parse, check=True, capture_output=True, text=True).stdout.strip()
    folder = Path("target/against", name)
    if not folder.exists():
        add = ("git", "worktree", "add", "--detach", str(folder), name)
        subprocess.run(add, check=True)
    return folder


def _executable(tree: Path) -> Path:
    """Its bench. One target folder for both: they share what they depend on."""
    environment = os.environ | {
        "CARGO_TARGET_DIR": os.environ.get("CARGO_TARGET_DIR", str(Path.cwd() / "target"))
    }
    build = (*BUILD, "--message-format", "json")
    said = subprocess.run(build, cwd=tree, env=environment, check=True, capture_output=True)
    found = [msgspec.json.decode(line, type=Built) for line in said.stdout.splitlines()]
    benches = [each for each in found if each.target and each.target.kind == ["bench"]]
    (executable,) = [each.executable for each in benches if each.executable]
    return Path(executable)


def _nanoseconds(bench: Path, push: str) -> float:
    with tempfile.TemporaryDirectory() as home:
        _run(("--bench", *QUICK, push), bench, {"CRITERION_HOME": home})
        (file,) = Path(home).glob("decode/*/new/sample.json")
        sample = msgspec.json.decode(file.read_bytes(), type=Sample)
    return min(spent / rounds for spent, rounds in zip(sample.times, sample.iters, strict=True))


def _instructions(bench: Path, push: str) -> float:
    """Of two rounds, the first of which is the fleet's first push."""
    with tempfile.TemporaryDirectory() as home:
        tool = (
            *("valgrind", "--tool=callgrind", f"--toggle-collect={DECODE}"),
            f"--callgrind-out-file={home}/out",
        )
        said = _run(("--bench", "--test", push), bench, {"CRITERION_HOME": home}, tool)
    found = re.search(r"Collected : (\d+)", said)
    assert found is not None, said
    return int(found[1])


def _run(
    arguments: tuple[str, ...], bench: Path, more: dict[str, str], tool: tuple[str, ...] = ()
) -> str:
    command = (*tool, str(bench), *arguments)
    done = subprocess.run(
        command, env=os.environ | more, check=True, capture_output=True, text=True
    )
    return done.stderr


if __name__ == "__main__":
    raise SystemExit(main())
