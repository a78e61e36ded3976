"""Commands beside a real service: what it answers, and what stops a second one from starting."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "meteringest"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
KEY = "000102030405060708090A0B0C0D0E0F"
METERS = f"""\
serial,system_title,dcu,encryption_key,authentication_key
S1,4D4D4D0000000001,DCU-A,{KEY},{KEY}
S2,4D4D4D0000000002,DCU-A,{KEY},{KEY}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def settings(folder: Path, name: str, *, data: str = "data", port: int | None = None) -> str:
    (folder / name).write_text(
        f'data_dir = "{data}"\n[registry]\nmaster_key = "file:master.key"\n'
        f"[[intake.listeners]]\nport = {port or free_port()}\n[endpoint]\nport = {free_port()}\n"
        "[observe.http]\nport = 0\n"
    )
    return name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    settings(tmp_path, "meteringest.toml")
    (tmp_path / "meters.csv").write_text(METERS)
    assert run(tmp_path, "keygen", "--out", "master.key").returncode == 0
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def refused(result: subprocess.CompletedProcess[str], status: int) -> str:
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


@contextmanager
def serving(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A service that has said it serves; stopped afterwards, whatever happened."""
    with subprocess.Popen(
        [*COMMAND, "serve"], cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            told = []
            while not (told and " serving " in told[-1]):
                told.append(process.stderr.readline())
                assert told[-1], told
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def test_a_running_service_is_asked_and_changed(folder: Path) -> None:
    with serving(folder):
        assert json.loads(run(folder, "status", "--json").stdout)["running"] is True
        imported = run(folder, "meters", "import", "meters.csv")
        assert imported.stdout == (
            "meters.csv: 2 rows, 2 added, 0 changed, 0 as they were\nnew concentrators: DCU-A\n"
        )
        listed = run(folder, "meters", "list", "S2", "--json").stdout
        assert KEY not in listed
        assert (json.loads(listed)["meter"], json.loads(listed)["dcu"]) == (2, 1)
        assert run(folder, "query", "SELECT count() FROM m.meters").stdout == "count()\n2\n"
        assert "READONLY" in refused(run(folder, "query", "DROP TABLE m.meters"), 5)
        assert run(folder, "reload").stdout.startswith("2 meters in use")
    stopped = json.loads(run(folder, "status", "--json").stdout)
    assert stopped["running"] is False


def test_a_second_service_on_the_folder_is_refused_by_name(folder: Path) -> None:
    settings(folder, "other.toml")
    with serving(folder) as process:
        told = refused(run(folder, "--config", "other.toml", "serve"), 5)
        assert str(folder / "data") in told
        assert str(process.pid) in told


def test_a_port_in_use_is_named(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings(folder, "meteringest.toml", port=port)
        told = refused(run(folder, "serve"), 6)
    assert str(port) in told
    assert "in use" in told


def test_a_damaged_journal_is_named_with_its_file(folder: Path) -> None:
    with serving(folder):
        pass
    journal = folder / "data" / "journal"
    segments = sorted(journal.glob("*"), key=lambda each: each.stat().st_size)
    hurt = next(each for each in reversed(segments) if each.is_file() and each.stat().st_size)
    content = bytearray(hurt.read_bytes())
    content[: min(64, len(content))] = b"\xff" * min(64, len(content))
    hurt.write_bytes(content)
    assert hurt.name in refused(run(folder, "serve"), 5)


def test_the_wrong_master_key_stops_the_start_with_one_line(folder: Path) -> None:
    assert run(folder, "meters", "import", "meters.csv").returncode == 0
    (folder / "master.key").unlink()
    assert run(folder, "keygen", "--out", "master.key").returncode == 0
    told = refused(run(folder, "serve"), 3)
    assert "registry.master_key: keys in the registry were sealed with master key" in told
    assert KEY not in told


def test_a_bad_row_changes_nothing_in_a_running_service(folder: Path) -> None:
    (folder / "bad.csv").write_text(METERS + f"S3,4D4D4D0000000001,,{KEY},\n")
    with serving(folder):
        told = refused(run(folder, "meters", "import", "bad.csv"), 4)
        assert "row 4, column system_title: 4D4D4D0000000001 stands in row 2 already" in told
        (folder / "bad.csv").write_text(METERS + f"S3,,,{KEY},\n")
        told = refused(run(folder, "meters", "import", "bad.csv"), 4)
        assert "row 4, column authentication_key: found nothing; wanted a key" in told
        assert run(folder, "meters", "list").stdout == ""
