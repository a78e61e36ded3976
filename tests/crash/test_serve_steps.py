"""I3, I4 at every step a read takes: killed just before it and just after it, under load."""

import random
import sys
from pathlib import Path

import pytest
from tests.crash.running import House
from tests.crash.stepped import WHENS, names
from tests.crash.test_serve_kill import KILLS, assert_all_there

FLEET = ("--meters", "100", "--dcus", "4", "--seed", "12")
STEPPED = (sys.executable, "-m", "tests.crash.stepped")
NTH_MAX = 6
KILL_S = 6
ALWAYS = [
    f"{when}-{step}" for step in ("append", "sync", "said", "insert", "release") for when in WHENS
]


@pytest.mark.timeout(400 + 30 * KILLS)
def test_killed_before_and_after_every_step_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    house = House(
        tmp_path,
        settings="[store]\nfreshness_s = 0.1\nrows_max = 5000\n[journal]\ncheckpoint_s = 1\n",
    )
    house.register(*FLEET)
    chance = random.Random(20261121)  # noqa: S311
    load = (*FLEET, "--port", "0", "--uplink-port", str(house.uplink_port), "--report", "r.json")
    steps = names() * (KILLS // len(names())) or ALWAYS
    # 80 days last a little longer than the kills do, also on a busy machine.
    speed = str(80 * 86_400 // (KILL_S * len(steps)))
    pace = ("--days", "80", "--pace", "live", "--speed", speed, "--fault", "changed=0.001")
    with house.simulating(*load, *pace) as fleet:
        for step in chance.sample(steps, len(steps)):
            assert fleet.poll() is None, f"the fleet was done before {step}"
            house.start_to_die(*STEPPED, step, str(chance.randint(1, NTH_MAX)))
        house.start()
        _, words = fleet.communicate(timeout=300)
        assert fleet.returncode == 0, words.decode()
    assert_all_there(house)
    assert house.stop() == 0
