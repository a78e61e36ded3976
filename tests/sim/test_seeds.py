"""The simulation's short version: some seeds, the same ones every time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sim.run import simulate

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", range(25))
def test_nothing_is_lost_and_nothing_comes_twice(seed: int) -> None:
    outcome = simulate(seed)
    assert outcome.violations == (), f"make sim SEED={seed}"


def test_the_same_seed_gives_the_same_trace() -> None:
    first, second = simulate(7, kept=True), simulate(7, kept=True)
    assert first.lines == second.lines
    assert first.digest == second.digest != simulate(8).digest


def test_another_process_with_another_hash_seed_gives_the_same_trace() -> None:
    program = "from tests.sim.run import simulate; print(simulate(11).digest)"
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": f"python{os.pathsep}."},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert told.strip() == simulate(11).digest
