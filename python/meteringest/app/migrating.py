"""`meteringest migrate`: the tables, and nothing else of the service."""

from meteringest.config import Config
from meteringest.store.clickhouse import open_store
from meteringest.store.migrate import migrate


def migrate_store(config: Config) -> tuple[str, ...]:
    """Brings the tables up to date; returns the names of what was applied."""
    store = open_store(config.store, config.data_dir)
    try:
        return migrate(store, config.store)
    finally:
        store.close()
