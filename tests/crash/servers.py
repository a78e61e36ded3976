"""A ClickHouse in a process of its own: the embedded engine behind a door that lets all through."""

from pathlib import Path
from urllib.parse import quote

from msgspec import json
from tests.crash.running import free_ports
from tests.store.children import start_module
from tests.store.serve import PASSWORD, USER

REQUEST_BYTES_MAX = 1 << 30


class Server:
    """A ClickHouse in a process of its own, to be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (self.port,) = free_ports(1)
        self.url = f"http://{USER}:{quote(PASSWORD)}@127.0.0.1:{self.port}"

    def __del__(self) -> None:
        """A test that fails leaves no server behind."""
        if hasattr(self, "_child") and self._child.poll() is None:
            self.kill()

    def start(self) -> None:
        limits = json.encode({"port": self.port, "request_bytes_max": REQUEST_BYTES_MAX}).decode()
        self._child = start_module("tests.store.serve", self._folder, "write", limits)
        assert self._child.stdout is not None
        assert int(self._child.stdout.readline()) == self.port

    def kill(self) -> None:
        self._child.kill()
        self._child.communicate()
