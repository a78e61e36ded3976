"""What the ledger can be asked to enter; these structs also go over the control socket.

Rule 1: an order carries a reference of the one who asks, kept there before it is sent: whoever
hears no answer sends the same order again.
Rule 2: amounts come as they were written; the ledger judges them.
"""

from datetime import date

from msgspec import Struct

from meteringest.prepaid.ledger.entries import Book, EntryKind
from meteringest.prepaid.tariff import Payment


class TakePayment(Struct, frozen=True, kw_only=True, tag="payment"):
    """Money that came in; `origin` is the gateway."""

    account: int
    amount: str
    origin: str
    reference: str
    paid_at_ms: int = 0
    """0: now."""


class Adjust(Struct, frozen=True, kw_only=True, tag="adjustment"):
    """A signed amount with author and reason; without a book in the one the account pays by."""

    account: int
    amount: str
    origin: str
    reference: str
    author: str
    reason: str
    book: Book | None = None


class Transfer(Struct, frozen=True, kw_only=True, tag="transfer"):
    """From one account to another: two entries that sum up to nothing."""

    account: int
    to: int
    amount: str
    origin: str
    reference: str
    author: str
    reason: str


class Refund(Struct, frozen=True, kw_only=True, tag="refund"):
    """Money that goes out; never more than there is."""

    account: int
    amount: str
    origin: str
    reference: str
    author: str
    reason: str


class Reverse(Struct, frozen=True, kw_only=True, tag="reversal"):
    """Takes back a whole transaction, found by its kind, origin and reference."""

    of: EntryKind
    origin: str
    reference: str
    author: str
    reason: str


class Convert(Struct, frozen=True, kw_only=True, tag="conversion"):
    """Another way of paying from a local day on; `tariff` empty keeps the one there is."""

    account: int
    to: Payment
    from_day: date
    origin: str
    reference: str
    author: str
    reason: str
    credit: str = "0"
    """Given into the new book at the start."""
    tariff: str = ""
    recover_ppm: int | None = None
    recover_month: str | None = None


Order = TakePayment | Adjust | Transfer | Refund | Reverse | Convert


class Entered(Struct, frozen=True, kw_only=True):
    """What became of an order: taken, already taken before, or refused with what it was held to."""

    account: int
    outcome: str
    transaction: str = ""
    problem: str = ""
    found: str = ""

    @property
    def refused(self) -> bool:
        """Nothing was entered for it, now or before."""
        return self.outcome == REFUSED


TAKEN, ALREADY, REFUSED = "taken", "already taken", "refused"
