"""Rows of a day's charges and of what it closed with on their way into the store, as Native blocks.

Rule 1: rows with the same lines are one piece, whose text is written once and repeated.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from meteringest.columns import MONEY, MONEY_LIMIT, block_of
from meteringest.errors import InvariantError
from meteringest.prepaid.bulk import BulkCharges
from meteringest.prepaid.lines import Kind
from meteringest.prepaid.tariff import Payment
from meteringest.prepaid.worker.book import date_of
from meteringest.prepaid.worker.packing import Bytes
from meteringest.prepaid.worker.ports import Ints, distinct

LineName = tuple[str, str]
# LowCardinality in a Native block: its version, then how wide numbers are and that words go along.
_VERSION = (1).to_bytes(8, "little")
_TWO_BYTES = 1 | 1 << 9 | 1 << 10
KIND_ORDER: tuple[str, ...] = tuple(Kind)


class Piece(Struct, frozen=True, kw_only=True):
    """Accounts of one day whose rows have the same lines and the same words."""

    accounts: NDArray[np.uint64]
    day: int
    payment: Payment
    tariff: str
    lines: Sequence[LineName]
    amounts: Ints
    """A row per account, a column per line."""
    energies: Ints
    reads: Ints
    estimated: Ints
    held: Sequence[str]
    over: bool
    up_to: Ints
    closing: Bytes
    made_from: Ints

    @property
    def date(self) -> date:
        """The day as a date."""
        return date_of(self.day)


class Blocks(Struct, frozen=True, kw_only=True):
    """Rows of one insert as the tables take them."""

    charges: bytes
    live: bytes
    """Those of `charges` whose day has not ended; empty when there are none."""
    closings: bytes
    token: str
    """Names them all."""


class Rows:
    """Gathers pieces for one insert."""

    def __init__(self) -> None:
        """Empty."""
        self._pieces: list[Piece] = []
        self.count = 0

    def add(self, piece: Piece) -> None:
        """Takes the piece's rows."""
        totals = np.abs(piece.amounts).sum(axis=1)
        if len(totals) and (totals.max() >= MONEY_LIMIT or totals.min() < 0):
            raise InvariantError("charges", f"an amount of money out of 18 digits on {piece.day}")
        self._pieces.append(piece)
        self.count += len(piece.accounts)

    def ended(self) -> tuple[NDArray[np.uint64], Ints]:
        """Accounts and days of the rows whose day has ended."""
        over = [each for each in self._pieces if each.over]
        accounts = [each.accounts for each in over] or [np.empty(0, dtype=np.uint64)]
        days = [np.full(len(each.accounts), each.day) for each in over]
        return np.concatenate(accounts), np.concatenate([np.empty(0, dtype=np.int64), *days])

    def blocks(self, at_ms: int, ver: int) -> "Blocks":
        """All of them."""
        pieces = self._pieces
        # The time is in the name: an engine that died may know the name of what it does not have.
        digest = hashlib.sha256(struct.pack("<qQ", at_ms, ver))
        for piece in pieces:
            digest.update(piece.day.to_bytes(4, "little") + piece.accounts.tobytes())
        columns = [*_columns(pieces), *_constants(self.count, at_ms, ver)]
        closing = ("closing", "String", b"".join(_texts(each.closing) for each in pieces))
        keys = [each for each in columns if each[0] in ("account", "day", "ver")]
        return Blocks(
            charges=block_of(columns, self.count),
            live=_block([each for each in pieces if not each.over], at_ms, ver),
            closings=block_of([*keys, closing], self.count),
            token=digest.hexdigest(),
        )


def shapes(
    charged: BulkCharges, order: Sequence[str], energies: dict[LineName, Ints], kinds: Ints
) -> Iterator[tuple[list[LineName], Ints, Ints, Ints]]:
    """Rows by which lines they have: the lines, the rows, their amounts and energies.

    `kinds` sets rows apart that differ otherwise.
    """
    place = {name: number for number, name in enumerate(order)}
    names = sorted(charged.lines, key=lambda each: (KIND_ORDER.index(each[0]), place[each[1]]))
    nothing = np.zeros(charged.closing.rows, dtype=np.int64)
    amounts = np.stack([*(charged.lines[name] for name in names), nothing], axis=1)
    energy = np.stack([*(energies.get(name, nothing) for name in names), nothing], axis=1)
    there = (amounts != 0) | (energy != 0)
    code = there @ (1 << np.arange(there.shape[1], dtype=np.int64))
    code = code + (kinds << there.shape[1])
    code = np.where(charged.scalar, -1, code)
    for each in distinct(code[code >= 0]):
        rows = np.flatnonzero(code == each)
        lines = np.flatnonzero(there[rows[0]])
        yield (
            [names[line] for line in lines],
            rows,
            amounts[np.ix_(rows, lines)],
            energy[np.ix_(rows, lines)],
        )


