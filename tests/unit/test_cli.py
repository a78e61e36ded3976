"""Commands as a person types them: one line for a mistake, a status for the shell, no traceback."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HIDDEN = "(a secret is not shown)"
KEY_WANTED = "32 or 64 hex digits, or nothing"
RUN = "import sys; from meteringest.cli import main; sys.exit(main())"
# A service that is not there yet, or whose folder is in a state that is hard to bring about.
FAKE_APP = """
import sys, types
from contextlib import contextmanager
import trio
from meteringest.control.messages import Status
from meteringest.errors import *
app = types.ModuleType("meteringest.app")
async def _nested(error):
    async with trio.open_nursery() as outer, trio.open_nursery() as inner:
        inner.start_soon(_fall, error)
async def _fall(error):
    raise error
async def _wait():
    print("ready", flush=True)
    await trio.sleep_forever()
class Offline:
    def status(self):
        return Status(running=False, version="0", node=1, stored=5, rejected={"bad_tag": 2})
    def query(self, sql, output):
        return f"{output}: {sql}\\n".encode()
    def import_rows(self, parts):
        rows = list(parts)
        from meteringest.csv_rows import Imported
        return Imported(rows=len(rows), added=len(rows), changed=0, unchanged=0)
    def list_rows(self, listing):
        return [{"meter": 1, "serial": "S1", "village": listing.match}]
    def reload(self):
        raise AssertionError
@contextmanager
def offline(config):
    yield Offline()
app.offline = offline
import meteringest
sys.modules["meteringest.app"] = meteringest.app = app
"""


def run(
    *arguments: str,
    cwd: Path,
    fake: str = "",
    text: str = "",
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"{FAKE_APP}\n{fake}\n{RUN}" if fake else RUN, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT / "python"), **(env or {})},
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def refused(result: subprocess.CompletedProcess[str], status: int) -> str:
    """The error's text, after making sure that it is only that."""
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("meteringest: error: ")
    return result.stderr.removeprefix("meteringest: error: ").rstrip("\n")


def test_a_config_typo_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "meteringest.toml").write_text("[[intake.listeners]]\nidel_timeout_s = 3\n")
    for command in (["config"], ["status"], ["serve"], ["migrate"], ["query", "SELECT 1"]):
        assert refused(run(*command, cwd=tmp_path), 3) == (
            "meteringest.toml: unknown field `idel_timeout_s` at `$.intake.listeners[0]`; "
            "did you mean `idle_timeout_s`?"
        )


def test_a_settings_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    for arguments in (["--config", "x.toml", "config"], ["config", "--config", "x.toml"]):
        assert refused(run(*arguments, cwd=tmp_path), 3).startswith("x.toml: no such file")


def test_config_prints_a_file_that_can_be_used(tmp_path: Path) -> None:
    printed = run("config", cwd=tmp_path)
    (tmp_path / "meteringest.toml").write_text(printed.stdout)
    again = run("config", cwd=tmp_path)
    assert (printed.returncode, again.returncode) == (0, 0)
    assert "node = 1  # set; default 1" in again.stdout


def test_a_bad_row_names_row_and_column_and_nothing_is_imported(tmp_path: Path) -> None:
    key = "00112233445566778899aabbccddeeff"
    (tmp_path / "meters.csv").write_text(
        f"serial,phase,encryption_key\nS1,1,{key}\nS2,4,{key}\nS3,1,{key[:-1]}\n"
    )
    found = refused(run("meters", "import", "meters.csv", cwd=tmp_path, fake="pass"), 4)
    assert found.splitlines() == [
        "meters.csv: 2 problem(s), nothing imported",
        "row 3, column phase: found '4'; wanted 1 or 3",
        f"row 4, column encryption_key: found 31 characters {HIDDEN}; wanted {KEY_WANTED}",
    ]
    assert key[:-1] not in found


def test_an_import_says_what_it_did(tmp_path: Path) -> None:
    result = run("meters", "import", "-", cwd=tmp_path, fake="pass", text="serial\nS1\n")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "standard input: 1 rows, 1 added, 0 changed, 0 as they were\n"


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    found = refused(run("meters", "import", "nope.csv", cwd=tmp_path, fake="pass"), 4)
    assert "cannot be read: No such file or directory" in found


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            'JournalLocked("/d/journal", "process 7 has it open")',
            5,
            "journal /d/journal: process 7 has it open",
        ),
        (
            'JournalCorrupt("/d/journal/1.seg", "damaged at 4096; see --salvage")',
            5,
            "journal /d/journal/1.seg: damaged at 4096; see --salvage",
        ),
        ('StoreRefused("chdb:", "is locked")', 5, "store chdb:: is locked"),
        (
            'LinkError("127.0.0.1:4059", "the port is in use by another program")',
            6,
            "127.0.0.1:4059: the port is in use by another program",
        ),
    ],
)
def test_what_stops_the_service_comes_through(
    tmp_path: Path, error: str, status: int, said: str
) -> None:
    fake = f"app.serve = lambda config, **_: trio.run(_nested, {error})"
    result = run("serve", cwd=tmp_path, fake=fake)
    assert refused(result, status) == said
    debugged = run("serve", "--debug", cwd=tmp_path, fake=fake)
    assert debugged.returncode == status
    assert "Traceback" in debugged.stderr


