"""Balances of very many accounts: one asked after another, as a counter would, and all decided on.

A fleet with 28 days of charges and a recharge in each of BENCH_MONTHS months (2) is written by the
engine itself. Measured are Ledger.balance of accounts drawn at random with its 99th percentile, and
a sweep of the policy over everybody: most have money, a fifth was told so, one in fifty has none.
"""

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import quantiles
from time import perf_counter, process_time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from meteringest.prepaid import policy_file
from meteringest.prepaid.billing.work import Biller
from meteringest.prepaid.deciding.hours import hours_left
from meteringest.prepaid.deciding.work import Decider
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.ledger.loading import RuleFile
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

ACCOUNTS = int(os.environ.get("BENCH_ACCOUNTS", "1000000"))
MONTHS = int(os.environ.get("BENCH_MONTHS", "2"))
ASKED = 300
DAY_S = 86_400
EXAMPLES = Path(policy_file.__file__).parent / "examples"
GROUP = "balance: one account"
MONTH = """
INSERT INTO m.charge_days (account, day, payment, tariff, amount, kinds, components, amounts,
    energies, over, up_to, ver)
SELECT number + 1, toDate('2026-{month:02}-01') + day, 'prepaid', 't',
    toDecimal64(12.34, 6) + {dearer}, ['accrual', 'day'],
    ['energy', 'fixed'], [toDecimal64(10.34, 6) + {dearer}, toDecimal64(2, 6)], [5000000000, 0], 1,
    toDateTime('2026-{month:02}-01 00:00:00', 'UTC') + (day + 1) * 86400, 1
FROM numbers({accounts}) ARRAY JOIN range({days}) AS day
SETTINGS max_partitions_per_insert_block = 100"""
# Rupees a day more than 12.34, which leaves 154.48 of 500 in a month.
DEARER = "arrayCount(x -> number % 50 >= x, [30, 35, 40, 44, 47, 49])"
TERMS = """
INSERT INTO m.account_terms (account, effective_from, payment, tariff, class, area, load_w, ver)
SELECT number + 1, '2025-12-01', 'prepaid', 'example-flat', 'home', 'UP', 2000, 1
FROM numbers({accounts})"""
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
        store.run(MONTH.format(month=month, accounts=ACCOUNTS, days=28, dearer=DEARER))
    store.run(ENTRIES.format(accounts=ACCOUNTS, months=MONTHS))
    store.run(TERMS.format(accounts=ACCOUNTS))
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
        dearer = sum((account - 1) % 50 >= each for each in (30, 35, 40, 44, 47, 49))
        assert balance.prepaid == MONTHS * (
            500_000_000 - 28 * (12 + dearer) * 1_000_000 - 9_520_000
        )

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


def test_sweep(benchmark: BenchmarkFixture, store: Store) -> None:
    """Everybody looked at once all that was due is told: what `deciding.sweep_s` repeats."""
    benchmark.group = "policy: a sweep"
    benchmark.extra_info.update(who="Decider.work", unit="accounts", amount=ACCOUNTS)
    ledger = Ledger(store, lambda: 0)
    files = ("policy-uttar-pradesh", "calendar-2026")
    ledger.load_rules(
        [RuleFile(each, (EXAMPLES / f"{each}.toml").read_text()) for each in files], "b"
    )
    biller = Biller(store, ledger.rules, ledger.post, lambda: 0)
    decider = Decider(store, ledger.rules, biller.behind, partial(hours_left, store))
    at_s = int(datetime(2026, MONTHS, 28, 20, tzinfo=UTC).timestamp()) + DAY_S

    def sweep() -> int:
        decided, after = 0, 0
        while accounts := decider.accounts(after):
            decided += len(decider.work(accounts, at_s))
            after = accounts[-1]
        return decided

    assert sweep() > ACCOUNTS // 6
    used_s = process_time()
    assert benchmark.pedantic(sweep, rounds=1) == 0
    benchmark.extra_info.update(cpu_s=process_time() - used_s)


def _note(benchmark: BenchmarkFixture, waited_s: list[float]) -> None:
    percentiles = quantiles(waited_s, n=100)
    benchmark.extra_info.update(
        accounts=ACCOUNTS, p50_ms=percentiles[49] * 1_000, p99_ms=percentiles[98] * 1_000
    )
