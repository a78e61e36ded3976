"""`meteringest simulate` as a person runs it: files, exit statuses, and bytes on a real port."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meteringest.csv_rows import CsvRows
from meteringest.registry.columns import FORMS
from meteringest.registry.rows import DCUS, METERS
from meteringest_sim.report import read_report

FLEET = ("--meters", "300", "--dcus", "3", "--seed", "5")


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "meteringest", "simulate", *FLEET, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def sink() -> Iterator[tuple[int, list[int]]]:
    """A port that takes everything; the list grows by the bytes of each connection."""
    taken: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take(link: socket.socket) -> None:
            with link:
                count = 0
                while chunk := link.recv(1 << 20):
                    count += len(chunk)
                taken.append(count)

        def accept() -> None:
            while True:
                try:
                    link, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=take, args=(link,)).start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield server.getsockname()[1], taken
        server.shutdown(socket.SHUT_RDWR)
        accepting.join()


@pytest.mark.parametrize(("table", "rows"), [(METERS, 300), (DCUS, 3)])
def test_the_files_it_writes_are_files_the_registry_takes(
    tmp_path: Path, table: str, rows: int
) -> None:
    done = simulate("--registry-out", str(tmp_path), "--dry-run")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    taken: list[int] = []
    file = tmp_path / f"{table}.csv"
    with file.open(newline="") as lines:
        parts = CsvRows(FORMS[table], str(file), problems_max=10).parts(lines, taken.append)
        assert len(list(parts)) == 1
    assert taken == [rows]


@pytest.mark.parametrize("push", ["1", "48"])
def test_a_run_sends_what_its_report_says(tmp_path: Path, push: str) -> None:
    path = tmp_path / "report.json"
    with sink() as (port, taken):
        done = simulate(
            *("--port", str(port), "--days", "1", "--push", push, "--report", str(path)),
            *("--fault", "duplicate=0.1", "--fault", "cut=0.01"),
        )
    assert done.returncode == 0, done.stderr
    report = read_report(path)
    assert report.complete
    assert report.total.distinct == 300 * 48
    assert report.total.faults["duplicate"]
    assert len(taken) == sum(each.connections for each in report.dcus) > 3
    assert "14,400 reads" in done.stdout


def test_nobody_at_the_port_is_one_line_and_status_1(tmp_path: Path) -> None:
    with sink() as (port, _):
        pass
    done = simulate("--port", str(port), "--report", str(tmp_path / "report.json"))
    assert done.returncode == 1
    assert done.stderr == ""
    assert f"dcu 1 to 127.0.0.1:{port}" in done.stdout
    assert "Connection refused" in done.stdout
    assert not read_report(tmp_path / "report.json").complete


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--fault", "cute=0.1"), "no fault 'cute'; one of duplicate, resend,"),
        (("--fault", "cut"), "wants name=rate"),
        (("--push", "7"), "48 intervals cannot be sent 7 at a time"),
        (("--dcus", "301"), "at least one meter to a concentrator"),
        (("--port", "0"), "neither --port nor --uplink-port is given"),
        (("--tls-ca", "nowhere.pem"), "nowhere.pem"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: tuple[str, ...], reason: str) -> None:
    done = simulate(*arguments)
    assert done.returncode == 3
    assert done.stderr.startswith("meteringest: error: ")
    assert done.stderr.count("\n") == 1
    assert reason in done.stderr
