"""A process with a store and its endpoint: `python -m tests.store.serve FOLDER MODE LIMITS`.

MODE read serves two days of reads, ingest goes on inserting days, found serves what is there,
write lets everything through as well.
Prints the port it listens on; ends at SIGTERM.
"""

import signal
import sys
from pathlib import Path

import trio
from msgspec import json
from tests.store.blocks import range_of, reads
from tests.store.writable import Writable

from meteringest.events import Event
from meteringest.model import Secret
from meteringest.offload import ThreadOffload
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.face.execution import Engine
from meteringest.store.face.server import Endpoint
from meteringest.store.face.settings import EndpointSettings
from meteringest.store.insertion import insert_range
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

USER, PASSWORD = "reader", "a pass:word"
SECRET = "SECRET-OF-THE-SERVICE"  # noqa: S105 (bait for the table function Python)
secret = {"key": [SECRET]}
BASE = 1 << 40
DAYS = 30
METERS = 1_000


class Silent:
    """An observer that keeps nothing."""

    def emit(self, event: Event) -> None:
        del event


def insert_day(store: Store, day: int) -> None:
    first = BASE + day * 10**6
    insert_range(store, 1, range_of(first, reads(first, METERS, day=day)), Silent())


async def follow(store: Store) -> None:
    for day in range(2, DAYS):
        await ThreadOffload()(insert_day, store, day)


async def until_terminated(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


async def serve(store: Store, mode: str, endpoint: Endpoint) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(until_terminated, nursery.cancel_scope)
        port = await nursery.start(endpoint.serve)
        print(port, flush=True)  # noqa: T201 (the parent waits for it)
        if mode == "ingest":
            nursery.start_soon(follow, store)


def main(folder: Path, mode: str, limits: dict[str, object]) -> None:
    store = open_store(StoreSettings(), folder)
    if mode not in {"write", "found"}:
        migrate(store, StoreSettings())
        insert_day(store, 0)
        insert_day(store, 1)
    own: dict[str, object] = {"users": {USER: Secret(PASSWORD)}, "port": 0}
    settings = EndpointSettings(**{**own, **limits})  # type: ignore[arg-type]
    endpoint = Endpoint(
        Engine(store.engine_address),
        settings,
        offload=ThreadOffload(settings.queries_max),
        observer=Silent(),
        policy=Writable(folder) if mode == "write" else None,
    )
    trio.run(serve, store, mode, endpoint)
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.decode(sys.argv[3]))
