"""An engine died between noting a token and keeping its rows: the range goes in all the same."""

import shutil
from pathlib import Path

from tests.store.blocks import range_of, reads
from tests.store.conftest import Recorder

from meteringest.store.clickhouse import Store, open_store
from meteringest.store.insertion import insert_range
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

FIRST = 1 << 40
TABLES = ("reads", "read_history", "rejects", "intake_ledger", "batches")


def counted(store: Store) -> list[object]:
    return [store.ask(f"SELECT count() FROM m.{table} FINAL").rows[0][0] for table in TABLES]  # noqa: S608


def test_rows_that_only_a_token_is_left_of_go_in_again(tmp_path: Path) -> None:
    before = range_of(FIRST, reads(FIRST, 20), rejects=2)
    columns = reads(before.next, 20)
    keys = list(zip(columns["meter"].tolist(), columns["interval_start"].tolist(), strict=True))
    gathered = range_of(before.next, columns, changed=keys, rejects=2)
    store = open_store(StoreSettings(), tmp_path)
    migrate(store, StoreSettings())
    store.run("SYSTEM STOP MERGES")
    insert_range(store, 1, before, Recorder())
    insert_range(store, 1, gathered, Recorder())
    whole = counted(store)
    last = [
        f"SELECT path FROM system.parts WHERE active AND database = 'm' AND table = '{table}' "  # noqa: S608
        "ORDER BY max_block_number DESC LIMIT 1"
        for table in TABLES
    ]
    lost = [str(store.ask(each).rows[0][0]) for each in last]
    store.close()
    for path in lost:
        shutil.rmtree(path)
    store = open_store(StoreSettings(), tmp_path)
    try:
        assert counted(store) != whole
        insert_range(store, 1, gathered, Recorder())
        assert counted(store) != whole, "the engine keeps to its tokens: what this test is about"
        insert_range(store, 1, gathered, Recorder(), again=True)
        assert counted(store) == whole
    finally:
        store.close()
