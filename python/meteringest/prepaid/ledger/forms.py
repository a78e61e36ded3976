"""What may stand in the columns of files of accounts, of meter links and of payments."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from meteringest.cells import YES_NO, Cell, Column, Form, WantedError, choice, text, whole
from meteringest.prepaid.calendar import FIRST_DAY, IST_OFFSET_MIN, LAST_DAY
from meteringest.prepaid.ledger.terms import OPEN_S
from meteringest.prepaid.money import (
    PERCENT_DECIMALS,
    PPM,
    InexactError,
    figure,
    micro,
    percent_ppm,
)
from meteringest.prepaid.tariff import Payment

ACCOUNTS, LINKS, PAYMENTS = "accounts", "account-meters", "payments"
ACCOUNT_MAX = 2**64 - 1
LOAD_W_MAX = 2**32 - 1
TEXT_BYTES_MAX = 100
KW_DECIMALS = 3
IST = timezone(timedelta(minutes=IST_OFFSET_MIN))


def _exact(parse: Callable[[Decimal], int], *, signed: bool = False) -> Cell:
    def of(cell: str) -> int | None:
        if not cell:
            return None
        try:
            number = parse(figure(cell))
        except InexactError:
            raise WantedError from None
        if number < 0 and not signed:
            raise WantedError
        return number

    return of


def _watts(kilowatts: Decimal) -> int:
    watts = micro(kilowatts, KW_DECIMALS) // 1_000
    if watts > LOAD_W_MAX:
        raise WantedError
    return watts


def _share(percent: Decimal) -> int:
    share = percent_ppm(percent)
    if share > PPM:
        raise WantedError
    return share


def _given(parse: Cell) -> Cell:
    """Where nothing will not do."""

    def of(cell: str) -> object:
        if not cell:
            raise WantedError
        return parse(cell)

    return of


def _day(cell: str) -> str:
    """Kept as text on its way: a row travels as MessagePack."""
    try:
        day = date.fromisoformat(cell)
    except ValueError:
        raise WantedError from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise WantedError
    return day.isoformat()


def _instant_s(cell: str) -> int | None:
    """A date is its local midnight; a time without an offset is Indian time."""
    if not cell:
        return None
    try:
        at = datetime.fromisoformat(cell)
    except ValueError:
        raise WantedError from None
    seconds = int((at if at.tzinfo else at.replace(tzinfo=IST)).astimezone(UTC).timestamp())
    if not 0 <= seconds < OPEN_S:
        raise WantedError
    return seconds


def _multiplier(number: Decimal) -> int:
    ppm = micro(number)
    if ppm == 0:
        raise WantedError
    return ppm


def _paid_at_ms(cell: str) -> int:
    seconds = _instant_s(cell)
    return 0 if seconds is None else seconds * 1_000


_ACCOUNT = Column(_given(whole(1, ACCOUNT_MAX)), "a whole number from 1", required=True)
_NAME = Column(text(0, TEXT_BYTES_MAX), f"at most {TEXT_BYTES_MAX} printable bytes")
_YES = Column(choice({**YES_NO, "": None}), "yes or no")
_MONEY = "money with at most 2 decimals"
_INSTANT = "a day, or a day and time like 2026-04-01T14:30+05:30"

ACCOUNT_COLUMNS = {
    "account": _ACCOUNT,
    "effective_from": Column(_day, "a day like 2026-04-01", required=True),
    "payment": Column(
        choice({each.value: each.value for each in Payment}), "prepaid or postpaid", required=True
    ),
    "tariff": Column(text(1, TEXT_BYTES_MAX), "the name of a loaded tariff", required=True),
    "class": _NAME,
    "area": _NAME,
    "load_kw": Column(_exact(_watts), f"kW with at most {KW_DECIMALS} decimals"),
    "net_metered": _YES,
    "closed": _YES,
    "recover_percent": Column(_exact(_share), f"0 to 100 with at most {PERCENT_DECIMALS} decimals"),
    "recover_month": Column(_exact(lambda amount: micro(amount, 2)), f"{_MONEY}, 0 or more"),
    "opening": Column(_exact(lambda amount: micro(amount, 2), signed=True), _MONEY),
    "arrears": Column(_exact(lambda amount: micro(amount, 2)), f"{_MONEY} owed, 0 or more"),
}
LINK_COLUMNS = {
    "account": _ACCOUNT,
    "serial": Column(text(1, TEXT_BYTES_MAX), "a meter's serial number", required=True),
    "from": Column(_given(_instant_s), _INSTANT, required=True),
    "to": Column(_instant_s, f"{_INSTANT}, or nothing"),
    "multiplier": Column(_exact(_multiplier), "a number above 0, at most 6 decimals, or nothing"),
    "removed": _YES,
}
PAYMENT_COLUMNS = {
    "account": _ACCOUNT,
    "amount": Column(text(1, TEXT_BYTES_MAX), "money", required=True),
    "origin": Column(text(1, TEXT_BYTES_MAX), "the gateway's name", required=True),
    "reference": Column(text(1, TEXT_BYTES_MAX), "its number there", required=True),
    "paid_at": Column(_paid_at_ms, f"{_INSTANT}, or nothing for now"),
}
FORMS = {
    ACCOUNTS: Form(ACCOUNTS, ACCOUNT_COLUMNS),
    LINKS: Form(LINKS, LINK_COLUMNS),
    PAYMENTS: Form(PAYMENTS, PAYMENT_COLUMNS),
}
