"""What the command line asks a store: how far it is, what it refused, anything a person types."""

from typing import TYPE_CHECKING

from msgspec import Struct

from meteringest.errors import InvariantError

if TYPE_CHECKING:  # whoever only reads the structs need not load the engine
    from meteringest.store.clickhouse import Store, Table


class Figures(Struct, frozen=True):
    """`status`, as far as the store knows it."""

    stored: dict[int, int]
    reads: int
    rejects: dict[str, int]


def figures(store: "Store") -> Figures:
    """Stored position by node, reads acknowledged to the journal's batches, rejects by kind."""
    marks = store.ask("SELECT node, stored FROM m.watermark_v ORDER BY node").rows
    reads = store.ask("SELECT sum(reads) FROM m.batches FINAL").rows
    rejects = store.ask(
        "SELECT concat(layer, '/', kind) AS name, count() FROM m.rejects_v GROUP BY name "
        "ORDER BY count() DESC, name"
    ).rows
    return Figures(
        stored={number(node): number(stored) for node, stored in marks},
        reads=number(reads[0][0]),
        rejects={str(name): number(count) for name, count in rejects},
    )


def stored(store: "Store", node: int) -> int:
    """Everything of `node` before this position is in the store; 0 when nothing is."""
    answer = store.ask("SELECT max(next) FROM m.batches WHERE node = {node:UInt16}", {"node": node})
    return number(answer.rows[0][0])


def reads_in(store: "Store", first: int, until: int) -> int:
    """Versions of reads with a position in [first, until), superseded ones included."""
    answer = store.ask(
        "SELECT uniqExact(meter, interval_start, ver) FROM (SELECT meter, interval_start, ver "
        "FROM m.reads UNION ALL SELECT meter, interval_start, ver FROM m.read_history) "
        "WHERE ver >= {first:UInt64} AND ver < {until:UInt64}",
        {"first": first, "until": until},
    )
    return number(answer.rows[0][0])


def query(store: "Store", sql: str) -> "Table":
    """What a person typed; the caller has refused all but reading statements."""
    return store.ask(sql)


def number(value: object) -> int:
    """A count or position the engine answered with."""
    if not isinstance(value, int):
        raise InvariantError("store", f"{value!r} came where a whole number was asked for")
    return value
