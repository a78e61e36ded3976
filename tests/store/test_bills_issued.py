"""Bills on the real store: issued once, corrected by a version, counted by the read contract."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import count

import pytest
from tests.store.money_world import World, ist
from tests.unit.tariff_days import RUPEE

from meteringest.errors import AccountUnknown, StoreUnavailable, UsageError
from meteringest.prepaid.ledger.entries import EntryKind
from meteringest.prepaid.ledger.orders import Reverse
from meteringest.prepaid.tariff import Payment
from meteringest.store.clickhouse import open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

APRIL, MAY, JUNE, JULY = (date(2026, month, 1) for month in (4, 5, 6, 7))
NUMBERS = count(10, 10)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One store for all tests here; each has accounts of its own."""
    store = open_store(StoreSettings(), tmp_path_factory.mktemp("bills"))
    migrate(store, StoreSettings())
    yield World(store, ist(JULY, "10:00"))
    store.close()


@pytest.fixture
def home(world: World) -> int:
    """A postpaid account, charged ten rupees a day for three months."""
    return charged(world, "home")


@pytest.fixture
def office(world: World) -> int:
    """The same, of the government."""
    return charged(world, "government")


def charged(world: World, account_class: str) -> int:
    account = next(NUMBERS)
    world.account(account, APRIL, Payment.POSTPAID, account_class=account_class)
    days = [APRIL + timedelta(days=n) for n in range((JULY - APRIL).days)]
    world.charge_days([(account, day, 10) for day in days], payment=Payment.POSTPAID)
    return account


def test_every_account_is_billed_once_and_the_book_adds_up(
    world: World, home: int, office: int
) -> None:
    world.pay(home, "100", ist(date(2026, 5, 31), "23:59"))
    for on in (MAY, JUNE, JULY):
        done = world.issue(on)
        assert (done.bills, done.corrected, done.waiting) == (2, 0, [])
        again = world.issue(on)
        assert (again.bills, again.corrected, again.late_charges) == (0, 0, 0)
    found = world.rows(
        "SELECT bill, charged, brought, received, due FROM m.v1_bills "  # noqa: S608
        f"WHERE account = {home} AND current = 1 ORDER BY period_from"
    )
    late = Decimal("1.81")  # 300.00 for 14 days after 16 May, 200.00 for one, 1.25 % a month
    assert found[:2] == [
        (f"{home}-20260401", Decimal(300), Decimal(0), Decimal(0), Decimal(300)),
        (f"{home}-20260501", Decimal(310), Decimal(300), 100 - late, 510 + late),
    ]
    assert found[2][-1] == owed(world, home)
    ((due,),) = world.rows(
        f"SELECT due FROM m.v1_bills WHERE account = {office} AND period_from = '2026-06-01'"  # noqa: S608
    )
    assert due == owed(world, office)


def owed(world: World, account: int) -> Decimal:
    ((balance,),) = world.rows(f"SELECT postpaid FROM m.v1_balances WHERE account = {account}")  # noqa: S608
    return -Decimal(str(balance))


def test_a_late_read_makes_a_new_version_with_the_signed_difference(
    world: World, home: int
) -> None:
    world.issue(MAY, account=home)
    world.charge(home, date(2026, 4, 20), 7.5, payment=Payment.POSTPAID)
    done = world.issue(MAY + timedelta(days=4), account=home)
    assert (done.bills, done.corrected) == (0, 1)
    found = world.rows(
        "SELECT version, current, due, difference, due_on FROM m.v1_bills "  # noqa: S608
        f"WHERE account = {home} ORDER BY version"
    )
    assert found == [
        (1, 0, Decimal(300), Decimal(0), date(2026, 5, 16)),
        (2, 1, Decimal("297.5"), Decimal("-2.5"), date(2026, 5, 16)),
    ]


def test_an_unsafe_day_keeps_the_bill_waiting_until_it_is_wanted_anyway(
    world: World, home: int
) -> None:
    day = date(2026, 4, 20)
    world.charge(home, day, 7, payment=Payment.POSTPAID, held=("quality_suspect",))
    done = world.issue(MAY, account=home)
    assert done.bills == 0
    (waiting,) = done.waiting
    assert (waiting.account, waiting.reason) == (home, "2026-04-20: held: quality_suspect")
    assert world.issue(MAY, account=home, unsafe_too=True).bills == 1


