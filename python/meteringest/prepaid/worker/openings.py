"""What stands charged already: how far each account is, and the state its next day opens with.

Rule 1: packed states stay as the engine gave them; the few that are not packed stand beside them.
Rule 2: a day reads what stood when it began, whatever it puts; its closings stand once it turns.
"""

import numpy as np
from numpy.typing import NDArray

from meteringest.prepaid.worker.book import NOBODY
from meteringest.prepaid.worker.packing import FORMS, HEAD, Bytes, Ints, Records, bytes_of, heads
from meteringest.prepaid.worker.ports import Engine, ascending, fetch_among

MANY = 10_000
"""Of so many states it pays to ask first how long they are."""


class States:
    """The month to date of some accounts, by their row."""

    def __init__(self, rows: int) -> None:
        """All at their beginning."""
        self.unpacked: dict[int, bytes] = {}
        self._stock: Records = np.zeros(1, dtype=[("packed", f"V{HEAD.itemsize}")])
        self._at = np.full(rows, NOBODY)
        self._closed: list[tuple[Ints, Bytes]] = []
        self._closed_unpacked: dict[int, bytes] = {}

    def raw(self, row: int) -> bytes:
        """One account's; empty at its beginning."""
        if row in self.unpacked:
            return self.unpacked[row]
        raw = self.take(np.array([row]))[0].tobytes()
        return raw if raw[0] in FORMS else b""

    def take(self, rows: Ints) -> Records:
        """Packed ones; zeros for an account at its beginning and for one that is not packed."""
        at = self._at[rows]
        taken: Records = self._stock.take(np.maximum(at, 0))["packed"]
        if at.min(initial=0) < 0:
            heads(taken)["form"][at < 0] = 0
        return taken

    def put(self, row: int, raw: bytes) -> None:
        """What one account closes with, packed or not."""
        if raw and raw[0] in FORMS:
            self.put_packed(np.array([row]), np.frombuffer(raw, dtype=np.uint8)[None, :])
        else:
            self._closed_unpacked[row] = raw

    def put_packed(self, rows: Ints, packed: Bytes) -> None:
        """What many close with."""
        self._closed.append((rows, packed))

    def load(self, rows: Ints, found: Records) -> None:
        """What many opened with, in a field `packed`; the first to come are not even copied."""
        if self._at.max(initial=NOBODY) >= 0:
            self.put_packed(rows, bytes_of(found["packed"]))
            return
        self._stock = found
        self._at[rows] = np.arange(len(rows))

    def begin(self, rows: Ints) -> None:
        """Many at their beginning."""
        self._at[rows] = NOBODY
        for row in self.unpacked.keys() & set(rows.tolist()) if self.unpacked else ():
            del self.unpacked[row]

    def turn(self) -> None:
        """The next day begins."""
        if self._closed:
            standing = np.flatnonzero(self._at >= 0)
            parts = [(standing, bytes_of(self.take(standing))), *self._closed]
            wide = max(packed.shape[1] for _, packed in parts)
            stock = np.zeros((len(self._at), wide), dtype=np.uint8)
            for rows, packed in parts:
                self.begin(rows)
                stock[rows, : packed.shape[1]] = packed
                self._at[rows] = rows
            self._stock, self._closed = stock.view([("packed", f"V{wide}")])[:, 0], []
        for row, raw in self._closed_unpacked.items():
            self.begin(np.array([row]))
            if raw:
                self.unpacked[row] = raw
        self._closed_unpacked = {}


def charged_to(engine: Engine, accounts: NDArray[np.uint64], low: int) -> Ints:
    """Of each account its last charged day; `low` is where to look first. NOBODY without any."""
    found = np.full(len(accounts), NOBODY, dtype=np.int64)
    # Closings lie day by day: few are read for the newest days, all of them for an account.
    for sql in (_CLOSED_SINCE.replace("{since}", str(low)), _EVER_CHARGED):
        missing = np.flatnonzero(found == NOBODY)
        if len(missing):
            _fill(engine, found, accounts, missing, sql)
    return found


def _fill(
    engine: Engine, found: Ints, accounts: NDArray[np.uint64], missing: Ints, sql: str
) -> None:
    rows = fetch_among(
        engine, sql, (("account", "<u8"), ("day", "<u4")), "account", accounts[missing]
    )
    order = ascending(accounts)
    places = np.minimum(np.searchsorted(accounts, rows["account"], sorter=order), len(order) - 1)
    own = accounts[order[places]] == rows["account"]
    found[order[places[own]]] = rows["day"][own]


def load_states(
    engine: Engine, states: States, places: tuple[NDArray[np.uint64], Ints], day: int, longest: int
) -> Ints:
    """Fills in what `accounts[rows]` closed `day` with; returns the rows that have closed it.

    No packed state is longer than `longest`.
    """
    accounts, rows = places
    width = _width(engine, accounts[rows], day, longest)
    fields = (("account", "<u8"), ("fits", "u1"), ("packed", f"V{width}"))
    sql = _STATES.replace("{width}", str(width)).replace("{day}", str(day))
    found = fetch_among(engine, sql, fields, "account", accounts[rows])
    order = rows[ascending(accounts[rows])]
    at = np.minimum(np.searchsorted(accounts[order], found["account"]), len(order) - 1)
    own = accounts[order[at]] == found["account"]
    if not own.all():
        at, found = at[own], found[own]
    closed: Ints = order[at]
    states.load(closed, found)
    for row in closed[found["fits"] == 0].tolist():
        ((raw,),) = engine.ask(
            "SELECT hex(closing) FROM m.charge_closings FINAL WHERE account = {account:UInt64} "
            "AND day = toDate({day:UInt16})",
            {"account": int(accounts[row]), "day": day},
        ).rows
        states.put(row, bytes.fromhex(str(raw)))
    states.turn()
    return closed


def _width(engine: Engine, accounts: NDArray[np.uint64], day: int, longest: int) -> int:
    """Of the states of that day, lest bytes are moved that are not there."""
    if len(accounts) < MANY:
        return longest
    sql = _LONGEST.replace("{longest}", str(longest)).replace("{day}", str(day))
    found = fetch_among(engine, sql, (("width", "<u8"),), "account", accounts)
    return int(found["width"].max(initial=HEAD.itemsize))


# Two levels of a table of accounts cost more than they save: 68 against 24 ms for 125,000.
_CLOSED_SINCE = """
SELECT account, toUInt32(toUInt16(max(day))) FROM m.charge_closings
WHERE day >= toDate(toUInt16({since})) AND {among} GROUP BY account
SETTINGS max_threads = 1,
    group_by_two_level_threshold = 0, group_by_two_level_threshold_bytes = 0"""
_EVER_CHARGED = """
SELECT account, toUInt32(toUInt16(max(day))) FROM m.charge_days WHERE {among} GROUP BY account
SETTINGS optimize_aggregation_in_order = 1"""
_LONGEST = """
SELECT max(if(length(closing) <= {longest}, length(closing), 0)) FROM m.charge_closings
WHERE day = toDate(toUInt16({day})) AND {among}"""
# What is packed begins with 0x01 or 0x02, JSON with a brace.
_STATES = """
SELECT account, length(closing) <= {width} AND closing < '\\x03' AS fits,
    toFixedString(if(fits, closing, ''), {width})
FROM m.charge_closings FINAL WHERE day = toDate(toUInt16({day})) AND {among}"""
