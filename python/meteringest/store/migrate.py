"""Brings a store's tables up to date: the files of migrations/, in the order of their names.

Rule 1: a statement may be run again at any time (IF NOT EXISTS, OR REPLACE), so a migration cut
short by a kill is simply run again; it is recorded only after its last statement.
Rule 2: a file that has been released is never edited; the next change is the next file.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from importlib import resources
from string import Template
from typing import get_args

from msgspec import Struct

from meteringest.errors import StoreRefused
from meteringest.store.clickhouse import Store
from meteringest.store.schema import check_tables
from meteringest.store.settings import Partition, StoreSettings

BETWEEN_STATEMENTS = "\n;;\n"


class Migration(Struct, frozen=True):
    """One file of migrations/."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """Of the file as released, so that an edited one is noticed."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def statements(self, words: dict[str, str]) -> Iterator[str]:
        """The file's statements with the engine clauses of this store filled in."""
        for statement in Template(self.text).substitute(words).split(BETWEEN_STATEMENTS):
            if statement.strip():
                yield statement

    def makes(self) -> frozenset[str]:
        """The tables and views it leaves behind."""
        return frozenset(_MADE.findall(self.text))

    def alters(self) -> frozenset[str]:
        """The tables that it adds to."""
        return frozenset(_ALTERED.findall(self.text))


def migrations() -> tuple[Migration, ...]:
    """Every released migration, oldest first."""
    folder = resources.files("meteringest.store") / "migrations"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return tuple(
        Migration(file.name.removesuffix(".sql"), file.read_text())
        for file in files
        if file.name.endswith(".sql")
    )


def migrate(store: Store, settings: StoreSettings) -> tuple[str, ...]:
    """Runs what is not recorded yet and checks the outcome; returns the names that were run."""
    words = clauses(settings, embedded=store.embedded)
    for statement in Migration("", _BOOTSTRAP).statements(words):
        store.run(statement)
    todo = pending(store)
    for migration in todo:
        for statement in migration.statements(words):
            store.run(statement)
    if todo and store.embedded:
        os.sync()  # The engine does not sync the folders its table definitions stand in.
    for migration in todo:
        _record(store, migration)
    check_tables(store)
    _check_partition(store, settings)
    return tuple(migration.name for migration in todo)


def pending(store: Store) -> tuple[Migration, ...]:
    """The migrations to run: those not recorded, or whose tables a power cut took away.

    A table that is made again gets what later migrations have added to it.
    """
    recorded = _recorded(store)
    answer = store.ask("SELECT concat(database, '.', name) FROM system.tables WHERE database = 'm'")
    there = {row[0] for row in answer.rows}
    known = migrations()
    strangers = recorded.keys() - {migration.name for migration in known}
    if strangers:
        raise StoreRefused(store.where, f"was migrated by a newer release: {sorted(strangers)}")
    for migration in known:
        if recorded.get(migration.name, migration.digest) != migration.digest:
            raise StoreRefused(store.where, f"{migration.name} was edited after it was applied")
    lost = frozenset[str]().union(*(migration.makes() for migration in known)) - there
    return tuple(
        migration
        for migration in known
        if migration.name not in recorded
        or not there.issuperset(migration.makes())
        or not lost.isdisjoint(migration.alters())
    )


def clauses(settings: StoreSettings, *, embedded: bool) -> dict[str, str]:
    """What the templates' words stand for on this store."""
    replicated = settings.cluster != "" and not embedded
    return {
        "on_cluster": f"ON CLUSTER `{settings.cluster}`" if replicated else "",
        "replacing": _engine("", replicated=replicated),
        "replacing_ver": _engine("ver", replicated=replicated),
        "replacing_at": _engine("at", replicated=replicated),
        "reads_partition": _partition(settings.partition, settings.partition_offset_min),
        "durable": f"{_FSYNC}, {_REPLICATED_WINDOW if replicated else _WINDOW}",
    }


def _engine(version: str, *, replicated: bool) -> str:
    place = _REPLICA if replicated else ()
    arguments = ", ".join((*place, *((version,) if version else ())))
    return f"{'Replicated' if replicated else ''}ReplacingMergeTree({arguments})"


def _recorded(store: Store) -> dict[str, str]:
    known = store.ask(
        "SELECT count() FROM system.tables WHERE database = 'm' AND name = 'schema_migrations'"
    )
    if not known.rows[0][0]:
        return {}
    answer = store.ask("SELECT name, digest FROM m.schema_migrations FINAL")
    return {str(name): str(digest) for name, digest in answer.rows}


def _record(store: Store, migration: Migration) -> None:
    # Both words are our own: a file's name and 64 hexadecimal digits.
    values = f"('{migration.name}', '{migration.digest}')"
    store.run(f"INSERT INTO m.schema_migrations (name, digest) VALUES {values}")  # noqa: S608


def _partition(name: Partition, offset_min: int) -> str:
    local = f"interval_start {'-' if offset_min < 0 else '+'} {abs(offset_min) * 60}"
    return _PARTITIONS[name].format(local if offset_min else "interval_start")


def _check_partition(store: Store, settings: StoreSettings) -> None:
    """Stores of earlier releases cut at UTC midnight: the same rows, a local day costs more."""
    answer = store.ask(
        "SELECT partition_key FROM system.tables WHERE database = 'm' AND name = 'reads'"
    )
    found = str(answer.rows[0][0])
    names = {
        _partition(name, offset): name
        for name in get_args(Partition)
        for offset in (0, settings.partition_offset_min)
    }
    if names.get(found) != settings.partition:
        raise StoreRefused(
            store.where,
            f"m.reads is partitioned by {found}; set store.partition to "
            f"{names.get(found, 'what it was made with, and store.partition_offset_min')}, "
            "it cannot be changed afterwards",
        )


_MADE = re.compile(r"^CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (m\.\w+)", re.MULTILINE)
_ALTERED = re.compile(r"ALTER TABLE (m\.\w+)")
_PARTITIONS = {
    "day": "toDate({})",
    "week": "toMonday({})",
    "month": "toYYYYMM({})",
}
# Without these five a power cut lost every row of the last seconds, and the folder did not open.
_FSYNC = (
    "fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, "
    "min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480"
)
_WINDOW = "non_replicated_deduplication_window = 10000"
_REPLICATED_WINDOW = (
    "min_compressed_bytes_to_fsync_after_fetch = 1, replicated_deduplication_window = 10000, "
    "replicated_deduplication_window_seconds = 604800"
)
_REPLICA = ("'/clickhouse/{cluster}/tables/{shard}/{database}/{table}'", "'{replica}'")
_BOOTSTRAP = """CREATE DATABASE IF NOT EXISTS m $on_cluster
;;
CREATE TABLE IF NOT EXISTS m.schema_migrations $on_cluster
(name String, digest String, at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = $replacing_at
ORDER BY name
SETTINGS $durable
"""
