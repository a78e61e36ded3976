"""Appends to a journal for ever and says how far it is durable; meant to be killed.

One thread appends while the main one syncs, checkpoints and releases. What a record holds follows
from its position, so the parent can tell whether it came back whole.
"""

import random
import sys
import threading
from collections.abc import Callable
from hashlib import sha256

from meteringest.native import Journal

SEGMENT_BYTES = 1 << 20
CREATED_S = 1_000
ROWS_AHEAD_MAX = 10_000


def body_at(position: int, rows: int) -> bytes:
    """What the record of `rows` rows at `position` holds."""
    return sha256(f"{position} {rows}".encode()).digest() * (rows * 7)


def open_journal(folder: str) -> Journal:
    """With small segments, so that a run passes many."""
    return Journal(
        folder, node=1, segment_bytes=SEGMENT_BYTES, created_s=CREATED_S, free_bytes_min=0
    )


def append_for_ever(journal: Journal, draw: random.Random, synced: threading.Event) -> None:
    """Records of any size, a bounded number of rows ahead of the syncs."""
    position = journal.appended
    while True:
        while position - journal.durable > ROWS_AHEAD_MAX:
            synced.wait()
            synced.clear()
        rows = draw.randrange(1, 60)
        position = journal.append_record(body_at(position, rows), rows, 1)


def sync_for_ever(journal: Journal, synced: threading.Event, say: Callable[[str], None]) -> None:
    """Says each durable position; now and then notes it and lets old segments go."""
    rounds = 0
    while True:
        durable = journal.sync()
        say(f"durable {durable}")
        synced.set()
        rounds += 1
        if rounds % 25 == 0:
            journal.write_checkpoint("seen", durable.to_bytes(8, "big"))
            say(f"noted {durable}")
        if rounds % 100 == 0:
            journal.release(durable)
            say(f"released {durable}")


def main() -> None:
    """`journal_child.py FOLDER SEED`."""
    folder, seed = sys.argv[1:]
    journal = open_journal(folder)
    synced = threading.Event()
    draw = random.Random(seed)  # noqa: S311 (sizes, not secrets)
    threading.Thread(target=append_for_ever, args=(journal, draw, synced), daemon=True).start()
    sync_for_ever(journal, synced, lambda line: print(line, flush=True))  # noqa: T201 (its report)


if __name__ == "__main__":
    main()
