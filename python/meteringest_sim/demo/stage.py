"""The demo's folder and processes: settings, keys, ports, and the program called as anyone would.

Rule 1: the service runs in a process of its own, started by its command line; nothing here
imports it.
"""

import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import trio

from meteringest.errors import MeterIngestError

CAPTURED_DCU = 65_000
STOP_TIMEOUT_S = 60
READER = "demo"


class CommandFailedError(MeterIngestError):
    """A command of the demo ended with an error."""

    def __init__(self, command: str, status: int, words: str) -> None:
        """`words` is the end of what it wrote to standard error."""
        super().__init__(command, status, words)
        self.command = command
        self.status = status
        self.words = words

    def __str__(self) -> str:
        """The command, its status and its words."""
        return f"{self.command} ended with status {self.status}: {self.words}"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything stands."""

    folder: Path
    port: int
    uplink_port: int
    captured_port: int
    endpoint_port: int
    password: str

    @classmethod
    def build(cls, folder: Path) -> "Stage":
        """Writes settings and secrets; takes ports that are free now."""
        port, uplink_port, captured_port, endpoint_port = _free_ports(4)
        stage = cls(
            folder,
            port=port,
            uplink_port=uplink_port,
            captured_port=captured_port,
            endpoint_port=endpoint_port,
            password=secrets.token_urlsafe(16),
        )
        (folder / "endpoint.password").write_text(stage.password)
        (folder / "meteringest.toml").write_text(stage._settings())
        return stage

    @property
    def fleet(self) -> Path:
        """Where the simulator puts its registry files."""
        return self.folder / "fleet"

    @property
    def store_url(self) -> str:
        """The read-only endpoint, as any ClickHouse client takes it."""
        return f"http://{READER}:{self.password}@127.0.0.1:{self.endpoint_port}"

    async def command(self, *arguments: str) -> str:
        """Runs one command to its end; returns what it printed, its standard error goes to a log.

        On failure its standard error goes on.
        """
        argv = self._argv(*arguments)
        done = await trio.run_process(
            argv, cwd=self.folder, capture_stdout=True, capture_stderr=True, check=False
        )
        with (self.folder / "commands.log").open("ab") as log:
            log.write(b"$ " + " ".join(argv).encode() + b"\n" + done.stdout + done.stderr)
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip()[-2_000:]
            raise CommandFailedError(" ".join(arguments[:2]), done.returncode, words)
        return done.stdout.decode()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[trio.Process]:
        """The service, up when this yields, asked to stop at the end."""
        async with trio.open_nursery() as nursery:
            process = await trio.lowlevel.open_process(
                self._argv("serve"), cwd=self.folder, stderr=subprocess.PIPE
            )
            up = trio.Event()
            nursery.start_soon(self._keep_log, process, up)
            try:
                await up.wait()
                yield process
            finally:
                process.terminate()
                with trio.move_on_after(STOP_TIMEOUT_S, shield=True):
                    await process.wait()
                if process.returncode is None:
                    process.kill()

    async def _keep_log(self, process: trio.Process, up: trio.Event) -> None:
        """Every line into serve.log; the one that says it is serving wakes the demo."""
        assert process.stderr is not None  # noqa: S101 (asked for above)
        pending = b""
        with (self.folder / "serve.log").open("ab") as log:
            async for chunk in process.stderr:
                log.write(chunk)
                *lines, pending = (pending + chunk).split(b"\n")
                if any(_event(line) == "serving" for line in lines):
                    up.set()
        if not up.is_set():
            words = (self.folder / "serve.log").read_text(errors="replace")[-2_000:]
            raise CommandFailedError("serve", await process.wait(), words)

    def _argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "meteringest", *arguments]

    def _settings(self) -> str:
        return f"""\
data_dir = "data"

[[intake.listeners]]
name = "dlms"
port = {self.port}

[[intake.listeners]]
name = "uplink"
port = {self.uplink_port}
framing = "uplink"

[[intake.listeners]]
name = "captured"
port = {self.captured_port}
dcu = {{ by = "fixed", fixed = {CAPTURED_DCU} }}

[registry]
master_key = "file:{self.folder}/master.key"

[endpoint]
port = {self.endpoint_port}
users = {{ {READER} = "file:{self.folder}/endpoint.password" }}

[observe]
log_format = "json"
[observe.http]
port = 0
"""


def _event(line: bytes) -> str:
    try:
        fields = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.DecodeError:
        return ""
    return str(fields.get("event", ""))


def _free_ports(count: int) -> list[int]:
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(holder.getsockname()[1]) for holder in holders]
    finally:
        for holder in holders:
            holder.close()
