"""`meteringest worker`: charging in a process of its own, beside any number of others."""

import signal
import sys
from functools import partial

import trio

from meteringest.app.charging import Charging
from meteringest.clock import WallClock
from meteringest.config import Config
from meteringest.errors import ConfigError
from meteringest.events import Level
from meteringest.observe import LogLines, ServiceObserver
from meteringest.offload import ThreadOffload
from meteringest.prepaid.worker.shards import shards_of
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.engine import SCHEME

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
ONE_PROCESS = (
    "the embedded store can be opened by one process only, and `meteringest serve` charges in it "
    "by itself; for workers of their own point store.url at a ClickHouse server"
)


def work(config: Config, index: int, count: int) -> None:
    """Charges the shards of worker `index` of `count` until SIGTERM or SIGINT."""
    if config.store.url.startswith(SCHEME):
        raise ConfigError("store.url", ONE_PROCESS)
    store = open_store(config.store, config.data_dir)
    try:
        trio.run(partial(_run, config, store, shards_of(index, count)))
    finally:
        store.close()


async def _run(config: Config, store: Store, shards: tuple[int, ...]) -> None:
    clock = WallClock()
    log = LogLines(
        sys.stderr.buffer,
        clock,
        level=Level[config.observe.log_level.upper()],
        form="json" if config.observe.log_format == "json" else "text",
    )
    charging = Charging(
        store,
        config.worker,
        shards,
        clock=clock,
        offload=ThreadOffload(1),
        observer=ServiceObserver(log),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(charging.run)
        with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
            async for _ in signals:
                nursery.cancel_scope.cancel()
                return
