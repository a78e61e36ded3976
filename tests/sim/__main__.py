"""`make sim SEED=n` and `make sim-many N=n`: one seed told line by line, or many counted."""

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.sim.run import WEATHER_STEPS, Outcome, run_seed, simulate

SHOWN = 10
TOLD_EVERY = 500


def main() -> int:
    """1 when a seed breaks an invariant."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seed", type=int, help="one seed, with its trace")
    parser.add_argument(
        "--steps", type=int, default=WEATHER_STEPS, help="how often the weather turns"
    )
    parser.add_argument("--many", type=int, help="so many seeds, counted")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    given = parser.parse_args()
    if given.seed is not None:
        return _one(given.seed, given.steps)
    seeds = [(seed, given.steps) for seed in range(given.first, given.first + (given.many or 0))]
    return _many(seeds, given.jobs)


def _one(seed: int, steps: int) -> int:
    outcome = simulate(seed, weather_steps=steps, kept=True)
    sys.stdout.writelines(outcome.lines)
    for violation in outcome.violations:
        sys.stdout.write(f"violated {violation}\n")
    sys.stdout.write(
        f"seed {seed}: {outcome.steps} steps in {outcome.virtual_s:,.0f} virtual seconds, "
        f"trace {outcome.digest[:16]}, {_judged(outcome)}\n"
    )
    return int(bool(outcome.violations))


def _many(seeds: list[tuple[int, int]], jobs: int) -> int:
    began, steps, failed = time.perf_counter(), 0, []
    tally: Counter[str] = Counter()
    for done, outcome in enumerate(_outcomes(seeds, jobs), 1):
        if done % TOLD_EVERY == 0:
            sys.stdout.write(f"{done:,} seeds so far, {len(failed)} broke an invariant\n")
            sys.stdout.flush()
        steps += outcome.steps
        tally.update(outcome.tally)
        if outcome.violations:
            failed.append(outcome.seed)
            sys.stdout.write(f"seed {outcome.seed}: {outcome.violations[0]}\n")
            sys.stdout.flush()
    took_s = time.perf_counter() - began
    for word, count in sorted(tally.items()):
        sys.stdout.write(f"  {word:24} {count:12,}\n")
    sys.stdout.write(
        f"{len(seeds):,} seeds, {steps:,} steps, {len(failed)} broke an invariant; "
        f"{took_s:.1f} s, {len(seeds) / took_s * 60:,.0f} seeds a minute\n"
    )
    for seed in failed[:SHOWN]:
        sys.stdout.write(f"  make sim SEED={seed}\n")
    return int(bool(failed))


def _outcomes(seeds: list[tuple[int, int]], jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        yield from map(run_seed, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(run_seed, seeds, chunksize=20)


def _judged(outcome: Outcome) -> str:
    return "an invariant is broken" if outcome.violations else "every invariant holds"


if __name__ == "__main__":
    sys.exit(main())
