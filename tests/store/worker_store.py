"""A store that a world's rows arrive in, and engines that are slow, or cut short."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import groupby

import numpy as np
from tests.property.slow_model import SlowRead
from tests.store.blocks import Range, block
from tests.store.conftest import Recorder
from tests.store.worker_world import Account, Link, Terms

from meteringest.columns import rows_block
from meteringest.prepaid.arrears import RecoveryPlan
from meteringest.prepaid.ledger import tables
from meteringest.prepaid.ledger.loading import RuleFile, Stamp, load
from meteringest.prepaid.ledger.rules import load_rules
from meteringest.prepaid.ledger.terms import Terms as TermsRow
from meteringest.prepaid.tariff import Payment
from meteringest.prepaid.worker.charge_pass import Charger
from meteringest.prepaid.worker.settings import WorkerSettings
from meteringest.prepaid.worker.shards import SHARDS
from meteringest.store.clickhouse import Store, Table
from meteringest.store.insertion import insert_range
from meteringest.store.schema import READ, TABLES

BASE = 1 << 50
NODE = 1
IMPORT, EXPORT, APPARENT = 1, 2, 4
_NUMPY = {
    "UInt8": "u1",
    "UInt16": "u2",
    "Int16": "i2",
    "UInt32": "u4",
    "UInt64": "u8",
    "DateTime('UTC')": "u4",
}
Midnight = tuple[int, int, tuple[int, int, int]]


class Arriving:
    """Puts rows into the store, in the order in which it is given them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.position = BASE
        self.arrived: list[SlowRead] = []

    def reads(self, reads: Sequence[SlowRead], midnights: Sequence[Midnight] = ()) -> None:
        """One range of the journal: reads, then registers."""
        first, at = self.position, self.position + len(reads)
        for offset, read in enumerate(reads):
            read.ver = first + offset
        self.arrived += reads
        rows = [row for place, each in enumerate(midnights) for row in _registers(each, at + place)]
        self.position = at + len(midnights) + 1
        blocks = [("m.reads", block(_columns(reads)))] if reads else []
        if rows:
            blocks.append(("m.registers", rows_block(TABLES["m.registers"], rows)))
        gathered = Range(first, self.position, blocks, len(reads))
        insert_range(self.store, NODE, gathered, Recorder())

    def again(self, reads: Sequence[SlowRead]) -> None:
        """The same rows under the same positions: a retry that outlived its token."""
        by_time = sorted(reads, key=lambda each: each.start_s)
        for quarter, days in groupby(by_time, key=lambda each: each.start_s // (90 * 86_400)):
            token = f"again-{self.position}-{len(self.arrived)}-{quarter}"
            self.store.insert("m.reads", block(_columns(list(days))), token)

    def rules(self, *texts: str) -> None:
        ver = tables.newest_number(self.store) + 1
        files = [RuleFile(f"file {n}", text) for n, text in enumerate(texts)]
        loading = load(load_rules(self.store), files, Stamp("test", 0, ver))
        tables.insert_rules(self.store, loading.rows)

    def terms(self, account: Account, *terms: Terms) -> None:
        self.everybodys_terms([(account, each) for each in terms])

    def links(self, account: Account, *links: Link) -> None:
        self.everybodys_links([(account, each) for each in links])

    def everybodys_terms(self, terms: Sequence[tuple[Account, Terms]]) -> None:
        ver = tables.newest_number(self.store) + 1
        rows = [
            TermsRow(
                account=account.number,
                effective_from=each.day,
                payment=Payment(each.payment),
                tariff=each.tariff,
                load_w=each.load_w,
                recovery=RecoveryPlan(
                    share_ppm=account.share_percent * 10_000,
                    instalment=account.instalment * 1_000_000,
                ),
            )
            for account, each in terms
        ]
        tables.insert_terms(self.store, rows, ("test", "test", 0, ver))

    def everybodys_links(self, links: Sequence[tuple[Account, Link]]) -> None:
        ver = tables.newest_number(self.store) + 1
        rows = [
            tables.LinkRow(
                account=account.number,
                meter=each.meter,
                from_time=each.from_s,
                to_time=each.to_s,
                multiplier_ppm=each.multiplier_ppm,
                author="test",
                reason="test",
                at=0,
                ver=ver,
            )
            for account, each in links
        ]
        tables.insert_links(self.store, rows)


class CutShortError(Exception):
    """A worker that was killed."""


class Failing:
    """An engine under a worker that is killed before its n-th insert."""

    def __init__(self, store: Store, inserts: int) -> None:
        self._store = store
        self._left = inserts
        self.text = store.text

    def ask(self, sql: str, parameters: Mapping[str, object] | None = None, /) -> Table:
        return self._store.ask(sql, parameters)

    def insert(self, table: str, rows: bytes, token: str, /) -> int:
        self._left -= 1
        if self._left < 0:
            raise CutShortError
        return self._store.insert(table, rows, token)


class Delayed(Failing):
    """An engine whose inserts only arrive when they are let through."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, 1 << 30)
        self._held: list[tuple[str, bytes, str]] = []
        self.text = self._text  # type: ignore[method-assign,assignment]

    def _text(self, sql: str, output: str) -> bytes:
        """A worker sees what it has written itself."""
        if "sum(energy_uwh)" in sql:
            self.let_through()
        return self._store.text(sql, output)

    def insert(self, table: str, rows: bytes, token: str, /) -> int:
        self._held.append((table, rows, token))
        return 0

    def let_through(self) -> None:
        for each in self._held:
            self._store.insert(*each)
        self._held.clear()


def charger(engine: Store | Failing, *, rows_max: int = 600, accounts_max: int = 16) -> Charger:
    settings = WorkerSettings(rows_max=rows_max, accounts_max=accounts_max)
    return Charger(engine, settings, range(SHARDS), told=lambda _: None)


def noon_ms(day: date) -> int:
    """Noon of the Indian day."""
    return int(datetime(day.year, day.month, day.day, 6, 30, tzinfo=UTC).timestamp()) * 1_000


def charged(store: Store) -> dict[int, dict[tuple[date, str], int]]:
    """Per account what its newest rows sum up to, without what comes to nothing."""
    rows = store.ask(
        "SELECT account, day, component, toInt64(sum(amount) * 1000000) FROM m.charge_days FINAL "
        "ARRAY JOIN components AS component, amounts AS amount GROUP BY account, day, component"
    ).rows
    found: dict[int, dict[tuple[date, str], int]] = {}
    for account, day, component, amount in rows:
        if amount:
            found.setdefault(int(str(account)), {})[day, str(component)] = int(str(amount))  # type: ignore[index]
    return found


def _columns(reads: Sequence[SlowRead]) -> dict[str, np.ndarray]:
    columns = {name: np.zeros(len(reads), _NUMPY[kind]) for name, kind in READ.items()}
    columns["meter"][:] = [read.meter for read in reads]
    columns["interval_start"][:] = [read.start_s for read in reads]
    columns["interval_s"][:] = [read.interval_s for read in reads]
    for name in ("imp_wh", "exp_wh", "imp_vah"):
        columns[name][:] = [getattr(read, name) or 0 for read in reads]
    columns["present"][:] = [
        IMPORT * (read.imp_wh is not None)
        + EXPORT * (read.exp_wh is not None)
        + APPARENT * (read.imp_vah is not None)
        for read in reads
    ]
    columns["quality"][:] = [read.quality for read in reads]
    columns["ver"][:] = [read.ver for read in reads]
    return columns


def _registers(midnight: Midnight, position: int) -> list[tuple[object, ...]]:
    """Import in tenths of a kWh would be cut off: so import in Wh, the others with a scaler."""
    meter, at_s, (wh, vah, exp) = midnight
    figures = (
        ("1.0.1.8.0.255", wh, 0, 30),
        ("1.0.9.8.0.255", vah * 10, -1, 31),
        ("1.0.2.8.0.255", exp, 0, 30),
    )
    row = {"meter": meter, "at": at_s, "profile": "daily", "class": 3, "attribute": 2}
    return [
        tuple(
            {
                **dict.fromkeys(TABLES["m.registers"], 0),
                **row,
                "obis": obis,
                "value": value,
                "scaler": scaler,
                "unit": unit,
                "ver": position,
            }.values()
        )
        for obis, value, scaler, unit in figures
    ]
