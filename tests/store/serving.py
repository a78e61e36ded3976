"""The store and its endpoint in a process of their own, and clients of it in this one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from msgspec import json
from tests.store.children import start_module
from tests.store.serve import PASSWORD, USER


@contextmanager
def serving(folder: Path, *, mode: str = "read", **limits: float | str) -> Iterator[int]:
    """Yields the port; the process fills its store with a few days of reads first."""
    child = start_module("tests.store.serve", folder, mode, json.encode(limits).decode())
    assert child.stdout is not None
    try:
        yield int(child.stdout.readline())
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def client(port: int, **options: object) -> Client:
    """An ordinary client, as a billing service makes it."""
    options = {"username": USER, "password": PASSWORD, **options}
    return clickhouse_connect.get_client(host="127.0.0.1", port=port, **options)  # type: ignore[arg-type]
