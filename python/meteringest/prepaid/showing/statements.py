"""The statement of an account, out of the store."""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from meteringest.prepaid.calendar import IST_OFFSET_MIN, local_day
from meteringest.prepaid.ledger.history import load_versions
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.ledger.rules import Rules
from meteringest.prepaid.ledger.statement import Statement, statement
from meteringest.prepaid.ledger.tables import load_account_entries
from meteringest.prepaid.ledger.terms import Terms, load_links, load_terms
from meteringest.prepaid.showing.inputs import Account
from meteringest.prepaid.showing.intervals import day_again
from meteringest.prepaid.showing.known import is_known
from meteringest.prepaid.showing.pages import DayAgain
from meteringest.prepaid.worker.ports import Engine

Span = tuple[date | None, date | None]
DAYS_SHOWN = 31


def make_statement(
    engine: Engine, ledger: Ledger, account: int, span: Span, now_ms: int
) -> Statement:
    """Without days of its own it is of the last 31 days up to today."""
    offset_min = offset_of(ledger.rules(), load_terms(engine, [account]).of(account))
    today = local_day(now_ms // 1_000, offset_min)
    # From a day to come on: of that day, lest it opened after its closing.
    last = span[1] or max(today, span[0] or today)
    first = span[0] or last - timedelta(days=DAYS_SHOWN - 1)
    versions = load_versions(engine, account)
    entries = load_account_entries(engine, account)
    found = statement(account, (first, last), entries, versions, offset_min)
    return msgspec.structs.replace(found, known=is_known(engine, ledger, account))


def make_day(engine: Engine, ledger: Ledger, account: int, day: date) -> DayAgain:
    """One of its days with every interval, charged again from what is stored now."""
    rules, book = ledger.rules(), load_terms(engine, [account])
    terms = book.on(account, day)
    if terms is None:
        return DayAgain(day=day, lines=(), computed=0, posted=None, differs=())
    links = load_links(engine, [account]).get(account, ())
    offset_min = offset_of(rules, book.of(account))
    return day_again(engine, rules, Account(account, terms, links, offset_min), day)


def offset_of(rules: Rules, history: Sequence[Terms]) -> int:
    """What a local day of the account is: that of its last tariff."""
    if not history:
        return IST_OFFSET_MIN
    versions = [each for each in rules.tariffs if each.name == history[-1].tariff]
    return versions[-1].offset_min if versions else IST_OFFSET_MIN
