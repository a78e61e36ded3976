"""Accounts and statements as a person reads them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from meteringest.prepaid.calendar import IST_OFFSET_MIN
from meteringest.prepaid.ledger.entries import Book
from meteringest.prepaid.ledger.statement import CORRECTION, Statement, StatementLine
from meteringest.prepaid.ledger.terms import OPEN_S, Terms
from meteringest.prepaid.money import PPM, shown, shown_kwh
from meteringest.prepaid.showing.pages import (
    AccountListed,
    AccountShown,
    DayAgain,
    MeterShown,
    Outlook,
)

WATTS = 1_000
WHAT_WIDTH = 58


def list_text(found: Sequence[AccountListed]) -> str:
    """Tab-separated, with a heading; money as amounts."""
    head = "account\tpayment\ttariff\tclass\tarea\tload_kw\tprepaid\tpostpaid\tarrears\n"
    return head + "".join(
        f"{each.account}\t{each.payment}\t{each.tariff}\t{each.account_class}\t{each.area}\t"
        f"{_kw(each.load_w)}\t{shown(each.prepaid)}\t{shown(each.postpaid)}\t"
        f"{shown(each.arrears)}\n"
        for each in found
    )


def account_text(found: AccountShown) -> str:
    """A fact a line."""
    return "\n".join(_facts(found)) + "\n"


def _facts(found: AccountShown) -> Iterator[str]:
    if not found.known:
        yield unknown_text(found.account).rstrip()
        return
    yield f"account     {found.account}"
    if found.terms is None:
        yield f"terms       none on {found.today}: its reads are held, not charged"
    else:
        yield f"terms       {_terms(found.terms)}"
    for other in found.others:
        yield f"also        {_terms(other)}"
    yield f"tariff      {found.tariff or 'none in force: its reads are held, not charged'}"
    balance = found.balance
    yield f"balance     {shown(balance.prepaid)} prepaid, {shown(balance.postpaid)} postpaid"
    if balance.arrears:
        yield f"arrears     {shown(-balance.arrears)} owed"
    if balance.last_recharge_ms:
        yield f"recharged   {shown(balance.last_recharge)} {_at(balance.last_recharge_ms // 1_000)}"
    if balance.charged_to_s:
        yield f"charged to  {_at(balance.charged_to_s)}"
    yield f"left        {_left(found.outlook)}"
    for meter in found.meters:
        yield f"meter       {_meter(meter)}"


def unknown_text(account: int) -> str:
    """What every command says of a number that is no account's."""
    return f"account     {account}\nunknown     no terms, no meter, no money\n"


def _left(found: Outlook) -> str:
    if found.unknown:
        return f"not known: {found.unknown}"
    least = "at least " if found.beyond else ""
    units = f"{shown_kwh(found.units_uwh)} {found.unit}"
    return f"{least}{units}, {found.hours} h, until {_at(found.runs_out_s)}"


def _terms(terms: Terms) -> str:
    words = [f"{terms.payment} on {terms.tariff} from {terms.effective_from}"]
    words += [terms.account_class] if terms.account_class else []
    words += [terms.area] if terms.area else []
    words += [f"{_kw(terms.load_w)} kW"] if terms.load_w else []
    words += ["net-metered"] if terms.net_metered else []
    if terms.recovery.share_ppm:
        words.append(f"{shown(terms.recovery.share_ppm * 100, 0)} % of a recharge to arrears")
    if terms.recovery.instalment:
        words.append(f"{shown(terms.recovery.instalment)} a month to arrears")
    return ", ".join([*words, *(["closed"] if terms.closed else [])])


def _meter(meter: MeterShown) -> str:
    words = [meter.serial or str(meter.meter)]
    words += [f"from {_at(meter.from_s)}"] if meter.from_s else []
    words += [f"until {_at(meter.to_s)}"] if meter.to_s != OPEN_S else []
    words += [f"x {shown(meter.multiplier_ppm, 0)}"] if meter.multiplier_ppm != PPM else []
    return ", ".join(words)


def statement_text(found: Statement) -> str:
    """Opening, a line for each movement with the balance after it, closing; a book each."""
    if not found.known:
        return unknown_text(found.account)
    parts = [f"account {found.account}, statement from {found.first} to {found.last}\n"]
    for book in Book:
        lines = [each for each in found.lines if each.book is book]
        if lines or found.opening[book]:
            parts.append("\n".join(_book(found, book, lines)) + "\n")
    for day, held in found.held.items():
        parts.append(f"not charged on {day}: {', '.join(held)}\n")
    return "\n".join(parts)


def _book(found: Statement, book: Book, lines: Sequence[StatementLine]) -> Iterator[str]:
    balance = found.opening[book]
    yield f"{book}"
    yield _row(str(found.first), "opening", "", balance)
    for each in lines:
        balance += each.amount
        yield _row(str(each.day), _what(each), shown(each.amount), balance)
    yield _row(str(found.last), "closing", "", found.closing[book])


def _row(day: str, what: str, amount: str, balance: int) -> str:
    return f"{day}  {what:<{WHAT_WIDTH}} {amount:>14} {shown(balance):>14}"


def _what(line: StatementLine) -> str:
    if not line.components and line.reference and line.kind not in {"charges", CORRECTION}:
        words = f"{line.kind} {line.reference}"
        return f"{words}: {line.what}" if line.what else words
    parts = ", ".join(f"{name} {shown(amount)}" for name, amount in line.components.items())
    of_day = f" of {line.of_day}" if line.kind == CORRECTION else ""
    energy = f" for {shown_kwh(line.energy_uwh)} units" if line.energy_uwh else ""
    return f"{line.kind}{of_day}{energy}: {parts or 'nothing'}"


def day_text(found: DayAgain) -> str:
    """Every line of a day, and whether it comes to what was posted."""
    rows = [f"\n{found.day}, charged again from what is stored now\n"]
    for each in found.lines:
        when = _at(each.start_s)[11:16] if each.start_s else ""
        energy = f"{shown_kwh(each.energy_uwh)} units" if each.energy_uwh else ""
        mark = " estimated" if each.estimated else ""
        what = f"{each.kind} {each.component}{mark}"
        rows.append(f"{when:<5}  {what:<40} {energy:>22} {shown(each.amount):>14}\n")
    rows.append(f"{'sum':<70} {shown(found.computed):>14}\n")
    if found.posted is None:
        rows.append("nothing was posted for this day\n")
    elif found.differs:
        names, posted = ", ".join(found.differs), shown(found.posted)
        rows.append(f"posted was {posted}: it differs in {names}; what was posted counts\n")
    else:
        rows.append("as posted\n")
    return "".join(rows)


def _kw(watts: int) -> str:
    return shown(watts * WATTS, 0)


def _at(at_s: int) -> str:
    """Indian time: the offset is said."""
    local = datetime.fromtimestamp(at_s, UTC) + timedelta(minutes=IST_OFFSET_MIN)
    return f"{local:%Y-%m-%d %H:%M} IST"