@pytest.mark.parametrize("on", [JULY + timedelta(days=1), date.max])
def test_nothing_is_billed_ahead_of_time(world: World, home: int, on: date) -> None:
    with pytest.raises(UsageError, match="is after today; wanted 2026-07-01 or a day before"):
        world.issue(on, account=home)
    assert world.issue(JULY, account=home).bills == 3


def test_an_account_nothing_was_entered_for_is_unknown(world: World) -> None:
    with pytest.raises(AccountUnknown, match="account 5 is unknown: no terms, no meter, no money"):
        world.issue(MAY, account=5)


def test_money_on_an_account_without_terms_is_no_bill_and_no_fault(world: World) -> None:
    account = next(NUMBERS)
    world.store.run(f"INSERT INTO m.meters (meter, account, ver) VALUES ({account}, {account}, 1)")  # noqa: S608
    assert world.issue(MAY, account=account).bills == 0
    world.pay(account, "10", ist(APRIL, "09:00"))
    assert world.issue(MAY, account=account).bills == 0
    other = next(NUMBERS)
    world.store.run(
        "INSERT INTO m.entries (id, account, kind, book, amount, paid_at, at, ver) "  # noqa: S608
        f"VALUES ('x{other}', {other}, 'adjustment', 'postpaid', 5, '2026-04-02', '2026-04-02', 1)"
    )
    done = world.issue(MAY)
    assert [each for each in done.waiting if each.account == other] == []


def test_killed_between_charges_and_bills_the_next_issue_makes_the_bills(
    world: World, home: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.issue(MAY, account=home)

    def dies(*_: object) -> None:
        raise StoreUnavailable("here", "gone")

    with monkeypatch.context() as broken:
        broken.setattr("meteringest.prepaid.billing.work.insert_bills", dies)
        with pytest.raises(StoreUnavailable):
            world.issue(JUNE, account=home)
    ((late,),) = world.rows(
        "SELECT count() FROM m.entries_v WHERE kind = 'late_payment' "  # noqa: S608
        f"AND account = {home}"
    )
    assert late == 1
    done = world.issue(JUNE, account=home)
    assert (done.bills, done.late_charges) == (1, 0)


def test_arrears_list_and_recovery(world: World, home: int, office: int) -> None:
    def behind(on: date, at_least: int) -> list[int]:
        found = world.biller.arrears(on, at_least=at_least)
        return [each.account for each in found if each.account in {home, office}]

    for on in (MAY, JUNE, JULY):
        world.issue(on, account=home)
        world.issue(on, account=office)
    on = date(2026, 6, 20)
    before = {each.day: each for each in world.biller.recovery(on, on + timedelta(days=9))}
    assert before == {}
    assert behind(on, 2) == [home, office]
    world.pay(home, "299", ist(on, "09:00"))
    world.pay(office, "700", ist(on, "11:00"))
    world.pay(home, "50", ist(on + timedelta(days=1), "09:00"))
    assert behind(on, 2) == [home]
    assert behind(on + timedelta(days=1), 1) == [home]
    assert behind(on + timedelta(days=1), 2) == []
    days = world.biller.recovery(on, on + timedelta(days=9))
    overdue = 610 * RUPEE + 1_850_000
    assert [(each.day, each.accounts, each.amount) for each in days] == [
        (on, 2, 299 * RUPEE + overdue),
        (on + timedelta(days=1), 1, 50 * RUPEE),
    ]


def test_who_has_a_payment_taken_back_is_not_one_who_paid(
    world: World, home: int, office: int
) -> None:
    for account in (home, office):
        world.issue(MAY, account=account)
        world.pay(account, "100", ist(date(2026, 6, 10), "09:00"), f"bounced-{account}")
    taken_back = Reverse(
        of=EntryKind.PAYMENT,
        origin="upi",
        reference=f"bounced-{home}",
        author="test",
        reason="charged back",
    )
    (entered,) = world.ledger.enter([taken_back])
    assert not entered.refused, entered
    (only,) = world.biller.recovery(JULY, JULY)
    assert (only.day, only.accounts, only.amount) == (JULY, 0, -100 * RUPEE)
    world.pay(office, "30", ist(JULY, "09:00"))
    (both,) = world.biller.recovery(JULY, JULY)
    assert (both.accounts, both.amount) == (1, -70 * RUPEE)
