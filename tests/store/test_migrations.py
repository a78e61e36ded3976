"""Tables come into being in order, once, and never half."""

import signal
from pathlib import Path

import pytest
from tests.store.children import run

from meteringest.errors import StoreRefused
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.migrate import clauses, migrate, migrations, pending
from meteringest.store.schema import TABLES, check_tables
from meteringest.store.settings import Partition, StoreSettings

NAMES = tuple(migration.name for migration in migrations())


def test_every_migration_runs_once(empty_store: Store, settings: StoreSettings) -> None:
    assert migrate(empty_store, settings) == NAMES
    assert migrate(empty_store, settings) == ()
    assert list(NAMES) == sorted(NAMES)


def test_every_table_survives_a_power_cut(store: Store) -> None:
    rows = store.ask("SELECT name, create_table_query FROM system.tables WHERE database = 'm'").rows
    tables = {str(name): str(sql) for name, sql in rows if "MergeTree" in str(sql)}
    assert {table.removeprefix("m.") for table in TABLES} < tables.keys()
    for sql in tables.values():
        assert "fsync_after_insert = 1" in sql
        assert "fsync_part_directory = 1" in sql
        assert "min_rows_to_fsync_after_merge = 1" in sql
        assert "min_compressed_bytes_to_fsync_after_merge = 1" in sql
        assert "old_parts_lifetime = 480" in sql
        assert "non_replicated_deduplication_window = 10000" in sql


def test_a_lost_table_is_made_again(store: Store, settings: StoreSettings) -> None:
    store.run("DROP TABLE m.rejects SYNC")
    again = ("0001_reads", "0015_time")  # the latter adds columns to it
    assert tuple(migration.name for migration in pending(store)) == again
    assert migrate(store, settings) == again


def test_a_wrong_column_is_named(store: Store) -> None:
    store.run("ALTER TABLE m.reads MODIFY COLUMN curr_ma UInt64")
    with pytest.raises(StoreRefused, match=r"m\.reads\.curr_ma is UInt64, wanted UInt32"):
        check_tables(store)


def test_the_partition_cannot_change_silently(store: Store) -> None:
    with pytest.raises(StoreRefused, match=r"set store\.partition to day"):
        migrate(store, StoreSettings(partition="month"))


def test_the_midnight_of_the_partitions_is_kept(
    empty_store: Store, settings: StoreSettings
) -> None:
    migrate(empty_store, StoreSettings(partition_offset_min=-60))
    with pytest.raises(StoreRefused, match=r"interval_start - 3600\).*partition_offset_min"):
        migrate(empty_store, settings)


def test_a_store_of_an_earlier_release_keeps_its_partitions(
    empty_store: Store, settings: StoreSettings
) -> None:
    migrate(empty_store, StoreSettings(partition_offset_min=0))
    assert migrate(empty_store, settings) == ()


def test_an_edited_migration_is_noticed(store: Store, settings: StoreSettings) -> None:
    store.run("INSERT INTO m.schema_migrations (name, digest) VALUES ('0001_reads', 'other')")
    with pytest.raises(StoreRefused, match="0001_reads was edited"):
        migrate(store, settings)


def test_a_newer_store_is_left_alone(store: Store, settings: StoreSettings) -> None:
    store.run("INSERT INTO m.schema_migrations (name, digest) VALUES ('9999_later', 'x')")
    with pytest.raises(StoreRefused, match="newer release"):
        migrate(store, settings)


@pytest.mark.parametrize("partition", ["day", "week", "month"])
def test_cluster_clauses_are_valid_sql(empty_store: Store, partition: Partition) -> None:
    settings = StoreSettings(cluster="amr", partition=partition)
    words = clauses(settings, embedded=False)
    for migration in migrations():
        for statement in migration.statements(words):
            said = [line for line in statement.splitlines() if not line.startswith("--")]
            # What an INSERT brings in, the replicas pass on.
            assert "ON CLUSTER `amr`" in statement or said[0].startswith("INSERT INTO")
            empty_store.ask("EXPLAIN AST " + statement)
    tables = "\n".join(migrations()[0].statements(words))
    assert tables.count("ReplicatedReplacingMergeTree('/clickhouse/{cluster}/tables/") == 5
    assert "non_replicated" not in tables


def test_a_kill_in_the_middle_is_mended_by_running_again(tmp_path: Path) -> None:
    for statements in range(0, 14, 3):
        child = run(_KILLED_MIGRATION, tmp_path, statements)
        assert child.returncode == -signal.SIGKILL
    store = open_store(StoreSettings(), tmp_path)
    try:
        migrate(store, StoreSettings())
        assert pending(store) == ()
    finally:
        store.close()


_KILLED_MIGRATION = """
import os, signal, sys
from pathlib import Path
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import Partition, StoreSettings

left = int(sys.argv[2])
run = Store.run

def counted(store, sql, settings=None):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    run(store, sql, settings)

Store.run = counted
migrate(open_store(StoreSettings(), Path(sys.argv[1])), StoreSettings())
"""
