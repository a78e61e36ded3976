"""Proof in the files and tables themselves: a journal read again, a day counted again.

Rule 1: with no service running these open the one thing they look at, and change none of it.
"""

from datetime import date

from meteringest.app.means import open_journal
from meteringest.clock import WallClock
from meteringest.config import Config
from meteringest.control.messages import JournalFault, Verified
from meteringest.native import Journal
from meteringest.native import verify_journal as read_again
from meteringest.store.clickhouse import open_store
from meteringest.store.conservation import Conservation, conservation


def reconcile(config: Config, day: date, dcu: str) -> Conservation:
    """Of the store the settings name; an embedded one must not be open elsewhere."""
    store = open_store(config.store, config.data_dir)
    try:
        return conservation(store, day, dcu)
    finally:
        store.close()


def verify_journal(config: Config) -> Verified:
    """Of a journal nobody has open; one that does not open raises JournalCorrupt, with why."""
    salvage = False
    return verified(open_journal(config, WallClock(), salvage))


def verified(journal: Journal) -> Verified:
    """Every durable byte, read again."""
    found = read_again(journal)
    head = found["head"]
    return Verified(
        segments=found["segments"],
        records=found["records"],
        bytes=found["bytes"],
        released=found["released"],
        given_up=tuple(found["given_up"]),
        faults=tuple(
            JournalFault(path=path, offset=offset, reason=reason)
            for path, offset, reason in found["faults"]
        ),
        head=head.hex() if head else "",
    )
