"""Orders against what stands: a transaction to enter, or why not. No store, no clock.

Rule 1: the same order twice is one: what was asked before under its reference is recognised by
accounts and amounts; anything else under the same reference is refused.
Rule 2: what cannot be entered exactly is refused, never rounded, never entered in part.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from meteringest.prepaid.arrears import RecoveryPlan, split_recharge
from meteringest.prepaid.ledger.due import conversion_moves
from meteringest.prepaid.ledger.entries import (
    Book,
    Entry,
    EntryKind,
    Part,
    Transaction,
    moved,
    per_account,
    transaction_id,
)
from meteringest.prepaid.ledger.orders import (
    Adjust,
    Convert,
    Order,
    Refund,
    Reverse,
    TakePayment,
    Transfer,
)
from meteringest.prepaid.ledger.standing import AccountStanding, Standing
from meteringest.prepaid.ledger.terms import Terms
from meteringest.prepaid.ledger.words import unnamed
from meteringest.prepaid.money import MICRO, InexactError, figure, micro, shown
from meteringest.prepaid.rounding import Rounding

ORDER_MAX = 10**9 * MICRO
"""No single order is larger; a balance of a thousand of them still fits its column."""
AHEAD_MAX_MS = 10 * 60 * 1_000
"""So far a gateway's clock may be ahead of ours."""


class Refusal(Struct, frozen=True):
    """Why nothing is entered."""

    problem: str
    found: str


class Already(Struct, frozen=True):
    """It was entered before, just so; `terms` are those of a conversion that was cut short."""

    transaction: str
    terms: Terms | None = None


class Plan(Struct, frozen=True):
    """What to enter, and the terms that begin with it."""

    transaction: Transaction
    terms: Terms | None = None


class _RefusedError(Exception):
    """Carries a Refusal out of a plan in the making."""

    def __init__(self, problem: str, found: str) -> None:
        super().__init__(problem, found)
        self.refusal = Refusal(problem, found)


def plan(order: Order, standing: Standing) -> Plan | Already | Refusal:
    """What becomes of the order."""
    if strange := unnamed(order):
        return Refusal("unnamed", strange)
    try:
        asked = _asked(order, standing)
        number = transaction_id(kind_of(order), order.origin, order.reference)
        if isinstance(order, Reverse):
            number = transaction_id(EntryKind.REVERSAL, order.of + order.origin, order.reference)
        entered = standing.entered.get(number)
        if entered:
            _recognised(entered, asked)
            return Already(number, _terms_after(order, standing))
        parts = _parts(order, standing, asked)
        terms = _terms_after(order, standing)
    except _RefusedError as refused:
        return refused.refusal
    transaction = Transaction(
        id=number,
        origin=order.origin,
        reference=order.reference,
        author="" if isinstance(order, TakePayment) else order.author,
        reason="" if isinstance(order, TakePayment) else order.reason,
        paid_at=order.paid_at_ms if isinstance(order, TakePayment) else 0,
        parts=parts,
    )
    return Plan(transaction, terms)


def kind_of(order: Order) -> EntryKind:
    """The kind its entries have."""
    return EntryKind(str(order.__struct_config__.tag))


def accounts_of(order: Order) -> tuple[int, ...]:
    """The accounts an order names."""
    if isinstance(order, Reverse):
        return ()
    return (order.account, order.to) if isinstance(order, Transfer) else (order.account,)


def _recognised(entered: Sequence[Entry], asked: Mapping[int, int]) -> None:
    stands = per_account(entered)
    if not asked or stands == asked:
        return
    if stands.keys() != asked.keys():
        raise _RefusedError("other_account", f"entered for {', '.join(map(str, stands))} before")
    raise _RefusedError("other_amount", f"entered with {_amounts(stands)} before")


def _amounts(sums: Mapping[int, int]) -> str:
    return ", ".join(shown(amount) for amount in sums.values())


def _asked(order: Order, standing: Standing) -> dict[int, int]:
    """What the order brings each account; nothing for a reversal, which asks for no amount."""
    for account in accounts_of(order):
        if account not in standing.accounts:
            raise _RefusedError("unknown_account", f"no terms, no meter: {account}")
    if isinstance(order, Reverse):
        return {}
    known = standing.accounts[order.account]
    if not isinstance(order, Transfer):
        return {order.account: _amount(order, known)}
    if order.account == order.to:
        raise _RefusedError("same_account", "from and to are one")
    amount = _positive(order.amount, known)
    return {order.account: -amount, order.to: amount}


def _amount(order: TakePayment | Adjust | Refund | Convert, known: AccountStanding) -> int:
    match order:
        case TakePayment():
            return _positive(order.amount, known)
        case Refund():
            return -_positive(order.amount, known)
        case Adjust():
            return _exact(order.amount, known)
        case Convert():
            credit = _exact(order.credit, known, zero=True)
            if credit < 0:
                raise _RefusedError("negative", f"a credit of {order.credit}")
            return credit


def _parts(order: Order, standing: Standing, asked: Mapping[int, int]) -> tuple[Part, ...]:
    match order:
        case TakePayment():
            _come(order, standing)
            parts = _payment(standing.accounts[order.account], order.account, asked)
        case Adjust():
            book = order.book or standing.accounts[order.account].book
            moves = [(book, asked[order.account])]
            parts = moved(order.account, EntryKind.ADJUSTMENT, moves)
        case Refund():
            book = _covered(order, standing, asked).book
            parts = moved(order.account, EntryKind.REFUND, [(book, asked[order.account])])
        case Transfer():
            _covered(order, standing, asked)
            parts = _transfer(order, standing, asked)
        case Convert():
            parts = _conversion(order, standing, asked[order.account])
        case Reverse():
            parts = _reversal(order, standing)
    return parts


