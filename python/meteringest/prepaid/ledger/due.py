"""What the service itself finds due: instalments of arrears, and books that a conversion left.

Rule 1: under a reference made of account and day, so that finding it twice enters it once.
Rule 2: nothing comes in and nothing goes out here: every transaction sums up to nothing.
"""

from datetime import date

from meteringest.prepaid.arrears import RecoveryPlan, instalment_on
from meteringest.prepaid.ledger.entries import (
    Balance,
    Book,
    EntryKind,
    Transaction,
    moved,
    transaction_id,
)
from meteringest.prepaid.rounding import Rounding
from meteringest.prepaid.tariff import Payment

INSTALMENT, SETTLEMENT = "instalment", "settlement"


def instalment(
    account: int, recovery: RecoveryPlan, owed: int, day: date, unit: Rounding
) -> Transaction | None:
    """The day's part of the monthly instalment, from the balance to the arrears."""
    amount = instalment_on(recovery, owed, day, unit)
    moves = [(Book.PREPAID, -amount), (Book.ARREARS, amount)]
    return _found(account, EntryKind.RECOVERY, INSTALMENT, day, moves)


def settlement(account: int, left: Balance, payment: Payment, day: date) -> Transaction | None:
    """What corrections left in the book an account no longer pays by.

    `left` holds charges of the days before its present terms only.
    """
    moves = conversion_moves(left, payment)
    there = left.postpaid if payment is Payment.PREPAID else left.prepaid or left.arrears
    return _found(account, EntryKind.CONVERSION, SETTLEMENT, day, moves) if there else None


def conversion_moves(balance: Balance, to: Payment) -> list[tuple[Book, int]]:
    """What moves between books: sums up to nothing.

    To prepaid: what was owed becomes arrears, what was left over pays arrears and is then the
    first balance. To postpaid: balance and arrears are what the first bill begins with.
    """
    if to is Payment.POSTPAID:
        return [
            (Book.PREPAID, -balance.prepaid),
            (Book.ARREARS, -balance.arrears),
            (Book.POSTPAID, balance.prepaid + balance.arrears),
        ]
    to_arrears = min(balance.postpaid, balance.owed_before)
    return [
        (Book.POSTPAID, -balance.postpaid),
        (Book.ARREARS, to_arrears),
        (Book.PREPAID, balance.postpaid - to_arrears),
    ]


def _found(
    account: int, kind: EntryKind, origin: str, day: date, moves: list[tuple[Book, int]]
) -> Transaction | None:
    parts = moved(account, kind, moves)
    if not parts:
        return None
    reference = f"{account}-{day}"
    return Transaction(
        id=transaction_id(kind, origin, reference),
        origin=origin,
        reference=reference,
        reason=f"{origin} of {day}",
        parts=parts,
    )
