"""A real `meteringest serve` in a process of its own, to be killed and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from meteringest.control.client import connected
from meteringest.control.messages import Status
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.settings import StoreSettings

UP_TIMEOUT_S = 60
DEATH_TIMEOUT_S = 60
# After an hour's run a sum goes through hundreds of millions of reads.
READER_TIMEOUT_S = 1_800
ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "meteringest")


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on; none is given out twice, though the first may not listen yet."""
    ports: list[int] = []
    while len(ports) < count:
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = int(holder.getsockname()[1])
        if port not in _GIVEN:
            _GIVEN.add(port)
            ports.append(port)
    return ports


_GIVEN: set[int] = set()


class House:
    """A folder with settings, a registered fleet, and at most one running service."""

    def __init__(self, folder: Path, *, settings: str = "") -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = folder
        self.port, self.uplink_port, self.endpoint_port = free_ports(3)
        (folder / "password").write_text("reader's password")
        (folder / "meteringest.toml").write_text(
            f"""
data_dir = "data"
{settings}
[[intake.listeners]]
name = "dlms"
port = {self.port}
[[intake.listeners]]
name = "uplink"
port = {self.uplink_port}
framing = "uplink"
[registry]
master_key = "file:{folder}/master.key"
[endpoint]
port = {self.endpoint_port}
users = {{ reader = "file:{folder}/password" }}
[observe]
log_format = "json"
[observe.http]
port = 0
"""
        )
        self.command("keygen", "--out", str(folder / "master.key"))

    def __del__(self) -> None:
        """A test that fails leaves no service behind to fail the next one."""
        if self.alive:
            self.kill()

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [*PROGRAM, *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def succeeds(self, *arguments: str) -> bool:
        """Whether a command ends well; what it prints goes to this process's standard error."""
        done = subprocess.run(
            [*PROGRAM, *arguments], cwd=self.folder, stdout=sys.stderr, check=False
        )
        return done.returncode == 0

    @property
    def rss_bytes(self) -> int:
        """Memory of the running service."""
        assert self._process is not None
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def register(self, *fleet: str) -> None:
        self.command("simulate", *fleet, "--dry-run", "--registry-out", "fleet")
        self.command("dcus", "import", "fleet/dcus.csv")
        self.command("meters", "import", "fleet/meters.csv")

    def start(self, *, program: tuple[str, ...] = PROGRAM) -> None:
        """Returns once every part is at work."""
        self._until("serving", self._launch(program))

    @contextmanager
    def starting(self, *, until: str) -> Iterator[None]:
        """Runs the body once `until` has happened on the way up."""
        written = self._launch(PROGRAM)
        self._until(until, written)
        yield
        self._until("serving", written)

    def _until(self, event: str, written: int) -> None:
        assert self._process is not None
        deadline = time.monotonic() + UP_TIMEOUT_S
        while f'"event":"{event}"'.encode() not in (words := self._log_from(written)):
            assert self._process.poll() is None, words.decode()
            assert time.monotonic() < deadline, words.decode()
            time.sleep(0.02)  # a file tells nobody that it grows

    def start_to_die(self, *program: str) -> None:
        """Starts what will end by itself, and waits for that."""
        written = self._launch(program)
        assert self._process is not None
        ended = self._process.wait(DEATH_TIMEOUT_S)
        assert ended == -signal.SIGKILL, self._log_from(written).decode()

    def _launch(self, program: tuple[str, ...]) -> int:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"}
        with (self.folder / "serve.log").open("ab") as log:
            written = log.tell()
            self._process = subprocess.Popen(
                [*program, "serve"], cwd=self.folder, stderr=log, env=environment
            )
        return written

    def _log_from(self, written: int) -> bytes:
        return (self.folder / "serve.log").read_bytes()[written:]

    def kill(self) -> None:
        """No goodbye."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def freeze(self) -> None:
        """Not another step; kill is what may follow."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        assert self._process is not None
        self._process.terminate()

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.ask_to_stop()
        return self.ended()

    def ended(self) -> int:
        """The exit status, once there is one."""
        assert self._process is not None
        return self._process.wait(60)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def status(self) -> Status:
        with connected(self.folder / "data") as client:
            assert client is not None
            return client.status()

    @contextmanager
    def reader(self, url: str = "") -> Iterator[Store]:
        """An ordinary ClickHouse client of the endpoint, or of the server the service uses."""
        url = url or f"http://reader:reader's%20password@127.0.0.1:{self.endpoint_port}"
        store = open_store(StoreSettings(url=url, timeout_s=READER_TIMEOUT_S), self.folder)
        try:
            yield store
        finally:
            store.close()

    @contextmanager
    def simulating(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A fleet that sends meanwhile."""
        process = subprocess.Popen(
            [*PROGRAM, "simulate", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def decoded_log(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "serve.log").read_bytes().splitlines()
    return [msgspec.json.decode(line) for line in lines if line.startswith(b"{")]
