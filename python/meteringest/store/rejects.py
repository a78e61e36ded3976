"""Rejects as they stand in the store, and what else it holds of their meters.

Rule 1: bytes come out as hex: the driver would read them as text.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from msgspec import Struct

from meteringest.store.clickhouse import Store

Key = TypeVar("Key")

PAGE_ROWS = 500
KEYS_MAX = 8_000

START = (-1, 0, 0)


class Reject(Struct, frozen=True):
    """One reject; the first three are its key."""

    position: int
    dcu: int
    at_ms: int
    peer: str
    raw: bytes
    hint: bytes = b""
    row: tuple[int, int, int] | None = None
    """Of one row of a body: (meter, counter, flags) of its read."""

    @property
    def key(self) -> tuple[int, int, int]:
        """Where the next page goes on."""
        return (self.position, self.dcu, self.at_ms)


def unresolved(
    store: Store, after: tuple[int, int, int], *, kind: str, meter: int, since_ms: int
) -> list[Reject]:
    """The next rejects that were not resolved, by key; those of unknown meters with a meter's."""
    answer = store.ask(
        "SELECT position, dcu, toUnixTimestamp64Milli(at) AS at_ms, peer, hex(raw), "  # noqa: S608
        "hex(hint), part, meter, counter, flags "
        "FROM m.rejects_v WHERE resolved = 0 AND raw != '' "
        "AND (toInt64(position), dcu, at_ms) > ({position:Int64}, {dcu:UInt32}, {at_ms:Int64}) "
        "AND ({kind:String} = '' OR kind = {kind:String}) "
        "AND ({meter:UInt32} = 0 OR meter IN (0, {meter:UInt32})) "
        "AND at >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC') "
        f"ORDER BY position, dcu, at LIMIT {PAGE_ROWS}",
        {
            "position": after[0],
            "dcu": after[1],
            "at_ms": after[2],
            "kind": kind,
            "meter": meter,
            "since_ms": since_ms,
        },
    )
    return [_reject(row) for row in answer.rows]


def _reject(row: tuple[object, ...]) -> Reject:
    position, dcu, at_ms, peer, raw, hint, part, *read = row
    meter, counter, flags = map(_int, read)
    return Reject(
        _int(position),
        _int(dcu),
        _int(at_ms),
        str(peer),
        bytes.fromhex(str(raw)),
        bytes.fromhex(str(hint)),
        (meter, counter, flags) if part == "row" else None,
    )


def accepted(store: Store, frames: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of `frames` (meter, counter) that left a row in any table of reads or registers."""
    found: set[tuple[int, int]] = set()
    for chunk in _chunks(sorted(set(frames))):
        tuples = ", ".join(f"({meter}, {counter})" for meter, counter in chunk)
        for table in ("reads", "read_history", "registers", "events"):
            answer = store.ask(
                f"SELECT DISTINCT meter, counter FROM m.{table} "  # noqa: S608 -- numbers of ours
                f"WHERE (meter, counter) IN ({tuples})"
            )
            found.update((_int(meter), _int(counter)) for meter, counter in answer.rows)
    return sorted(found)


def standing(
    store: Store, spans: Iterable[tuple[int, int, int]]
) -> list[tuple[int, int, int, int]]:
    """(meter, interval start, version, counter) of the reads in `spans` (meter, first, last)."""
    rows: list[tuple[int, int, int, int]] = []
    for chunk in _chunks(sorted(set(spans))):
        meters = ", ".join(sorted({str(meter) for meter, _, _ in chunk}))
        first, last = min(each[1] for each in chunk), max(each[2] for each in chunk)
        answer = store.ask(
            "SELECT meter, toUInt32(interval_start), ver, counter FROM m.reads FINAL "  # noqa: S608
            f"WHERE meter IN ({meters}) AND interval_start BETWEEN "
            f"toDateTime({first}, 'UTC') AND toDateTime({last}, 'UTC')"
        )
        rows += [(_int(a), _int(b), _int(c), _int(d)) for a, b, c, d in answer.rows]
    return rows


def standing_registers(
    store: Store, spans: Iterable[tuple[int, int, int]]
) -> list[tuple[int, int, str, str, int, int, int]]:
    """(meter, time, profile, name, attribute, version, counter) of registers in `spans`."""
    rows: list[tuple[int, int, str, str, int, int, int]] = []
    for chunk in _chunks(sorted(set(spans))):
        meters = ", ".join(sorted({str(meter) for meter, _, _ in chunk}))
        first, last = min(each[1] for each in chunk), max(each[2] for each in chunk)
        answer = store.ask(
            "SELECT meter, toUInt32(at) AS seconds, profile, obis, attribute, "  # noqa: S608
            "max(ver), argMax(counter, ver) FROM m.registers "
            f"WHERE meter IN ({meters}) AND at BETWEEN "
            f"toDateTime({first}, 'UTC') AND toDateTime({last}, 'UTC') "
            "GROUP BY meter, seconds, profile, obis, attribute"
        )
        rows += [
            (_int(a), _int(b), str(c), str(d), _int(e), _int(f), _int(g))
            for a, b, c, d, e, f, g in answer.rows
        ]
    return rows


def _chunks(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for at in range(0, len(keys), KEYS_MAX):
        yield keys[at : at + KEYS_MAX]


def _int(value: object) -> int:
    return int(str(value))