def _payment(known: AccountStanding, account: int, asked: Mapping[int, int]) -> tuple[Part, ...]:
    amount = asked[account]
    if known.book is Book.POSTPAID or known.terms is None:
        return moved(account, EntryKind.PAYMENT, [(known.book, amount)])
    unit = Rounding(unit=10 ** (len(str(MICRO)) - 1 - known.decimals))
    split = split_recharge(known.terms.recovery, known.balance.owed_before, amount, unit)
    moves = [(Book.PREPAID, split.to_balance), (Book.ARREARS, split.to_arrears)]
    return moved(account, EntryKind.PAYMENT, moves)


def _come(order: TakePayment, standing: Standing) -> None:
    """Money of days to come would be spent before it is there."""
    if order.paid_at_ms > standing.now_ms + AHEAD_MAX_MS:
        at = datetime.fromtimestamp(order.paid_at_ms // 1_000, UTC).isoformat()
        raise _RefusedError("in_the_future", f"paid at {at}")


def _covered(
    order: Refund | Transfer, standing: Standing, asked: Mapping[int, int]
) -> AccountStanding:
    known = standing.accounts[order.account]
    there = known.balance.prepaid if known.book is Book.PREPAID else known.balance.postpaid
    if there + asked[order.account] < 0:
        raise _RefusedError("not_covered", f"the balance is {shown(there)}")
    return known


def _transfer(order: Transfer, standing: Standing, asked: Mapping[int, int]) -> tuple[Part, ...]:
    return tuple(
        Part(
            account=account,
            kind=EntryKind.TRANSFER,
            book=standing.accounts[account].book,
            amount=asked[account],
            other=other,
        )
        for account, other in ((order.account, order.to), (order.to, order.account))
    )


def _reversal(order: Reverse, standing: Standing) -> tuple[Part, ...]:
    if order.of in (EntryKind.CONVERSION, EntryKind.REVERSAL):
        raise _RefusedError("not_reversible", f"a {order.of}: enter the opposite instead")
    number = transaction_id(order.of, order.origin, order.reference)
    entered = standing.entered.get(number)
    if not entered:
        raise _RefusedError("unknown_reference", f"no {order.of} of {order.origin} under it")
    if len({(each.account, each.id) for each in entered}) != len(entered):
        raise _RefusedError("not_reversible", "two nodes entered it: mend it with `adjust`")
    return tuple(
        Part(
            account=each.account,
            kind=EntryKind.REVERSAL,
            book=each.book,
            amount=-each.amount,
            other=each.other,
        )
        for each in entered
    )


def _conversion(order: Convert, standing: Standing, credit: int) -> tuple[Part, ...]:
    known = standing.accounts[order.account]
    terms = known.terms_on(order.from_day) or known.terms
    if terms is None:
        raise _RefusedError("no_terms", "the account has no terms to convert")
    if order.tariff and order.tariff not in standing.tariffs:
        raise _RefusedError("unknown_tariff", f"{order.tariff} is not loaded: `tariffs load FILE`")
    if terms.payment is order.to:
        raise _RefusedError("no_change", f"it is {terms.payment} since {terms.effective_from}")
    last = known.history[-1].effective_from
    if order.from_day <= last:
        raise _RefusedError("later_terms", f"terms already begin on {last}")
    moves = conversion_moves(standing.before[order.account], order.to)
    parts = moved(order.account, EntryKind.CONVERSION, moves)
    # Without anything to move and without a credit it still leaves its mark.
    book = Book(order.to.value)
    opening = Part(account=order.account, kind=EntryKind.OPENING, book=book, amount=credit)
    return (*parts, opening)


def _terms_after(order: Order, standing: Standing) -> Terms | None:
    """The terms a conversion begins, unless they stand: a kill may have come before them."""
    if not isinstance(order, Convert):
        return None
    known = standing.accounts[order.account]
    terms = known.terms_on(order.from_day)
    if terms is None or any(
        (each.effective_from, each.payment) == (order.from_day, order.to) for each in known.history
    ):
        return None
    return msgspec.structs.replace(
        terms,
        effective_from=order.from_day,
        payment=order.to,
        tariff=order.tariff or terms.tariff,
        recovery=_recovery(order, terms.recovery, known),
    )


def _recovery(order: Convert, recovery: RecoveryPlan, known: AccountStanding) -> RecoveryPlan:
    if order.recover_ppm is not None:
        recovery = msgspec.structs.replace(recovery, share_ppm=order.recover_ppm)
    if order.recover_month is not None:
        instalment = _exact(order.recover_month, known, zero=True)
        recovery = msgspec.structs.replace(recovery, instalment=instalment)
    return recovery


def _positive(written: str, known: AccountStanding) -> int:
    amount = _exact(written, known, zero=True)
    if amount <= 0:
        raise _RefusedError("negative", f"{written}; wanted more than 0")
    return amount


def _exact(written: str, known: AccountStanding, *, zero: bool = False) -> int:
    try:
        amount = micro(figure(written.strip()), known.decimals)
    except InexactError as error:
        raise _RefusedError("inexact", str(error)) from None
    if abs(amount) > ORDER_MAX:
        raise _RefusedError("inexact", f"{written} is too large to be meant")
    if amount == 0 and not zero:
        raise _RefusedError("negative", f"{written}; wanted another amount than 0")
    return amount
