"""A power cut: what the disk had is all there is, and nothing acknowledged is missing from it.

The data folder stands on a filesystem in an image. The service is stopped in mid-air, the image
copied (what was only in the machine's memory is not in it), and the service goes on with the copy.
"""

import filecmp
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crash.running import House
from tests.crash.test_serve_kill import assert_all_there

CUTS = max(2, int(os.environ.get("METERINGEST_KILLS", "4")) // 8)
FLEET = ("--meters", "300", "--dcus", "4", "--seed", "14")
IMAGE_BYTES = 2 << 30
COPIES_MAX = 10


def run(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


class Disk:
    """A filesystem in an image; `cut` leaves what had reached the image, and nothing else."""

    def __init__(self, folder: Path, mounted_at: Path) -> None:
        self._image = folder / "disk.image"
        self._mounted_at = mounted_at
        with self._image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        if not (run("mkfs.ext4", "-q", "-F", str(self._image)) and self._mount()):
            pytest.skip("a filesystem in an image wants root, mkfs.ext4 and loop devices")

    def _mount(self) -> bool:
        return run("mount", "-o", "loop", str(self._image), str(self._mounted_at))

    def copied(self) -> Path:
        """The image at one moment: writeback may go on below a copy, which is then taken again."""
        copy = self._image.with_name("cut.image")
        for _ in range(COPIES_MAX):
            assert run("cp", "--sparse=always", str(self._image), str(copy))
            if filecmp.cmp(self._image, copy, shallow=False):
                return copy
        raise AssertionError

    def replace(self, copy: Path) -> None:
        self.leave()
        copy.rename(self._image)
        assert self._mount()

    def leave(self) -> None:
        assert run("umount", str(self._mounted_at))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    (tmp_path / "data").mkdir()
    shelf = Path("/dev/shm") / f"meteringest-{os.getpid()}"  # noqa: S108 -- memory on purpose
    shelf.mkdir()
    try:
        yield Disk(shelf, tmp_path / "data")
    finally:
        run("umount", "-l", str(tmp_path / "data"))
        run("rm", "-rf", str(shelf))


@pytest.mark.timeout(600)
def test_a_power_cut_takes_nothing_that_was_acknowledged(tmp_path: Path, disk: Disk) -> None:
    house = House(
        tmp_path,
        settings="[store]\nfreshness_s = 0.2\n"
        "[journal]\ncheckpoint_s = 1\ndisk_reserve_bytes = 0\n",
    )
    house.register(*FLEET)
    chance = random.Random(20261121)  # noqa: S311
    load = (*FLEET, "--port", "0", "--uplink-port", str(house.uplink_port), "--report", "r.json")
    speed = str(80 * 86_400 // (6 * CUTS))
    house.start()
    with house.simulating(*load, "--days", "80", "--pace", "live", "--speed", speed) as fleet:
        for _ in range(CUTS):
            time.sleep(chance.uniform(0.5, 3))  # a random moment is what is tried here
            assert fleet.poll() is None, "the fleet was done before the last cut"
            house.freeze()
            copy = disk.copied()
            house.kill()
            disk.replace(copy)
            house.start()
        _, words = fleet.communicate(timeout=300)
        assert fleet.returncode == 0, words.decode()
    assert_all_there(house)
    assert house.stop() == 0
