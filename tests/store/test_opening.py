"""A store that cannot be opened says why; nothing is left half open."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from tests.store.children import run, start

from meteringest.errors import ConfigError, StoreRefused, StoreUnavailable
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.settings import StoreSettings


def test_a_folder_in_use_is_named(tmp_path: Path) -> None:
    holder = start(_HOLD, tmp_path)
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline().startswith("/dev/shm/")  # noqa: S108
        with pytest.raises(StoreRefused, match=r"open in another process.*Cannot lock file"):
            open_store(StoreSettings(), tmp_path)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    open_store(StoreSettings(), tmp_path).close()


def test_broken_parts_past_the_limit_are_named_and_can_be_allowed(tmp_path: Path) -> None:
    assert run(_FILL, tmp_path).returncode == 0
    data = [path for path in (tmp_path / "store").rglob("all_*") if path.is_dir()]
    assert len(data) == 3
    for part in data:
        (part / "columns.txt").write_text("rot")
    refused = run(_OPEN, tmp_path, 0)
    assert "broken parts" in refused.stdout
    assert "store.broken_parts_max" in refused.stdout
    assert run(_OPEN, tmp_path, 10).stdout == "opened\n"


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(StoreRefused, match="cannot write the engine's settings"):
        open_store(StoreSettings(), tmp_path)


def test_a_config_in_the_working_directory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.xml").write_text("<clickhouse><mark_cache_size>1</mark_cache_size>")
    monkeypatch.chdir(tmp_path)
    store = open_store(StoreSettings(), tmp_path)
    answer = store.ask("SELECT value FROM system.server_settings WHERE name = 'mark_cache_size'")
    store.close()
    assert answer.rows == [(str(256 << 20),)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "INSERT INTO FUNCTION file('/tmp/stolen', 'CSV', 'a String') VALUES ('x')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', 'CSV', 'a String')",
        "SELECT * FROM remote('127.0.0.1', 'm', 'reads')",
        "CREATE TABLE m.leak (a String) ENGINE = File(LineAsString, '/etc/passwd')",
        "CREATE TABLE m.leak (a String) ENGINE = URL('http://127.0.0.1:1/', 'CSV')",
        "CREATE TABLE default.other (a String) ENGINE = Memory",
        "SELECT * FROM system.users",
        "GRANT ALL ON *.* TO default",
    ],
)
def test_the_engine_holds_no_grant_beyond_its_tables(store: Store, sql: str) -> None:
    with pytest.raises(StoreRefused, match="Not enough privileges"):
        store.ask(sql)


def test_what_a_killed_insert_left_is_removed(tmp_path: Path) -> None:
    usual = tempfile.gettempdir()
    store = open_store(StoreSettings(), tmp_path)
    folder = Path(tempfile.gettempdir())
    assert folder.parent == Path("/dev/shm")  # noqa: S108
    store.close()
    assert not folder.exists()
    assert tempfile.gettempdir() == usual
    folder.mkdir()
    (folder / "stale.raw").write_bytes(b"x" * 100)
    store = open_store(StoreSettings(), tmp_path)
    assert list(folder.iterdir()) == []
    store.close()


def test_what_a_killed_process_left_in_memory_goes_and_what_a_living_one_holds_stays(
    tmp_path: Path,
) -> None:
    held = [_holding(tmp_path / name) for name in ("killed", "living")]
    folders = [Path(child.stdout.readline().rstrip()) for child in held if child.stdout]
    held[0].kill()
    held[0].wait()
    try:
        store = open_store(StoreSettings(), tmp_path)
        assert [folder.exists() for folder in folders] == [False, True]
        store.close()
    finally:
        for child in held:
            child.kill()
            child.communicate()


def _holding(folder: Path) -> subprocess.Popen[str]:
    folder.mkdir()
    return start(_HOLD, folder)


def test_inserts_pass_through_the_disk_when_memory_is_short(tmp_path: Path) -> None:
    store = open_store(StoreSettings(ram_disk_bytes_min=1 << 60), tmp_path)
    assert tempfile.gettempdir() == str(tmp_path / "store/meteringest/tmp")
    assert store.ask("SELECT 1").rows == [(1,)]
    store.close()


def test_a_forked_child_is_told_and_does_not_hang(store: Store) -> None:
    child = os.fork()
    if child == 0:
        try:
            store.ask("SELECT 1")
        except BaseException as error:  # noqa: BLE001 (the child must end here whatever happens)
            os._exit(42 if "forked child" in str(error) else 1)
        os._exit(0)
    signal.alarm(20)
    _, status = os.waitpid(child, 0)
    signal.alarm(0)
    assert os.waitstatus_to_exitcode(status) == 42


@pytest.mark.parametrize("url", ["tcp://host:9000", "localhost:8123", "http://"])
def test_an_url_that_is_no_store_is_a_setting_to_mend(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"store\.url: wants chdb:"):
        open_store(StoreSettings(url=url), tmp_path)


def test_a_silent_server_may_answer_later(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        open_store(StoreSettings(url="http://127.0.0.1:1"), tmp_path)


_HOLD = """
import sys, tempfile, threading
from pathlib import Path
from meteringest.store.clickhouse import open_store
from meteringest.store.settings import StoreSettings
store = open_store(StoreSettings(), Path(sys.argv[1]))
print(tempfile.gettempdir(), flush=True)
threading.Event().wait()
"""
_FILL = """
import sys
from pathlib import Path
from meteringest.store.clickhouse import open_store
from meteringest.store.settings import StoreSettings
store = open_store(StoreSettings(), Path(sys.argv[1]))
store.run("CREATE DATABASE m")
store.run("CREATE TABLE m.t (a UInt8) ENGINE = MergeTree ORDER BY a")
for n in range(3):
    store.run(f"INSERT INTO m.t VALUES ({n})")
store.close()
"""
_OPEN = """
import sys
from pathlib import Path
from meteringest.errors import StoreRefused
from meteringest.store.clickhouse import open_store
from meteringest.store.settings import StoreSettings
try:
    store = open_store(StoreSettings(broken_parts_max=int(sys.argv[2])), Path(sys.argv[1]))
    store.close()
    print("opened")
except StoreRefused as refusal:
    print(refusal)
"""
