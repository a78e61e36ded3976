"""`python -m benches.against COMMIT`: the decoder beside that of another commit, in one run.

Both are built here, the other one in a worktree under target/, and take turns: what else the
machine does meets both alike, and the quickest round of each is compared. With `--count` they run
once under callgrind instead, and the instructions inside `Decoder.decode` are compared, which come
out the same on a busy machine. Both run rust/reads/examples/pushes.rs of this tree.

Exit status 1 when a ratio is above `--at-most`.
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

PUSHES = Path("rust/reads/examples/pushes.rs")
BUILD = ("cargo", "build", "--release", "--locked", "-q", "-p", "reads", "--example", "pushes")
DECODE = "reads::decode::Decoder::decode"
ROUNDS = {1: 60, 48: 12}
"""Rounds of a run by intervals in a push."""
METERS = 128

Measure = Callable[[Path, int], float]


class Target(msgspec.Struct):
    """What cargo says it has made."""

    kind: list[str]


class Built(msgspec.Struct):
    """One line of cargo's messages."""

    reason: str
    executable: str | None = None
    target: Target | None = None


def main() -> int:
    """0 when this tree is as quick as asked."""
    parser = argparse.ArgumentParser(prog="python -m benches.against", description=__doc__)
    parser.add_argument("commit")
    parser.add_argument("--turns", type=int, default=30, help="of each, when measuring time")
    parser.add_argument("--count", action="store_true", help="instructions, by valgrind")
    parser.add_argument("--at-most", type=float, metavar="RATIO")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = _executable(Path.cwd(), Path(folder, "ours"))
        theirs = _executable(_worktree(asked.commit), Path(folder, "theirs"))
        turns, measure = (1, _instructions) if asked.count else (asked.turns, _nanoseconds)
        least = {each: _least(measure, each, (ours, theirs), turns) for each in ROUNDS}
    unit = "instructions" if asked.count else "ns"
    table = Table(title=f"decoding a push: {unit}, least of {turns}")
    for heading in ("push", "here", asked.commit, "ratio"):
        table.add_column(heading, justify="left" if heading == "push" else "right")
    for intervals, (here, there) in least.items():
        ratio = f"{here / there:.3f}"
        table.add_row(f"{intervals} intervals", f"{here:,.0f}", f"{there:,.0f}", ratio)
    Console(width=100).print(table)
    worst = max(here / there for here, there in least.values())
    return int(asked.at_most is not None and worst > asked.at_most)


def _least(
    measure: Measure, intervals: int, both: tuple[Path, Path], turns: int
) -> tuple[float, float]:
    ours, theirs = both
    taken = [(measure(ours, intervals), measure(theirs, intervals)) for _ in range(turns)]
    return min(here for here, _ in taken), min(there for _, there in taken)


def _worktree(commit: str) -> Path:
    """The commit's files with our example among them, left for the next run."""
    parse = ("git", "rev-parse", "--verify", f"{commit}^{{commit}}")
    name = subprocess.run(parse, check=True, capture_output=True, text=True).stdout.strip()
    folder = Path("target/against", name)
    if not folder.exists():
        add = ("git", "worktree", "add", "-q", "--detach", str(folder), name)
        subprocess.run(add, check=True)
    (folder / PUSHES).parent.mkdir(exist_ok=True)
    shutil.copy(PUSHES, folder / PUSHES)
    return folder


def _executable(tree: Path, copy: Path) -> Path:
    """The tree's example. One target folder for both trees: they share what they depend on."""
    target = os.environ.get("CARGO_TARGET_DIR", str(Path.cwd() / "target"))
    build = (*BUILD, "--message-format", "json")
    environment = os.environ | {"CARGO_TARGET_DIR": target}
    said = subprocess.run(build, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE)
    found = [msgspec.json.decode(line, type=Built) for line in said.stdout.splitlines()]
    examples = [each for each in found if each.target and each.target.kind == ["example"]]
    (executable,) = [each.executable for each in examples if each.executable]
    return Path(shutil.copy(executable, copy))


def _nanoseconds(example: Path, intervals: int) -> float:
    return int(_run(example, intervals).stdout) / METERS


def _instructions(example: Path, intervals: int) -> float:
    """Of a push, the first of each meter among them."""
    with tempfile.TemporaryDirectory() as folder:
        tool = (
            *("valgrind", "--tool=callgrind", f"--toggle-collect={DECODE}"),
            f"--callgrind-out-file={folder}/out",
        )
        said = _run(example, intervals, *tool).stderr
    found = re.search(r"Collected : (\d+)", said)
    assert found is not None, said
    return int(found[1]) / ROUNDS[intervals] / METERS


def _run(example: Path, intervals: int, *tool: str) -> subprocess.CompletedProcess[str]:
    numbers = map(str, (intervals, ROUNDS[intervals], METERS))
    command = (*tool, str(example), *numbers)
    return subprocess.run(command, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    raise SystemExit(main())
