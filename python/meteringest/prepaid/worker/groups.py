"""Accounts of a batch that are charged alike on a day: by one version, or for one reason by none.

Rule 1: a group is small enough for its columns to stay in the processor's cache.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from meteringest.prepaid.calendar import Calendar
from meteringest.prepaid.charges import AccountDay, unpriced
from meteringest.prepaid.tariff import Payment, Tariff
from meteringest.prepaid.worker.book import NOBODY, PAYMENTS, Book, date_of
from meteringest.prepaid.worker.ports import Ints, distinct

NO_TERMS, CLOSED = "no_terms", "account_closed"
GROUP_MAX = 16_384


class Group(Struct, frozen=True):
    """Rows of the batch that are charged by one version, or for one reason by none."""

    rows: Ints
    payment: Payment
    tariff: Tariff | None
    calendar: Calendar | None
    reason: str
    load_w: Ints


def groups(book: Book, places: Ints, active: Ints, day: int) -> Iterator[Group]:
    """`active` rows of the batch whose accounts stand at `places`."""
    terms = book.terms_on(places[active], day)
    there = terms != NOBODY
    nowhere = active[~there]
    if len(nowhere):
        nothing = np.zeros(len(nowhere), dtype=np.int64)
        yield Group(nowhere, Payment.PREPAID, None, None, NO_TERMS, nothing)
    active, terms = active[there], terms[there]
    code = book.terms.tariff[terms] * 4 + book.terms.postpaid[terms] * 2
    code = code + book.terms.closed[terms]
    for each in distinct(code).tolist():
        own = np.flatnonzero(code == each)
        payment = Payment(PAYMENTS[each >> 1 & 1])
        name = book.tariffs[each >> 2]
        tariff = None if each & 1 else book.rules.tariff(name, date_of(day))
        calendar = book.rules.calendar(tariff.calendar, date_of(day)) if tariff else None
        reason = CLOSED if each & 1 else _unpriced(tariff, calendar, day)
        for at in range(0, len(own), GROUP_MAX):
            some = own[at : at + GROUP_MAX]
            load_w = book.terms.load_w[terms[some]]
            priced = None if reason else tariff
            yield Group(active[some], payment, priced, calendar, reason, load_w)


def _unpriced(tariff: Tariff | None, calendar: Calendar | None, day: int) -> str:
    asked = AccountDay(account=0, day=date_of(day), tariff=tariff, calendar=calendar)
    return unpriced(asked) or ""
