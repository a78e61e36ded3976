"""Any span of any accounts, whatever arrives when: charged as the slow model charges it.

And their money: every balance and every statement, as the judge of money adds them up.
METERINGEST_YEAR=1000 runs a year of a thousand accounts; without it two months of a few.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from random import Random
from time import monotonic

import pytest
from tests.property.slow_model import SlowRead
from tests.store.worker_purses import BOOKS
from tests.store.worker_store import (
    Arriving,
    CutShortError,
    Delayed,
    Failing,
    Midnight,
    charged,
    charger,
    noon_ms,
)
from tests.store.worker_till import Till
from tests.store.worker_truth import Charges, Truth
from tests.store.worker_world import CALENDARS, FUEL, Account, Terms, World

from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.showing.statements import make_statement
from meteringest.prepaid.worker.charge_pass import Charger
from meteringest.store.clickhouse import Store

ACCOUNTS = int(os.environ.get("METERINGEST_YEAR", "8"))
DAYS = int(os.environ.get("METERINGEST_YEAR_DAYS", "365" if ACCOUNTS > 100 else "45"))
PARTS = 18 if ACCOUNTS > 100 else 7
SIZES = {"rows_max": 100_000, "accounts_max": 2_000} if ACCOUNTS > 100 else {}


@pytest.mark.timeout(14_400)
def test_whatever_arrives_when_it_is_charged_as_the_slow_model_charges_it(store: Store) -> None:
    world = World("year 7", ACCOUNTS, DAYS)
    arriving, till = Arriving(store), Till(store, world.accounts, "till 7")
    _set_up(world, arriving)
    till.open(noon_ms(world.first))
    worker = charger(store, **SIZES)
    late: list[Delayed] = []
    tell = _progress()
    for part, (reads, midnights, day) in enumerate(_parts(world)):
        today = world.days[day]
        arriving.reads(reads, midnights)
        arriving.again(world.random.sample(reads, len(reads) // 20))
        till.day(noon_ms(today), today, _learn(world, arriving, till, part))
        _charge(world, store, worker, late, noon_ms(today))
        tell(f"part {part + 1} of {PARTS}, up to {today}: {len(arriving.arrived)} reads")
    after = world.days[-1] + timedelta(days=1)
    charger(store, **SIZES).charge(noon_ms(after))
    for each in late:
        each.let_through()
    assert worker.charge(noon_ms(after)) is None
    till.due(noon_ms(after), after)
    tell(f"charged: {dict(till.counts)}")
    truth = _compare(store, world, arriving.arrived)
    tell("every charge compared")
    _compare_money(store, till, truth, after)
    tell("every balance and statement compared")


def _charge(world: World, store: Store, worker: Charger, late: list[Delayed], now_ms: int) -> None:
    """A pass that is made, left out, killed, or doubled by one that writes much later."""
    match world.random.randrange(5):
        case 0:
            pass
        case 1:
            with suppress(CutShortError):
                charger(Failing(store, world.random.randrange(12)), **SIZES).charge(now_ms)
        case 2:
            late.append(Delayed(store))
            charger(late[-1], **SIZES).charge(now_ms)
            worker.charge(now_ms)
        case _:
            worker.charge(now_ms)
    if late and world.random.random() < 0.5:
        late.pop(0).let_through()


def _set_up(world: World, arriving: Arriving) -> None:
    arriving.rules(*CALENDARS, *(text for after, text in world.tariffs if not after))
    everybody = world.accounts
    arriving.everybodys_links([(account, link) for account in everybody for link in account.links])
    arriving.everybodys_terms([(account, account.terms[0]) for account in everybody])


def _learn(world: World, arriving: Arriving, till: Till, part: int) -> list[tuple[Account, Terms]]:
    """What becomes known only on the way: other terms, a revised tariff, a fuel notice.

    Returns conversions that are to be ordered.
    """
    later = [(each, terms) for each in world.accounts for terms in each.terms[1:]]
    begun = PARTS // 3 + 1
    filed = [
        (each, terms) for each, terms in later if not terms.by_order and each.number % PARTS == part
    ]
    if filed:
        arriving.everybodys_terms(filed)
    for each, terms in filed:
        till.learn(each, terms)
    if part == PARTS // 2:
        arriving.rules(*(text for after, text in world.tariffs if after), FUEL)
    return [
        (each, terms)
        for each, terms in later
        if terms.by_order and begun + each.number % (PARTS - begun) == part
    ]


def _parts(world: World) -> Iterator[tuple[list[SlowRead], list[Midnight], int]]:
    """Everything that was sent, about when it was or later; of some meters much later."""
    draw = world.random
    parts: list[tuple[list[SlowRead], list[Midnight]]] = [([], []) for _ in range(PARTS)]
    per_part = -(-DAYS // PARTS)

    def when(account: Account, at_s: int) -> int:
        day = (at_s + 19_800) // 86_400 - (world.first.toordinal() - 719_163)
        most = PARTS if account.number % 5 == 0 else 3
        late = draw.randrange(most) if draw.random() < 0.15 else 0
        return min(max(day, 0) // per_part + late, PARTS - 1)

    for account in world.accounts:
        for read in account.sent:
            parts[when(account, read.start_s)][0].append(read)
        for (meter, at_s), figures in account.registers.items():
            parts[when(account, at_s)][1].append((meter, at_s, figures))
    for part, (reads, midnights) in enumerate(parts):
        draw.shuffle(reads)
        yield reads, midnights, min((part + 1) * per_part, DAYS) - 1


def _compare(store: Store, world: World, arrived: list[SlowRead]) -> dict[int, Charges]:
    by_meter: dict[int, list[SlowRead]] = defaultdict(list)
    for read in arrived:
        by_meter[read.meter].append(read)
    found, truth = charged(store), {}
    asked = [
        (account, [read for link in account.links for read in by_meter[link.meter]])
        for account in world.accounts
    ]
    for account, charges in Truth(world.tariffs, world.days).everybodys(asked):
        assert found.get(account.number, {}) == charges, account.number
        truth[account.number] = charges
    days = sum((world.days[-1] - account.terms[0].day).days + 1 for account in world.accounts)
    ((rows, parked, open_days, unequal),) = store.ask(
        "SELECT countIf(tariff != ''), countIf(held = ['no_terms']), "
        "countIf(over = 0 AND tariff != ''), countIf(amount != arraySum(amounts)) "
        "FROM m.charge_days FINAL"
    ).rows
    assert (rows, open_days, unequal) == (days, 0, 0)
    # Reads from before an account's first terms wait for somebody to enter some.
    assert parked == sum((account.terms[0].day - world.first).days for account in world.accounts)
    return truth


def _compare_money(store: Store, till: Till, truth: dict[int, Charges], after: date) -> None:
    """Balances and statements against the judge's, with the charges the slow model found."""
    ledger = Ledger(store, lambda: noon_ms(after))
    balances = ledger.balances(list(till.purses))
    for number, purse in till.purses.items():
        purse.charged = {}
        wanted = dict(purse.books)
        for (day, _), amount in truth[number].items():
            wanted[purse.account.terms_on(day).payment] -= amount
        stands = {book: getattr(balances[number], book) for book in BOOKS}
        assert stands == wanted, number
        span = (purse.account.terms[0].day - timedelta(days=999), after)
        shown = make_statement(store, ledger, number, span, noon_ms(after))
        assert not any(shown.opening.values())
        assert {str(book): amount for book, amount in shown.closing.items()} == wanted, number
        sums: dict[str, int] = defaultdict(int)
        for line in shown.lines:
            sums[str(line.book)] += line.amount
        assert {book: sums[book] for book in BOOKS} == wanted, number
        # What an account no longer pays by is empty.
        old = {"prepaid": ["postpaid"], "postpaid": ["prepaid", "arrears"]}
        if len(purse.known) > 1:
            assert not any(wanted[book] for book in old[purse.book(after)]), number


def _progress() -> Callable[[str], None]:
    """Tells how far it is, with pytest -s."""
    begun = monotonic()
    return lambda what: print(f"{monotonic() - begun:7.0f} s  {what}", flush=True)  # noqa: T201


def test_the_seed_says_what_happens() -> None:
    """Two worlds of one seed are one world, or nothing above could be tried again."""
    one, two = (World("x", 2, 5) for _ in range(2))
    assert one.accounts == two.accounts
    assert Random("x").random() == Random("x").random()  # noqa: S311
