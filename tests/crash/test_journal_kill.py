"""I3 with a real process, real files and kill -9: what was said to be durable is there."""

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.crash.journal_child import body_at, open_journal

from meteringest.errors import JournalCorrupt, JournalError, JournalFull, JournalLocked
from meteringest.native import Journal

ROOT = Path(__file__).parents[2]
ROUNDS = 8
ROWS_AT_ONCE = 100_000


def start_child(folder: Path, seed: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.crash.journal_child", str(folder), str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )


def run_and_kill(folder: Path, seed: int, after_s: float) -> dict[str, int]:
    """What the child said last about each of its steps before it was killed, wherever it was."""
    child = start_child(folder, seed)
    assert child.stdout is not None
    said: dict[str, int] = {}
    killer = threading.Timer(after_s, child.kill)
    for line in child.stdout:
        if not said:
            killer.start()
        if line.endswith("\n"):
            step, position = line.split()
            said[step] = int(position)
    killer.join()
    child.wait()
    child.stdout.close()
    return said


def check_records(journal: Journal) -> int:
    """Every record from the oldest on holds what its position says; returns where they end."""
    position = journal.first
    while records := journal.records(position, rows_max=ROWS_AT_ONCE):
        for first, rows, received_ms, body in records:
            assert first == position
            assert received_ms == 1
            assert body == body_at(first, rows)
            position = first + rows
    return position


def test_kill_after_kill_nothing_durable_is_lost(tmp_path: Path) -> None:
    draw = random.Random(20261121)  # noqa: S311
    for seed in range(ROUNDS):
        said = run_and_kill(tmp_path, seed, draw.uniform(0.02, 0.4))
        journal = open_journal(str(tmp_path))
        assert check_records(journal) == journal.appended == journal.durable
        assert journal.appended >= said["durable"], seed
        assert journal.stored >= said.get("released", 0)
        noted = journal.read_checkpoint("seen")
        assert int.from_bytes(noted or b"", "big") >= said.get("noted", 0)
        assert journal.recovery["appended"] == journal.appended
        assert journal.recovery["skipped"] == []
        del journal


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    child = start_child(tmp_path, 1)
    assert child.stdout is not None
    child.stdout.readline()
    with pytest.raises(JournalLocked, match=f"process {child.pid}") as refused:
        open_journal(str(tmp_path))
    assert refused.value.path == str(tmp_path)
    child.kill()
    child.wait()
    child.stdout.close()


def test_damage_stops_the_start_and_salvage_goes_past_it(tmp_path: Path) -> None:
    journal = open_journal(str(tmp_path))
    positions = [journal.first]
    for rows in (3, 4, 5):
        positions.append(journal.append_record(body_at(positions[-1], rows), rows, 1))
    journal.sync()
    del journal
    segment = next(tmp_path.glob("segment-*"))
    whole = bytearray(segment.read_bytes())
    at = whole.index(body_at(positions[1], 4))
    whole[at] ^= 1
    segment.write_bytes(whole)
    with pytest.raises(JournalCorrupt, match="start once with --salvage") as stopped:
        open_journal(str(tmp_path))
    assert stopped.value.path == str(segment)
    assert "corrupt at byte" in stopped.value.reason

    salvaged = Journal(
        str(tmp_path), node=1, segment_bytes=1 << 20, created_s=0, free_bytes_min=0, salvage=True
    )
    assert [skip[3:] for skip in salvaged.recovery["skipped"]] == [(positions[1], positions[2])]
    del salvaged
    journal = open_journal(str(tmp_path))
    kept = [first for first, *_ in journal.records(positions[0], rows_max=ROWS_AT_ONCE)]
    assert kept == [positions[0], positions[2]]
    assert journal.appended == positions[3]


def test_a_full_disk_refuses_records_and_says_what_is_needed(tmp_path: Path) -> None:
    journal = Journal(
        str(tmp_path), node=1, segment_bytes=1 << 20, created_s=0, free_bytes_min=1 << 60
    )
    with pytest.raises(JournalFull, match="bytes are free on this disk"):
        journal.append_record(b"x", 1, 1)
    assert journal.appended == journal.durable == 0
    assert journal.free_bytes() > 0


def test_a_plan_is_gathered_again_to_the_row_or_refused(tmp_path: Path) -> None:
    journal = open_journal(str(tmp_path))
    journal.append_record(b"not a record of reads", 7, 1_234)
    assert journal.gather(journal.first, rows_max=10) is None, "not durable yet"
    end = journal.sync()
    assert journal.received_ms_at(journal.first) == 1_234
    assert journal.received_ms_at(end) is None
    with pytest.raises(JournalError, match="no record ends at row"):
        journal.gather(journal.first, rows_max=10, until=end - 1)
    with pytest.raises(JournalCorrupt, match="rows"):
        journal.gather(journal.first, rows_max=10, until=end)
