"""One account's day in its row's columns, whatever was read: what does not fit them is held.

Rule 1: a register out of all proportion is left out, then the whole day; nobody else waits for it.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from meteringest.columns import MONEY_LIMIT
from meteringest.prepaid.charges import AccountDay
from meteringest.prepaid.reads import Register
from meteringest.prepaid.state import MonthToDate
from meteringest.prepaid.tariff import Tariff
from meteringest.prepaid.worker.alone import charge_alone
from meteringest.prepaid.worker.closing import written
from meteringest.prepaid.worker.packing import Bytes
from meteringest.prepaid.worker.rows import Piece

ENERGY_LIMIT = 1 << 63
"""Of a day, in millionths of a Wh."""
REGISTER_OUT_OF_RANGE, OUT_OF_RANGE = "register_out_of_range", "out_of_range"


def charge_fitting(
    day: AccountDay, tariff: Tariff, opening: MonthToDate, number: int, made_from: int
) -> Piece | None:
    """The row with its closing; None when it fits in no way. `number` counts days from 1970."""
    for registers, more in _attempts(day):
        asked = msgspec.structs.replace(day, registers=registers)
        try:
            done = charge_alone(asked, opening, number, made_from)
            raw = written(done.closing, tariff, day.load_w)
        except OverflowError:  # a figure beyond 64 bits, where it was to go into its column
            continue
        if _storable(done.piece):
            held = sorted({*done.piece.held, *more})
            return msgspec.structs.replace(done.piece, held=held, closing=one(raw))
    return None


def one(raw: bytes) -> Bytes:
    """A single closing as a column."""
    return np.frombuffer(raw, dtype=np.uint8)[None, :]


def _attempts(day: AccountDay) -> Iterator[tuple[Sequence[Register], tuple[str, ...]]]:
    yield day.registers, ()
    if day.registers:
        yield (), (REGISTER_OUT_OF_RANGE,)


def _storable(piece: Piece) -> bool:
    amounts: list[int] = piece.amounts[0].tolist()
    energies: list[int] = piece.energies[0].tolist()
    return sum(map(abs, amounts)) < MONEY_LIMIT and sum(map(abs, energies)) < ENERGY_LIMIT
