"""What accounts are charged by, and which meters serve them: m.account_terms and m.account_meters.

Rule 1: terms hold from a local day on, until the next ones begin; before the first there are none.
Rule 2: the views of the tables decide what stands (newest version, taken-back links, the registry
where no link was ever entered); here they are only read.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct

from meteringest.prepaid.arrears import RecoveryPlan
from meteringest.prepaid.ledger.ports import Engine, Row, day, money, whole
from meteringest.prepaid.reads import MeterLink
from meteringest.prepaid.tariff import Payment

OPEN_S = 2**32 - 1
"""The last second a DateTime holds: no end."""
ACCOUNTS_ASKED_MAX = 5_000


class Terms(Struct, frozen=True, kw_only=True):
    """One row of m.account_terms_v."""

    account: int
    effective_from: date
    payment: Payment
    tariff: str
    account_class: str = ""
    area: str = ""
    load_w: int = 0
    net_metered: bool = False
    recovery: RecoveryPlan = RecoveryPlan()
    closed: bool = False
    ver: int = 0


class TermsBook:
    """Terms of any number of accounts at one moment."""

    def __init__(self, rows: Iterable[Terms]) -> None:
        """In any order."""
        self._rows: dict[int, list[Terms]] = {}
        for each in sorted(rows, key=lambda each: each.effective_from):
            self._rows.setdefault(each.account, []).append(each)

    def on(self, account: int, on: date) -> Terms | None:
        """What holds on that day; None before the first terms."""
        begun = [each for each in self._rows.get(account, ()) if each.effective_from <= on]
        return begun[-1] if begun else None

    def of(self, account: int) -> Sequence[Terms]:
        """All of them, by first day."""
        return self._rows.get(account, ())

    @property
    def accounts(self) -> frozenset[int]:
        """Those that have any."""
        return frozenset(self._rows)


def load_terms(engine: Engine, accounts: Sequence[int] | None = None) -> TermsBook:
    """Of `accounts`, or of all."""
    rows = _ask(engine, _TERMS, accounts)
    return TermsBook(
        Terms(
            account=whole(row[0]),
            effective_from=day(row[1]),
            payment=Payment(str(row[2])),
            tariff=str(row[3]),
            account_class=str(row[4]),
            area=str(row[5]),
            load_w=whole(row[6]),
            net_metered=row[7] == 1,
            recovery=RecoveryPlan(share_ppm=whole(row[8]), instalment=money(row[9])),
            closed=row[10] == 1,
            ver=whole(row[11]),
        )
        for row in rows
    )


def load_links(
    engine: Engine, accounts: Sequence[int] | None = None
) -> Mapping[int, Sequence[MeterLink]]:
    """Meters of `accounts`, or of all, by account, in the order of time."""
    links: dict[int, list[MeterLink]] = {}
    for row in _ask(engine, _LINKS, accounts):
        link = MeterLink(
            meter=whole(row[1]),
            from_s=whole(row[2]),
            to_s=whole(row[3]),
            multiplier_ppm=whole(row[4]),
            ver=whole(row[5]),
        )
        links.setdefault(whole(row[0]), []).append(link)
    for found in links.values():
        found.sort(key=lambda each: (each.from_s, each.meter))
    return links


def _ask(engine: Engine, sql: str, accounts: Sequence[int] | None) -> list[Row]:
    if accounts is None:
        return list(engine.ask(sql).rows)
    rows: list[Row] = []
    for at in range(0, len(accounts), ACCOUNTS_ASKED_MAX):
        some = ", ".join(str(int(each)) for each in accounts[at : at + ACCOUNTS_ASKED_MAX])
        rows += engine.ask(f"{sql} WHERE account IN ({some})").rows
    return rows


_TERMS = """
SELECT account, effective_from, payment, tariff, class, area, load_w, net_metered,
       recover_ppm, recover_month, closed, ver
FROM m.account_terms_v"""
_LINKS = """
SELECT account, meter, toUInt32(from_time), toUInt32(to_time), multiplier_ppm, ver
FROM m.account_links_v"""