def _block(pieces: Sequence[Piece], at_ms: int, ver: int) -> bytes:
    """Nothing for none."""
    count = sum(len(each.accounts) for each in pieces)
    return block_of([*_columns(pieces), *_constants(count, at_ms, ver)], count) if count else b""


def _columns(pieces: Sequence[Piece]) -> Iterator[tuple[str, str, bytes]]:
    def each(cut: str, dtype: str) -> bytes:
        columns = [getattr(piece, cut).reshape(-1) for piece in pieces]
        return np.concatenate(columns).astype(dtype, copy=False).tobytes()

    def text(words: Sequence[str]) -> bytes:
        return b"".join(_leb(len(raw)) + raw for raw in (word.encode() for word in words))

    def repeated(words: Sequence[Sequence[str]]) -> bytes:
        return b"".join(
            text(some) * len(piece.accounts) for piece, some in zip(pieces, words, strict=True)
        )

    def ends(lengths: Sequence[int]) -> bytes:
        counts = [len(piece.accounts) for piece in pieces]
        return np.cumsum(np.repeat(lengths, counts)).astype("<u8").tobytes()

    lines = ends([len(piece.lines) for piece in pieces])
    yield ("account", "UInt64", each("accounts", "<u8"))
    yield ("day", "Date", b"".join(_filled(p.day, len(p.accounts), "<u2") for p in pieces))
    yield ("payment", *_words(pieces, [[piece.payment] for piece in pieces]))
    yield ("tariff", *_words(pieces, [[piece.tariff] for piece in pieces]))
    totals = [piece.amounts.sum(axis=1) for piece in pieces]
    yield ("amount", MONEY, b"".join(total.astype("<i8").tobytes() for total in totals))
    totals = [piece.energies.sum(axis=1) for piece in pieces]
    yield ("energy_uwh", "Int64", b"".join(total.astype("<i8").tobytes() for total in totals))
    yield ("kinds", *_words(pieces, [[kind for kind, _ in p.lines] for p in pieces], lines))
    yield ("components", *_words(pieces, [[name for _, name in p.lines] for p in pieces], lines))
    yield ("amounts", f"Array({MONEY})", lines + each("amounts", "<i8"))
    yield ("energies", "Array(Int64)", lines + each("energies", "<i8"))
    yield ("reads", "UInt32", each("reads", "<u4"))
    yield ("estimated", "UInt32", each("estimated", "<u4"))
    held = ends([len(piece.held) for piece in pieces])
    yield ("held", "Array(String)", held + repeated([piece.held for piece in pieces]))
    yield ("over", "UInt8", b"".join(_filled(p.over, len(p.accounts), "u1") for p in pieces))
    yield ("up_to", "DateTime('UTC')", each("up_to", "<u4"))
    yield ("made_from", "UInt64", each("made_from", "<u8"))


def _words(
    pieces: Sequence[Piece], words: Sequence[Sequence[str]], ends: bytes = b""
) -> tuple[str, bytes]:
    """Type and values of a column of few different words: each once, then two bytes a word.

    `ends`: a row has several. The table's column is of strings, which the engine makes of them.
    """
    places = {word: place for place, word in enumerate(dict.fromkeys(chain(("",), *words)))}
    numbers = [
        np.tile(np.array([places[word] for word in some], dtype="<u2"), len(piece.accounts))
        for piece, some in zip(pieces, words, strict=True)
    ]
    rows = sum(map(len, numbers))
    kind = "Array(LowCardinality(String))" if ends else "LowCardinality(String)"
    if not rows:
        return kind, _VERSION + ends
    keys = b"".join(_leb(len(raw)) + raw for raw in (word.encode() for word in places))
    head = struct.pack("<QQ", _TWO_BYTES, len(places)) + keys + struct.pack("<Q", rows)
    return kind, b"".join([_VERSION, ends, head, *(each.tobytes() for each in numbers)])


def _constants(rows: int, at_ms: int, ver: int) -> Iterator[tuple[str, str, bytes]]:
    yield ("at", "DateTime64(3, 'UTC')", _filled(at_ms, rows, "<i8"))
    yield ("ver", "UInt64", _filled(ver, rows, "<u8"))


def _filled(value: int, rows: int, dtype: str) -> bytes:
    return np.full(rows, value, dtype=dtype).tobytes()


def _texts(rows: Bytes) -> memoryview:
    """Strings of one length, each with its length before it."""
    prefix = np.frombuffer(_leb(rows.shape[1]), dtype=np.uint8)
    whole = np.empty((len(rows), len(prefix) + rows.shape[1]), dtype=np.uint8)
    whole[:, : len(prefix)] = prefix
    whole[:, len(prefix) :] = rows
    return whole.data


def _leb(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 (seven bits a byte, the top one says "more follows")
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
