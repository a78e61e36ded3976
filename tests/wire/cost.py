"""What an attack costs the service, by its own metrics, against a stated bound.

With METERINGEST_ATTACKS=FILE each attack appends its row of docs/operations/attacks.md there.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.wire.scrape import Watch

REPORT = os.environ.get("METERINGEST_ATTACKS", "")
MIB = 1 << 20


class Cost:
    """Memory at its worst moment that was looked at, and processor time since the start."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._rss = watch.value("memory_resident_bytes")
        self._cpu = watch.value("cpu_seconds_total")
        self.rss_mib = 0.0

    def look(self) -> None:
        """Now is a moment worth looking at."""
        grown = self._watch.value("memory_resident_bytes") - self._rss
        self.rss_mib = max(self.rss_mib, grown / MIB)

    @property
    def cpu_s(self) -> float:
        return self._watch.value("cpu_seconds_total") - self._cpu


@contextmanager
def costing(
    watch: Watch, attack: str, limit: str, counter: str, *, rss_mib: float, cpu_s: float
) -> Iterator[Cost]:
    """Fails when what happens inside grows the service by more than the bounds."""
    cost = Cost(watch)
    yield cost
    cost.look()
    used_s = cost.cpu_s
    if REPORT:
        with Path(REPORT).open("a") as report:
            report.write(
                f"| {attack} | `{limit}` | `{counter}` | {cost.rss_mib:.0f} of {rss_mib:.0f} "
                f"| {used_s:.2f} of {cpu_s:.0f} |\n"
            )
    assert cost.rss_mib < rss_mib
    assert used_s < cpu_s
