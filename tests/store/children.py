"""Python in another process, with the same packages as this one."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """This process's, and the tree's own packages."""
    own = os.environ
    return {**own, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"}


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A child that runs `script`; its standard output is read line by line."""
    return _start(["-c", script, *map(str, arguments)])


def start_module(name: str, *arguments: object) -> subprocess.Popen[str]:
    """A child that runs the module `name`."""
    return _start(["-m", name, *map(str, arguments)])


def _start(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A child run to its end."""
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
