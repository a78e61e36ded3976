"""Charges on their way into the store: history, m.charge_days, closings, notices.

Rule 1: while one insert runs the next rows are made; more than a few inserts never wait.
Rule 2: an insert that fails raises before any cursor moves.
Rule 3: a day that stands in m.charge_closings stands in m.charge_days, so it is charged.
Rule 4: m.charge_history has what an ended day was charged before, and of an open day everything.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import msgspec

from meteringest.columns import rows_block
from meteringest.prepaid.worker.ports import Engine
from meteringest.prepaid.worker.rows import Piece, Rows
from meteringest.prepaid.worker.superseding import keep_superseded

INSERTS_MAX = 2
OPERATOR = "operator"


class Writing:
    """The rows of one pass, all of one snapshot."""

    def __init__(self, engine: Engine, *, at_ms: int, ver: int, rows_max: int) -> None:
        """`rows_max`: so many rows are gathered into one insert."""
        self._engine = engine
        self._at_ms = at_ms
        self._ver = ver
        self._rows_max = rows_max
        self._rows = [Rows()]
        self._notices: dict[tuple[int, str], tuple[object, ...]] = {}
        self._pool = ThreadPoolExecutor(INSERTS_MAX, thread_name_prefix="charges")
        self._running: list[Future[None]] = []
        self.written = 0

    def __enter__(self) -> Self:
        """Nothing is written yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Waits for what runs; rows that were not ended are not written."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, piece: Piece) -> None:
        """Takes rows; what they hold back becomes a notice to the operator."""
        if self._rows[-1].count >= self._rows_max:
            self._rows.append(Rows())
        self._rows[-1].add(piece)
        if piece.held:
            for account in piece.accounts.tolist():
                self._notice(account, piece)

    def ended_day(self) -> None:
        """A day of a batch is whole: it may be written."""
        if self._rows[0].count >= self._rows_max:
            self._submit()

    def finish(self) -> None:
        """Returns when everything is written."""
        self._submit()
        self._wait(0)

    def _submit(self) -> None:
        gathered, self._rows = self._rows, [Rows()]
        notices, self._notices = list(self._notices.values()), {}
        for rows in gathered:
            if not rows.count:
                continue
            self._wait(INSERTS_MAX - 1)
            own = notices if rows is gathered[-1] else ()
            self._running.append(self._pool.submit(self._insert, rows, own))
            self.written += rows.count

    def _wait(self, running_max: int) -> None:
        while len(self._running) > running_max:
            self._running.pop(0).result()

    def _insert(self, rows: Rows, notices: Sequence[tuple[object, ...]]) -> None:
        blocks = rows.blocks(self._at_ms, self._ver)
        token = blocks.token
        keep_superseded(self._engine, *rows.ended(), self._ver, token)
        if blocks.live:
            self._engine.insert("m.charge_history", blocks.live, f"{token}-live")
        self._engine.insert("m.charge_days", blocks.charges, f"{token}-days")
        self._engine.insert("m.charge_closings", blocks.closings, f"{token}-closings")
        if notices:
            self._engine.insert("m.outbox", rows_block(_OUTBOX, notices), f"{token}-notices")

    def _notice(self, account: int, piece: Piece) -> None:
        """One for a day's held reads; one a month for an account that nothing can be charged to."""
        day = str(piece.date)
        subject = "reads_held" if piece.tariff else "unpriced"
        about = day if piece.tariff else f"{piece.held[0]}-{day[:7]}"
        evidence = msgspec.json.encode({"day": day, "held": list(piece.held)}).decode()
        found = (account, f"{subject}-{about}", OPERATOR, subject, evidence, self._at_ms, self._ver)
        self._notices[account, f"{subject}-{about}"] = found


_OUTBOX = {
    "account": "UInt64",
    "id": "String",
    "kind": "String",
    "subject": "String",
    "evidence": "String",
    "at": "DateTime64(3, 'UTC')",
    "ver": "UInt64",
}
