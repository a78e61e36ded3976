"""Live pushes come when their interval has ended, each meter at its moment, faster if asked."""

import pytest
import trio
from trio.testing import MockClock

from meteringest_sim.pace import Fast, Live


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 1_800.0), (60.0, 30.0)])
async def test_a_push_waits_for_the_end_of_its_interval(
    autojump_clock: MockClock, speed: float, seconds: float
) -> None:
    assert autojump_clock.autojump_threshold == 0
    began = trio.current_time()
    pace = Live(began_s=10_000.0, began=began, speed=speed, interval_s=1_800)
    await pace.until(11_800.0, 0.0)
    assert trio.current_time() - began == pytest.approx(seconds)
    await pace.until(11_800.0, 0.5)
    assert trio.current_time() - began == pytest.approx(seconds + 450 / speed)
    await pace.until(9_000.0, 0.0)
    assert trio.current_time() - began == pytest.approx(seconds + 450 / speed), "late is now"


async def test_fast_is_now(autojump_clock: MockClock) -> None:
    assert autojump_clock.autojump_threshold == 0
    began = trio.current_time()
    await Fast().until(1e12, 1.0)
    assert trio.current_time() == began
