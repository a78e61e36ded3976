"""A long run at a steady rate, its ClickHouse away for part of it: python -m tests.crash.soak.

    python -m tests.crash.soak --minutes 60 --away-minutes 10 --reads-per-minute 5000000

Says at the end, as one JSON object, what memory did, how far the store fell behind, and whether
every read is there and the report of the day exact.
"""

import argparse
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
from tests.crash.running import House
from tests.crash.servers import Server
from tests.crash.test_serve_kill import wait_until_stored

from meteringest.clock import WallClock
from meteringest_sim.reconcile import differences
from meteringest_sim.report import read_report

METERS_MIN = 1_000
DAYS_MAX = 80
SLOT_S = 1_800
SAMPLE_S = 5
CATCH_UP_S = 3_600
# A day of hundreds of millions of reads is counted again at the end, on a busy machine.
SETTINGS = '[store]\nurl = "{url}"\nretry_max_s = 5\ntimeout_s = 900\n'


@dataclass
class Watched:
    """What was seen every few seconds."""

    began: float = field(default_factory=time.monotonic)
    rss_mb: list[int] = field(default_factory=list)
    lag_reads_max: int = 0

    def look(self, house: House) -> None:
        seen = house.status()
        self.lag_reads_max = max(self.lag_reads_max, seen.lag_reads)
        self.rss_mb.append(house.rss_bytes >> 20)


def fleet_of(reads_per_minute: int, minutes: float) -> tuple[str, ...]:
    """As many meters as make the rate last that long within DAYS_MAX days of intervals."""
    reads = int(reads_per_minute * minutes)
    slots_max = DAYS_MAX * 86_400 // SLOT_S
    meters = max(METERS_MIN, -(-reads // slots_max))
    slots = max(1, reads // meters)
    speed = slots * SLOT_S / (minutes * 60)
    shape = ("--meters", str(meters), "--dcus", "20", "--seed", "15", "--slots", str(slots))
    return (*shape, "--push", "1", "--pace", "live", "--speed", f"{speed:.0f}")


class Outage:
    """When ClickHouse is away, in seconds since the beginning."""

    def __init__(self, server: Server, options: argparse.Namespace) -> None:
        self._server = server
        self._begins_s = options.minutes * 60 * 0.4
        self._ends_s = self._begins_s + options.away_minutes * 60
        self._away = False

    def turn(self, elapsed_s: float) -> None:
        wanted = self._begins_s <= elapsed_s < self._ends_s
        if wanted and not self._away:
            self._server.kill()
        elif self._away and not wanted:
            self._server.start()
        self._away = wanted


def soak(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Runs all of it."""
    (folder / "server").mkdir()
    server = Server(folder / "server")
    server.start()
    house = House(folder, settings=SETTINGS.format(url=server.url))
    fleet = fleet_of(options.reads_per_minute, options.minutes)
    house.register(*fleet)
    house.start()
    first_day = today()
    try:
        seen = watched(options, house, server, fleet)
        wait_until_stored(house, CATCH_UP_S)
        return seen | outcome(house, server.url, first_day)
    finally:
        house.stop()
        server.kill()


def watched(
    options: argparse.Namespace, house: House, server: Server, fleet: tuple[str, ...]
) -> dict[str, object]:
    """The fleet sends, the store goes and comes back, and memory is looked at all the while."""
    watch, outage = Watched(), Outage(server, options)
    ports = ("--port", "0", "--uplink-port", str(house.uplink_port), "--report", "r.json")
    with house.simulating(*fleet, *ports, "--patience-s", "600") as sending:
        while sending.poll() is None:
            elapsed_s = time.monotonic() - watch.began
            outage.turn(elapsed_s)
            watch.look(house)
            print(f"{elapsed_s:6.0f} s  {watch.rss_mb[-1]} MB", file=sys.stderr)  # noqa: T201
            time.sleep(SAMPLE_S)  # it is watched over time, so time must pass
        minutes = (time.monotonic() - watch.began) / 60
        _, words = sending.communicate()
    half = len(watch.rss_mb) // 2
    return {
        "minutes": round(minutes, 1),
        "away_minutes": options.away_minutes,
        "fleet_ended": sending.returncode,
        "fleet_said": words.decode()[-500:],
        "rss_mb_first_half_max": max(watch.rss_mb[:half]),
        "rss_mb_second_half_max": max(watch.rss_mb[half:]),
        "rss_mb_last": watch.rss_mb[-1],
        "lag_reads_max": watch.lag_reads_max,
    }


def today() -> date:
    return datetime.fromtimestamp(WallClock().now_s(), UTC).date()


def outcome(house: House, url: str, first_day: date) -> dict[str, object]:
    """Every read against the fleet's own account, and every day's report."""
    report = read_report(house.folder / "r.json")
    with house.reader(url) as store:
        found = differences(report, lambda sql: store.ask(sql).rows, exact_frames=False)
        ((reads,),) = store.ask("SELECT count() FROM m.reads_v").rows
    days = [first_day + timedelta(days=n) for n in range((today() - first_day).days + 1)]
    exact = [house.succeeds("reconcile", "--day", str(day)) for day in days]
    return {
        "report_complete": report.complete,
        "reads": reads,
        "differences": found[:5],
        "reconcile_exact": all(exact),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--away-minutes", type=float, default=10)
    parser.add_argument("--reads-per-minute", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, help="where to work (a temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    print(f"in {folder}, kept if anything is wrong", file=sys.stderr)  # noqa: T201
    said = soak(options, folder)
    print(msgspec.json.encode(said).decode())  # noqa: T201
    if said["differences"] or not said["reconcile_exact"]:
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