def test_a_bug_is_called_one(tmp_path: Path) -> None:
    result = run("migrate", cwd=tmp_path, fake="app.migrate = lambda config: 1 / 0")
    assert result.returncode == 70
    assert result.stderr == (
        "meteringest: internal error: ZeroDivisionError: division by zero (--debug shows where)\n"
    )


def test_a_part_that_does_not_load_is_a_bug_too(tmp_path: Path) -> None:
    result = run("simulate", cwd=tmp_path, fake="sys.modules['meteringest_sim.command'] = None")
    assert result.returncode == 70
    assert result.stderr.count("\n") == 1


def test_ctrl_c_is_130_and_silent(tmp_path: Path) -> None:
    # Whoever runs the tests in the background may have left SIGINT ignored.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    fake = f"{heard}\napp.serve = lambda config, **_: trio.run(_wait)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{FAKE_APP}\n{fake}\n{RUN}", "serve"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(2)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")


def test_status_of_a_stopped_service(tmp_path: Path) -> None:
    shown = run("status", cwd=tmp_path, fake="pass")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "not running" in shown.stdout
    assert "bad_tag 2" in shown.stdout
    machine = json.loads(run("status", "--json", cwd=tmp_path, fake="pass").stdout)
    assert (machine["running"], machine["stored"], machine["rejected"]) == (
        False,
        5,
        {"bad_tag": 2},
    )


def test_nothing_to_reload_is_an_error(tmp_path: Path) -> None:
    assert refused(run("reload", cwd=tmp_path, fake="pass"), 6).endswith("nothing to reload")


def test_query_and_list_print_for_programs_when_nobody_looks(tmp_path: Path) -> None:
    assert run("query", "SELECT 1", cwd=tmp_path, fake="pass").stdout == "TSVWithNames: SELECT 1\n"
    assert run("query", "S", "--format", "CSV", cwd=tmp_path, fake="pass").stdout == "CSV: S\n"
    listed = run("meters", "list", "Kabri", cwd=tmp_path, fake="pass")
    assert listed.stdout == "meter\tserial\tvillage\n1\tS1\tKabri\n"
    lines = run("meters", "list", "--json", cwd=tmp_path, fake="pass").stdout
    assert json.loads(lines) == {"meter": 1, "serial": "S1", "village": ""}


def test_migrate_names_what_it_applied(tmp_path: Path) -> None:
    fake = "app.migrate = lambda config: ['0001_reads.sql']"
    assert run("migrate", cwd=tmp_path, fake=fake).stdout == "applied 0001_reads.sql\n"
    fake = "app.migrate = lambda config: []"
    assert "up to date" in run("migrate", cwd=tmp_path, fake=fake).stdout


def test_a_new_master_key_is_yours_alone_and_never_overwrites(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    assert run("keygen", "--out", str(file), cwd=tmp_path).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text().strip()) == 44
    assert "not written: File exists" in refused(run("keygen", "--out", str(file), cwd=tmp_path), 3)
    assert run("keygen", cwd=tmp_path).stdout != run("keygen", cwd=tmp_path).stdout


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    fake = "Offline.query = lambda self, sql, output: b'x' * 10_000_000"
    script = f"{FAKE_APP}\n{fake}\n{RUN}"
    with subprocess.Popen(
        [sys.executable, "-c", script, "query", "SELECT 1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        *([each] for each in ("serve", "migrate", "status", "query", "reload", "decode")),
        *([each] for each in ("simulate", "config", "keygen", "version")),
        *([table, action] for table in ("meters", "dcus") for action in ("import", "list")),
    ],
)
def test_every_command_explains_itself(tmp_path: Path, arguments: list[str]) -> None:
    shown = run(*arguments, "--help", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "usage: meteringest" in shown.stdout
    assert "exit status:" in shown.stdout or "xample" in shown.stdout


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["meters"], ["status", "--nope"]])
def test_a_wrong_command_line_is_status_2(tmp_path: Path, arguments: list[str]) -> None:
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_version_names_the_engine(tmp_path: Path) -> None:
    assert "chdb " in run("version", cwd=tmp_path).stdout
