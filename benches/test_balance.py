"""The balance of an account among very many: one question after another, as a counter would ask.

A fleet of accounts with a year of charges and a recharge a month is written by the engine itself;
what is measured is Ledger.balance of accounts drawn at random, and its 99th percentile.
"""

import os
import random
from collections.abc import Iterator
from statistics import quantiles
from time import perf_counter

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

ACCOUNTS = int(os.environ.get("BENCH_ACCOUNTS", "1000000"))
MONTHS = 2
ASKED = 300
GROUP = "balance: one account"
MONTH = """
INSERT INTO m.charge_days (account, day, payment, tariff, amount, kinds, components, amounts,
    energies, over, up_to, ver)
SELECT number + 1, toDate('2026-{month:02}-01') + day, 'prepaid', 't', 12.34, ['accrual', 'day'],
    ['energy', 'fixed'], [toDecimal64(10.34, 6), toDecimal64(2, 6)], [5000000000, 0], 1,
    toDateTime('2026-{month:02}-01 00:00:00', 'UTC') + (day + 1) * 86400, 1
FROM numbers({accounts}) ARRAY JOIN range({days}) AS day
SETTINGS max_partitions_per_insert_block = 100"""
ENTRIES = """
INSERT INTO m.entries (account, id, kind, book, amount, origin, reference, paid_at, ver)
SELECT number + 1, hex(cityHash64(number, month)), 'payment', 'prepaid', 500, 'upi',
    concat('r', toString(number), '-', toString(month)),
    toDateTime64('2026-01-05 10:00:00', 3, 'UTC') + month * 2592000, 1
FROM numbers({accounts}) ARRAY JOIN range({months}) AS month"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(StoreSettings(), tmp_path_factory.mktemp("balance"))
    migrate(store, StoreSettings())
    for month in range(1, MONTHS + 1):
        store.run(MONTH.format(month=month, accounts=ACCOUNTS, days=28))
    store.run(ENTRIES.format(accounts=ACCOUNTS, months=MONTHS))
    yield store
    store.close()


def test_balance(benchmark: BenchmarkFixture, store: Store) -> None:
    """A charge row a day and a recharge a month for each account."""
    benchmark.group = GROUP
    benchmark.extra_info.update(who="Ledger.balance", unit="balances", amount=1)
    ledger = Ledger(store, lambda: 0)
    draw = random.Random(1)  # noqa: S311 -- seeded
    waited_s: list[float] = []

    def ask() -> None:
        account = draw.randrange(ACCOUNTS) + 1
        begun = perf_counter()
        balance = ledger.balance(account)
        waited_s.append(perf_counter() - begun)
        assert balance.prepaid == MONTHS * (500_000_000 - 28 * 12_340_000)

    benchmark.pedantic(ask, rounds=ASKED, warmup_rounds=5)
    _note(benchmark, waited_s)


def test_page_of_balances(benchmark: BenchmarkFixture, store: Store) -> None:
    """A thousand in one question, as a sweep asks."""
    benchmark.group = GROUP
    benchmark.extra_info.update(who="a page of 1,000", unit="balances", amount=1_000)
    ledger = Ledger(store, lambda: 0)
    draw = random.Random(2)  # noqa: S311 -- seeded

    def ask() -> None:
        first = draw.randrange(max(1, ACCOUNTS - 1_000)) + 1
        assert len(ledger.balances(range(first, first + 1_000))) == min(1_000, ACCOUNTS)

    benchmark.pedantic(ask, rounds=20, warmup_rounds=1)


def _note(benchmark: BenchmarkFixture, waited_s: list[float]) -> None:
    percentiles = quantiles(waited_s, n=100)
    benchmark.extra_info.update(
        accounts=ACCOUNTS, p50_ms=percentiles[49] * 1_000, p99_ms=percentiles[98] * 1_000
    )
