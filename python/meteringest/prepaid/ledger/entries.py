"""Money other than charges: entries in books, made in transactions that hold or fail as a whole.

Rule 1: an entry is never changed; what was wrong is answered by another one.
Rule 2: the id of an entry is made from what it is about, never drawn: the same twice is one.
"""

import hashlib
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec
from msgspec import Struct

from meteringest.errors import InvariantError

ID_DIGITS = 24


class Book(StrEnum):
    """Where money stands: paid before use, paid after use, or old debt."""

    PREPAID = "prepaid"
    POSTPAID = "postpaid"
    ARREARS = "arrears"


class EntryKind(StrEnum):
    """Why money moved."""

    OPENING = "opening"
    PAYMENT = "payment"
    REFUND = "refund"
    ADJUSTMENT = "adjustment"
    TRANSFER = "transfer"
    CONVERSION = "conversion"
    RECOVERY = "recovery"
    LATE_PAYMENT = "late_payment"
    REVERSAL = "reversal"


class Balance(Struct, frozen=True, kw_only=True):
    """What an account has, in micro-units; arrears are below zero when owed."""

    prepaid: int = 0
    postpaid: int = 0
    arrears: int = 0
    last_recharge: int = 0
    last_recharge_ms: int = 0
    charged_to_s: int = 0
    """End of the last interval that was charged; 0 before the first."""

    @property
    def owed_before(self) -> int:
        """Old debt, as an amount."""
        return max(0, -self.arrears)

    def moved(self, book: Book, amount: int) -> "Balance":
        """With an amount more in one book."""
        return msgspec.structs.replace(self, **{book.value: getattr(self, book.value) + amount})


class Part(Struct, frozen=True, kw_only=True):
    """What a transaction does in one book of one account."""

    account: int
    kind: EntryKind
    book: Book
    amount: int
    other: int = 0


class Entry(Struct, frozen=True, kw_only=True):
    """One row of m.entries."""

    account: int
    id: str
    kind: EntryKind
    book: Book
    amount: int
    origin: str
    reference: str
    other: int = 0
    author: str = ""
    reason: str = ""
    paid_at: int
    """Milliseconds since 1970, as `at`."""
    at: int
    ver: int


class Transaction(Struct, frozen=True, kw_only=True):
    """Entries that are inserted as one block."""

    id: str
    origin: str
    reference: str
    author: str = ""
    reason: str = ""
    paid_at: int = 0
    """0: when it is entered."""
    parts: tuple[Part, ...]

    def entries(self, at_ms: int, ver: int) -> list[Entry]:
        """As rows; two parts of one kind in one book of one account would be one row."""
        made = [
            Entry(
                account=part.account,
                id=f"{self.id}-{part.kind}-{part.book}",
                kind=part.kind,
                book=part.book,
                amount=part.amount,
                origin=self.origin,
                reference=self.reference,
                other=part.other,
                author=self.author,
                reason=self.reason,
                paid_at=self.paid_at or at_ms,
                at=at_ms,
                ver=ver,
            )
            for part in self.parts
        ]
        if len({(each.account, each.id) for each in made}) != len(made):
            raise InvariantError("ledger", f"{self.id} has two entries under one id")
        return made


def transaction_id(kind: str, origin: str, reference: str) -> str:
    """Of what it is about; who asks twice under one reference asks for the same."""
    named = msgspec.json.encode((kind, origin, reference))
    return hashlib.sha256(named).hexdigest()[:ID_DIGITS]


def transaction_of(entry: Entry) -> str:
    """The transaction an entry belongs to."""
    return entry.id[:ID_DIGITS]


def per_account(parts: Iterable[Part | Entry]) -> dict[int, int]:
    """What a transaction brings every account, over all its books."""
    sums: dict[int, int] = {}
    for part in parts:
        sums[part.account] = sums.get(part.account, 0) + part.amount
    return sums


def moved(account: int, kind: EntryKind, moves: Sequence[tuple[Book, int]]) -> tuple[Part, ...]:
    """Parts of one account; a book in which nothing changes has none."""
    return tuple(
        Part(account=account, kind=kind, book=book, amount=amount)
        for book, amount in moves
        if amount
    )
