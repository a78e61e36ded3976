"""The store and its endpoint in a process of their own, and clients of it in this one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from msgspec import json
from tests.store.children import start

USER, PASSWORD = "reader", "a pass:word"
SECRET = "SECRET-OF-THE-SERVICE"  # noqa: S105 (bait for Python())


@contextmanager
def serving(folder: Path, *, mode: str = "read", **limits: float | str) -> Iterator[int]:
    """Yields the port; the process fills its store with a few days of reads first."""
    child = start(_SERVE, folder, mode, json.encode(limits).decode())
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


_SERVE = f"""
import signal, sys
from pathlib import Path
import msgspec, trio
from meteringest.model import Secret
from meteringest.offload import ThreadOffload
from meteringest.store.clickhouse import open_store
from meteringest.store.face.execution import Engine
from meteringest.store.face.server import Endpoint
from meteringest.store.face.settings import EndpointSettings
from meteringest.store.insertion import insert_range
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings
from tests.store.blocks import range_of, reads
from tests.store.writable import Writable

class Silent:
    def emit(self, event):
        pass

secret = {{"key": [{SECRET!r}]}}
folder, mode, limits = Path(sys.argv[1]), sys.argv[2], msgspec.json.decode(sys.argv[3])
store = open_store(StoreSettings(), folder)
limits = {{"users": {{{USER!r}: Secret({PASSWORD!r})}}, "port": 0, **limits}}
policy = Writable(folder) if mode == "write" else None
if mode != "write":
    migrate(store, StoreSettings())
    for day in range(2):
        insert_range(store, 1, range_of((1 << 40) + day * 10**6, reads((1 << 40) + day * 10**6, 1000, day=day)), Silent())

async def follow(days):
    for day in range(2, days):
        first = (1 << 40) + day * 10**6
        await ThreadOffload()(insert_range, store, 1, range_of(first, reads(first, 1000, day=day)), Silent())

async def main():
    endpoint = Endpoint(Engine(store.engine_address), EndpointSettings(**limits), offload=ThreadOffload(8), observer=Silent(), policy=policy)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(endpoint.serve)
        print(port, flush=True)
        if mode == "ingest":
            nursery.start_soon(follow, 30)
        with trio.open_signal_receiver(signal.SIGTERM) as signals:
            async for _ in signals:
                nursery.cancel_scope.cancel()
                break

trio.run(main)
store.close()
"""
