"""A look at what stands still costs no count of a million rows; nothing that moves is missed."""

from collections.abc import Callable, Mapping
from datetime import date

import pytest
from tests.store.worker_store import Arriving
from tests.store.worker_world import Account, Link, Terms

from meteringest.prepaid.worker.snapshot import take
from meteringest.store.clickhouse import Store, Table

FLAT = """
name = "flat"
title = "flat"
currency = "INR"
effective_from = 2026-01-01
slabs = [{ rate = 10 }]
"""
ACCOUNT = Account(5, [Terms(date(2026, 11, 3), "prepaid", "flat", 1_000)], [], 1_800)


class Watched:
    """An engine that counts how often rows are counted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.text, self.insert = store.text, store.insert
        self.counts = 0

    def ask(self, sql: str, parameters: Mapping[str, object] | None = None, /) -> Table:
        self.counts += "m.meters FINAL" in sql
        return self._store.ask(sql, parameters)


MOVES: dict[str, Callable[[Arriving], None]] = {
    "rules": lambda arriving: arriving.rules(
        FLAT.replace("= 10 ", "= 11 ").replace("01-01", "02-01")
    ),
    "terms": lambda arriving: arriving.terms(ACCOUNT, *ACCOUNT.terms),
    "links": lambda arriving: arriving.links(ACCOUNT, Link(50, 0, 2**32 - 1, 1_000_000)),
    "registry": lambda arriving: arriving.store.run(
        "INSERT INTO m.meters (meter, account, ver) VALUES (7, 5, 1)"
    ),
    "withdrawn": lambda arriving: arriving.store.run(
        "ALTER TABLE m.meters DELETE WHERE meter = 1 SETTINGS mutations_sync = 1"
    ),
}


@pytest.mark.parametrize("moved", MOVES)
def test_what_moved_is_counted_again(store: Store, moved: str) -> None:
    arriving = Arriving(store)
    arriving.rules(FLAT)
    store.run("INSERT INTO m.meters (meter, account, ver) VALUES (1, 5, 1), (2, 6, 1)")
    engine = Watched(store)
    known = take(engine)
    first = engine.counts
    assert take(engine, known) == known
    assert engine.counts == first
    MOVES[moved](arriving)
    assert take(engine, known).number != known.number
    assert engine.counts == first + 1
    assert take(store).number == take(store, known).number
