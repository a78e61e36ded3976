"""What the service takes from the machine it runs on, in one place; a simulation has its own.

Rule 1: clock, files, sockets, threads, chance and ClickHouse come in here and nowhere else.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from meteringest.app.descriptors import UNBOUNDED
from meteringest.clock import WallClock
from meteringest.config import Config
from meteringest.errors import JournalError
from meteringest.intake.listening import OpenPort, open_port
from meteringest.intake.udp import OpenMailPort, open_mail_port
from meteringest.native import Journal
from meteringest.offload import Offload, ThreadOffload
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.settings import StoreSettings
from meteringest.store.shelf import FolderShelf, Shelf

JOURNAL_FOLDER = "journal"

OpenJournal = Callable[[Config, WallClock, bool], Journal]
"""`True` goes past damage and gives up what is lost in it."""


def open_journal(config: Config, clock: WallClock, salvage: bool) -> Journal:  # noqa: FBT001
    """The journal in the data folder, locked for this process."""
    folder = config.data_dir / JOURNAL_FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(str(folder), f"cannot be made: {error.strerror}") from None
    return Journal(
        str(folder),
        node=config.node,
        segment_bytes=config.journal.segment_bytes,
        created_s=clock.now_s(),
        free_bytes_min=config.journal.disk_reserve_bytes,
        salvage=salvage,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """The machine's own, unless said otherwise."""

    clock: WallClock
    open_journal: OpenJournal = open_journal
    open_store: Callable[[StoreSettings, Path], Store] = open_store
    open_shelf: Callable[[Path], Shelf] = FolderShelf
    open_port: OpenPort = open_port
    open_mail_port: OpenMailPort = open_mail_port
    offload: Callable[[int], Offload] = ThreadOffload
    """Makes one that runs so many calls at a time."""
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    links_max: int = UNBOUNDED
    """How many links there are descriptors for."""
