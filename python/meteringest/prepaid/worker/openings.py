"""What stands charged already: how far each account is, and the state its next day opens with.

Rule 1: a packed state stays an array; the few that are not packed are kept beside it.
"""

import numpy as np
from numpy.typing import NDArray

from meteringest.prepaid.worker.book import NOBODY
from meteringest.prepaid.worker.closing import PACKED, Bytes
from meteringest.prepaid.worker.ports import Engine, Ints, ascending, fetch_among


class States:
    """The month to date of some accounts, by their row."""

    def __init__(self, rows: int, width: int) -> None:
        """All at their beginning."""
        self.packed: Bytes = np.zeros((rows, width), dtype=np.uint8)
        self.unpacked: dict[int, bytes] = {}

    def raw(self, row: int) -> bytes:
        """One account's; empty at its beginning."""
        if row in self.unpacked:
            return self.unpacked[row]
        return self.packed[row].tobytes() if self.packed[row, 0] == PACKED else b""

    def put(self, row: int, raw: bytes) -> None:
        """One account's, packed or not."""
        self.unpacked.pop(row, None)
        self.packed[row, 0] = 0
        if raw and raw[0] == PACKED:
            self.packed[row, : len(raw)] = np.frombuffer(raw, dtype=np.uint8)
        elif raw:
            self.unpacked[row] = raw

    def put_packed(self, rows: Ints, packed: Bytes) -> None:
        """Many at once."""
        for row in self.unpacked.keys() & set(rows.tolist()) if self.unpacked else ():
            del self.unpacked[row]
        self.packed[rows, : packed.shape[1]] = packed

    def begin(self, rows: Ints) -> None:
        """Many at their beginning."""
        for row in self.unpacked.keys() & set(rows.tolist()) if self.unpacked else ():
            del self.unpacked[row]
        self.packed[rows, 0] = 0


def charged_to(engine: Engine, accounts: NDArray[np.uint64], low: int) -> Ints:
    """Of each account its last charged day; `low` is where to look first. NOBODY without any."""
    found = np.full(len(accounts), NOBODY, dtype=np.int64)
    for since in (low, 0):
        missing = np.flatnonzero(found == NOBODY)
        if len(missing):
            _fill(engine, found, accounts, missing, since)
    return found


def _fill(
    engine: Engine, found: Ints, accounts: NDArray[np.uint64], missing: Ints, since: int
) -> None:
    sql = _CHARGED_TO.replace("{since}", str(since))
    rows = fetch_among(
        engine, sql, (("account", "<u8"), ("day", "<u4")), "account", accounts[missing]
    )
    order = ascending(accounts)
    places = np.minimum(np.searchsorted(accounts, rows["account"], sorter=order), len(order) - 1)
    own = accounts[order[places]] == rows["account"]
    found[order[places[own]]] = rows["day"][own]


def load_states(
    engine: Engine, states: States, accounts: NDArray[np.uint64], rows: Ints, day: int
) -> Ints:
    """Fills in what `accounts[rows]` closed `day` with; returns the rows that have closed it."""
    width = states.packed.shape[1]
    fields = (("account", "<u8"), ("fits", "u1"), ("packed", "u1", (width,)))
    sql = _STATES.replace("{width}", str(width)).replace("{day}", str(day))
    found = fetch_among(engine, sql, fields, "account", accounts[rows])
    order = rows[ascending(accounts[rows])]
    at = np.minimum(np.searchsorted(accounts[order], found["account"]), len(order) - 1)
    own = accounts[order[at]] == found["account"]
    closed: Ints = order[at[own]]
    states.put_packed(closed, found["packed"] if own.all() else found["packed"][own])
    for row in closed[found["fits"][own] == 0].tolist():
        ((raw,),) = engine.ask(
            "SELECT hex(closing) FROM m.charge_days FINAL WHERE account = {account:UInt64} "
            "AND day = toDate({day:UInt16})",
            {"account": int(accounts[row]), "day": day},
        ).rows
        states.put(row, bytes.fromhex(str(raw)))
    return closed


_CHARGED_TO = """
SELECT account, toUInt32(toUInt16(max(day))) FROM m.charge_days
WHERE day >= toDate(toUInt16({since})) AND {among} GROUP BY account"""
_STATES = """
SELECT account, closing = '' OR (length(closing) <= {width} AND startsWith(closing, '\\x01')),
    toFixedString(if(length(closing) <= {width} AND startsWith(closing, '\\x01'), closing, ''),
        {width})
FROM m.charge_days FINAL WHERE day = toDate(toUInt16({day})) AND {among}"""
