"""Conditions on many numbers: what they hold for, and how much else."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meteringest.prepaid.worker.ports import GAPS_MAX, LISTED_MAX, LISTS_MAX, among

STATEMENT_MAX = 256 * 1024


def held(conditions: list[str], numbers: range) -> list[int]:
    found: list[int] = []
    for each in conditions:
        named = [int(number) for number in re.findall(r"\d+", each)]
        if "BETWEEN" in each:
            low, high = named
            found += [number for number in numbers if low <= number <= high]
        else:
            found += sorted(set(named) & set(numbers))
    return found


@given(st.sets(st.integers(0, 2_000), min_size=1), st.integers(1, 3))
def test_every_number_is_held_once(numbers: set[int], lists_max: int) -> None:
    wanted = np.array(sorted(numbers), dtype=np.uint64)
    found = held(list(among("n", wanted, lists_max)), range(2_001))
    assert len(found) == len(set(found)) <= GAPS_MAX * len(numbers) + 1
    assert numbers <= set(found)


def test_far_apart_ones_are_listed_where_that_is_wanted() -> None:
    """Else a few tens of thousands among millions would have millions copied."""
    wanted = np.arange(LISTED_MAX * LISTS_MAX + 1, dtype=np.uint64) * 1_000
    (between,) = among("account", wanted)
    assert between == f"account BETWEEN 0 AND {LISTED_MAX * LISTS_MAX * 1_000}"
    listed = list(among("account", wanted, len(wanted) // LISTED_MAX + 1))
    assert all(" IN (" in each and len(each) < STATEMENT_MAX for each in listed)
    assert sum(each.count(",") + 1 for each in listed) == len(wanted)


def test_nobody_is_nothing() -> None:
    assert not list(among("n", np.empty(0, dtype=np.uint64)))
