"""The ledger against what was sent and paid: every balance priced again, in fractions.

Rule 1: energy comes from the reads that stand in the store, which were held against the fleet's
truth to the watt-hour before; of a sample of accounts it comes from that truth itself.
Rule 2: money comes from the files that were imported and the tariff's text, not from the store.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from msgspec import Struct

from meteringest.native import Fleet
from meteringest_sim.account import Change
from meteringest_sim.demo.accounts import Consumer, local_day
from meteringest_sim.demo.pricing import MICRO, Month, Pricing
from meteringest_sim.reconcile import Query

SAMPLE = 1_000
DIFFERENCES_MAX = 50
Energy = Mapping[date, int]


class Sent(Struct, frozen=True, kw_only=True):
    """What the demo sent: slots of the fleet, and intervals that were corrected."""

    fleet: Fleet
    first_slot: int
    slots: int
    changes: Sequence[Change]
    seed: int

    @property
    def days(self) -> tuple[date, date]:
        """First and last local day."""
        first, last = self.first_slot, self.first_slot + self.slots - 1
        return local_day(self.fleet.start_s(first)), local_day(self.fleet.start_s(last))


def caught_up(query: Query) -> bool:
    """Whether every read that is stored is charged."""
    ((behind,),) = query("SELECT countIf(charged < stored) FROM m.v1_watermark")
    return behind == 0


def ledger_differences(
    query: Query, everybody: Sequence[Consumer], pricing: Pricing, sent: Sent, today: date
) -> list[str]:
    """Every account whose books are not what they must be."""
    energies = _stored(query)
    found = list(_sampled(everybody, energies, sent))
    balances = _balances(query)
    for each in everybody:
        months = list(_months(energies.get(each.serial, {}), sent.days, today))
        owed = pricing.owed(months, load_w=each.load_w, prepaid=each.prepaid)
        wanted = (each.opening + each.paid) * MICRO - owed
        books = (wanted, 0, 0) if each.prepaid else (0, wanted, 0)
        have = balances.get(each.account)
        if have != books:
            found.append(f"account {each.account}: books {books} wanted, {have} there")
    return [*found[:DIFFERENCES_MAX], *_lines_add_up(query)]


def _stored(query: Query) -> dict[str, dict[date, int]]:
    """Net energy of every meter and local month, from the reads as they stand."""
    rows = query(
        "SELECT k.serial, toStartOfMonth(toDate(r.interval_start, 'Asia/Kolkata')) AS month, "
        "toInt64(sum(r.imp_wh)) - toInt64(sum(r.exp_wh)) "
        "FROM m.reads_v AS r JOIN m.meters_v AS k ON k.meter = r.meter GROUP BY k.serial, month"
    )
    energies: dict[str, dict[date, int]] = {}
    for serial, month, net_wh in rows:
        energies.setdefault(str(serial), {})[_date(month)] = int(str(net_wh))
    return energies


def _sampled(
    everybody: Sequence[Consumer], energies: Mapping[str, Energy], sent: Sent
) -> Iterator[str]:
    """Some accounts, and those with a corrected interval, against the truth itself."""
    chance = Random(sent.seed)  # noqa: S311 (a sample)
    chosen = {each.meter: each for each in chance.sample(everybody, min(SAMPLE, len(everybody)))}
    added: dict[int, dict[int, int]] = {}
    for change in sent.changes:
        added.setdefault(change.meter, {})[change.slot] = change.added_wh
    by_meter = {each.meter: each for each in everybody}
    chosen |= {meter: by_meter[meter] for meter in list(added)[:SAMPLE] if meter in by_meter}
    for meter, each in chosen.items():
        truth = _truth(meter, sent, added.get(meter, {}))
        if truth != dict(energies.get(each.serial, {})):
            yield f"meter {each.serial}: {truth} Wh sent, {energies.get(each.serial)} Wh there"


def _truth(meter: int, sent: Sent, added: Mapping[int, int]) -> dict[date, int]:
    sums: dict[date, int] = {}
    for slot in range(sent.first_slot, sent.first_slot + sent.slots):
        month = local_day(sent.fleet.start_s(slot)).replace(day=1)
        _, (imported, exported, *_) = sent.fleet.truth(meter, slot)
        sums[month] = sums.get(month, 0) + imported - exported + added.get(slot, 0)
    return sums


def _months(energy: Energy, days: tuple[date, date], today: date) -> Iterator[Month]:
    first, last = days
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=31)).replace(day=1)
        end = min(last, following - timedelta(days=1))
        yield Month(
            first=first.replace(day=1),
            days=(end - first).days + 1,
            net_wh=energy.get(first.replace(day=1), 0),
            ended=end + timedelta(days=1) == following and following <= today,
        )
        first = following


def _balances(query: Query) -> dict[int, tuple[int, int, int]]:
    rows = query("SELECT account, prepaid, postpaid, arrears FROM m.v1_balances")
    return {int(str(account)): _books(amounts) for account, *amounts in rows}


def _books(amounts: Iterable[object]) -> tuple[int, int, int]:
    prepaid, postpaid, arrears = (int(Decimal(str(each)) * MICRO) for each in amounts)
    return prepaid, postpaid, arrears


def _lines_add_up(query: Query) -> Iterator[str]:
    """Statement lines against balances, over all accounts."""
    ((lines,),) = query("SELECT sum(amount) FROM m.v1_statement_lines")
    ((books,),) = query("SELECT sum(prepaid + postpaid + arrears) FROM m.v1_balances")
    if lines != books:
        yield f"statement lines add up to {lines}, balances to {books}"


def _date(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))
