"""The columns that Native blocks carry, and the check that the tables have exactly these.

ClickHouse drops a column it does not know and fills one it misses with zeros, both silently, so
the two sides are compared before the first block is sent, and each block's own columns with them.
"""

from collections.abc import Mapping

from meteringest.errors import InvariantError, StoreRefused
from meteringest.store.clickhouse import Store
from meteringest.store.native import columns_of

_CHANNELS = (
    *("imp_wh", "exp_wh", "imp_vah", "exp_vah", "volt_cv", "curr_ma"),
    *("varh_q1", "varh_q2", "varh_q3", "varh_q4"),
    *("volt_r_cv", "volt_y_cv", "volt_b_cv", "curr_r_ma", "curr_y_ma", "curr_b_ma"),
)
_CHANNELS_REQUIRED = 6

READ: Mapping[str, str] = {
    "meter": "UInt32",
    "interval_start": "DateTime('UTC')",
    "interval_s": "UInt16",
    **dict.fromkeys(_CHANNELS, "UInt32"),
    "present": "UInt16",
    "quality": "UInt8",
    "flags": "UInt32",
    "status": "UInt32",
    "deviation_min": "Int16",
    "clock_status": "UInt8",
    "offset_min": "Int16",
    "dcu": "UInt32",
    "counter": "UInt32",
    "ver": "UInt64",
}
# A block in which no row has them leaves the last ten channels out; one in which all clocks were on
# Indian time, the table's default, leaves out how far they were ahead.
OPTIONAL = frozenset((*_CHANNELS[_CHANNELS_REQUIRED:], "offset_min"))

_STAMP: Mapping[str, str] = {
    "meter": "UInt32",
    "at": "DateTime('UTC')",
    "deviation_min": "Int16",
    "clock_status": "UInt8",
    "flags": "UInt32",
    "dcu": "UInt32",
    "counter": "UInt32",
    "ver": "UInt64",
}

TABLES: Mapping[str, Mapping[str, str]] = {
    "m.reads": READ,
    "m.read_history": READ,
    "m.rejects": {
        "position": "UInt64",
        "at": "DateTime64(3, 'UTC')",
        "dcu": "UInt32",
        "peer": "String",
        "meter": "UInt32",
        "layer": "String",
        "kind": "String",
        "offset": "UInt32",
        "counter": "UInt32",
        "raw": "String",
        "part": "String",
        "hint": "String",
        "flags": "UInt32",
    },
    "m.registers": {
        **_STAMP,
        "profile": "String",
        "class": "UInt16",
        "obis": "String",
        "attribute": "Int8",
        "value": "Int64",
        "scaler": "Int8",
        "unit": "UInt8",
    },
    "m.events": {
        **_STAMP,
        "source": "String",
        "obis": "String",
        "code": "UInt32",
        "bit": "Int16",
        "meaning": "String",
    },
    "m.reject_resolutions": {
        "position": "UInt64",
        "received_at": "DateTime64(3, 'UTC')",
        "dcu": "UInt32",
        "at": "DateTime64(3, 'UTC')",
        "meter": "UInt32",
        "outcome": "String",
        "reads": "UInt32",
        "registers": "UInt32",
        "events": "UInt32",
        "ver": "UInt64",
    },
    "m.intake_ledger": {
        "position": "UInt64",
        "day": "Date",
        "dcu": "UInt32",
        **dict.fromkeys(
            (
                *("frames", "frames_accepted", "frames_quarantined", "frames_duplicate"),
                *("reads", "reads_stored", "reads_quarantined", "reads_duplicate", "reads_changed"),
            ),
            "UInt64",
        ),
    },
}


def check_tables(store: Store) -> None:
    """Raises StoreRefused with every difference between the tables and what blocks carry."""
    answer = store.ask("SELECT table, name, type FROM system.columns WHERE database = 'm'")
    found = {(f"m.{table}", str(name)): str(kind) for table, name, kind in answer.rows}
    wrong = [
        f"{table}.{name} is {found.get((table, name), 'absent')}, wanted {kind}"
        for table, columns in TABLES.items()
        for name, kind in columns.items()
        if found.get((table, name)) != kind
    ]
    if wrong:
        listed = "; ".join(wrong)
        raise StoreRefused(store.where, f"its tables are not ours, run `migrate`: {listed}")


def check_block(table: str, block: bytes) -> None:
    """Raises InvariantError when a block lacks a column, or carries one its table has not."""
    columns = columns_of(block)
    wanted = TABLES.get(table)
    if wanted is None:
        raise InvariantError("native", f"a block for {table}, which takes none")
    if columns is None:
        return
    carried = {column.name: column.type for column in columns}
    wrong = sorted(carried.items() - wanted.items()) + sorted(
        wanted.keys() - OPTIONAL - carried.keys()
    )
    if wrong:
        raise InvariantError("native", f"a block for {table} does not fit it: {wrong}")
