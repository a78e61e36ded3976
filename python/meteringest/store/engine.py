"""The embedded engine's folder: its configuration, and why it did not open.

Rule 1: the engine never runs on defaults: a default chDB reads and writes any file for whoever
may send it SQL, keeps a 5 GB mark cache and refuses to open after a power cut.
Rule 2: the reason of a failed opening goes to file descriptor 2 only, so it is read from there.
Rule 3: no SQL and no client library here.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from meteringest.errors import StoreRefused
from meteringest.store.settings import StoreSettings

Opened = TypeVar("Opened")

SCHEME = "chdb:"


def folder_of(settings: StoreSettings, data_dir: Path) -> Path:
    """Where the embedded store lives: absolute, because the engine compares paths as text."""
    path = settings.url.removeprefix(SCHEME)
    return Path(path).resolve() if path else (data_dir / "store").resolve()


def address(folder: Path, config: Path) -> str:
    """What a handle is opened with; every handle of a process must spell it alike."""
    return f"{folder}?{urlencode({'config-file': str(config)})}"


def configure(folder: Path, settings: StoreSettings) -> Path:
    """Writes the engine's configuration into its folder and returns the file to open it with."""
    own = folder / "meteringest"
    files = own / "files"
    try:
        files.mkdir(parents=True, exist_ok=True)
        users = own / "users.xml"
        _write(users, _USERS)
        config = own / "config.xml"
        _write(config, _config(users, files, settings))
    except OSError as error:
        raise StoreRefused(str(folder), f"cannot write the engine's settings: {error}") from error
    return config


def open_loudly(folder: Path, connect: Callable[[], Opened]) -> Opened:
    """Runs `connect`; when it fails, the error says what the engine wrote to stderr."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as heard:
        stderr = os.dup(2)
        try:
            os.dup2(heard.fileno(), 2)
            failure: Exception | None = None
            try:
                opened = connect()
            except Exception as error:  # noqa: BLE001 (the library raises bare RuntimeError)
                failure = error
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        heard.seek(0)
        words = heard.read()
    if failure is not None:
        reason = _reason(words.decode(errors="replace"), failure)
        raise StoreRefused(str(folder), reason) from failure
    os.write(2, words)
    return opened


def _write(path: Path, text: str) -> None:
    """Whole or not at all: a half-written configuration would open a half-guarded engine."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def _reason(words: str, failure: Exception) -> str:
    if "Cannot lock file" in words:
        return (
            "is open in another process; stop that one, or ask it over its HTTP endpoint "
            f"({_last_line(words)})"
        )
    if "broken parts" in words:
        return (
            "has more broken parts than store.broken_parts_max allows; what was acknowledged is in "
            f"the journal or in sound parts, so raise the setting once ({_last_line(words)})"
        )
    return f"does not open: {_last_line(words) or failure}"


def _last_line(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if "Code:" in line or "xception" in line]
    return lines[-1] if lines else " ".join(words.split())[-400:]


def _config(users: Path, files: Path, settings: StoreSettings) -> str:
    return f"""<clickhouse>
  <users_config>{escape(str(users))}</users_config>
  <user_files_path>{escape(str(files))}/</user_files_path>
  <user_scripts_path>{escape(str(files))}/</user_scripts_path>
  <mark_cache_size>{256 << 20}</mark_cache_size>
  <max_server_memory_usage>{settings.memory_bytes_max}</max_server_memory_usage>
  <merge_tree>
    <max_suspicious_broken_parts>{settings.broken_parts_max}</max_suspicious_broken_parts>
  </merge_tree>
</clickhouse>
"""


# The engine has one user for all handles. It holds no grant on a source (FILE, URL, S3, REMOTE …)
# and none outside database m, so no statement can reach beyond the store's own tables; the one
# hole left, the scalar function file(), is closed by the endpoint (face/statements.py).
_USERS = """<clickhouse>
  <profiles><default></default></profiles>
  <quotas><default></default></quotas>
  <users><default>
    <password></password>
    <networks><ip>::/0</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants>
      <query>GRANT SHOW DATABASES, SHOW TABLES, SHOW COLUMNS ON *.*</query>
      <query>GRANT SELECT ON m.*</query>
      <query>GRANT SELECT ON system.*</query>
      <query>GRANT SELECT ON information_schema.*</query>
      <query>GRANT SELECT ON INFORMATION_SCHEMA.*</query>
      <query>GRANT INSERT, ALTER, CREATE, DROP, TRUNCATE, OPTIMIZE ON m.*</query>
      <query>GRANT CREATE TEMPORARY TABLE ON *.*</query>
    </grants>
  </default></users>
</clickhouse>
"""
