"""The simulation's short version: some seeds, the same ones every time."""

import pytest
from tests.sim.run import simulate


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_and_nothing_comes_twice(seed: int) -> None:
    outcome = simulate(seed)
    assert outcome.violations == (), f"make sim SEED={seed}"


def test_the_same_seed_gives_the_same_trace() -> None:
    first, second = simulate(7, kept=True), simulate(7, kept=True)
    assert first.lines == second.lines
    assert first.digest == second.digest != simulate(8).digest
