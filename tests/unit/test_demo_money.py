"""The demo's judge of money: priced like the service, by other means; able to find a difference."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.tariff_days import EXAMPLES, half_hours, month_of

from meteringest.prepaid.charges import AccountDay, charge_days
from meteringest.prepaid.lines import total
from meteringest.prepaid.reads import MeterLink
from meteringest.prepaid.state import opened
from meteringest.prepaid.tariff import Payment
from meteringest.prepaid.tariff_file import load
from meteringest_sim.demo.accounts import consumers, rules
from meteringest_sim.demo.balances import working_time
from meteringest_sim.demo.ledger import Sent, ledger_differences
from meteringest_sim.demo.pricing import Month, Pricing
from meteringest_sim.fleet import FleetSpec

FILE = EXAMPLES / "domestic-slabs.toml"
MAY = date(2026, 5, 1)
SPEC = FleetSpec(seed=3, meters=6, dcus=1)


@pytest.mark.parametrize("days", [3, 31])
@pytest.mark.parametrize("prepaid", [True, False])
@pytest.mark.parametrize("daily_wh", [0, 13, 3_337, 9_871, 21_001])
def test_a_month_is_priced_as_the_service_charges_it(
    days: int, daily_wh: int, *, prepaid: bool
) -> None:
    account_days = [
        AccountDay(
            account=1,
            day=day,
            tariff=load(FILE),
            payment=Payment.PREPAID if prepaid else Payment.POSTPAID,
            load_w=2_500,
            reads=half_hours(day, {20: daily_wh, 30: 7}),
            links=(MeterLink(meter=7, from_s=0, to_s=1 << 33),),
        )
        for day in month_of(MAY)[:days]
    ]
    charged = sum(total(done.lines) for done in charge_days(account_days, opened(1, MAY)))
    month = Month(first=MAY, days=days, net_wh=days * (daily_wh + 7), ended=days == 31)
    owed = Pricing(FILE.read_text()).owed([month], load_w=2_500, prepaid=prepaid)
    assert owed == charged


def test_export_left_over_is_carried_into_the_next_month() -> None:
    months = [
        Month(first=date(2026, 4, 1), days=30, net_wh=-40_000, ended=True),
        Month(first=MAY, days=31, net_wh=100_000, ended=True),
    ]
    carried = Pricing(FILE.read_text()).owed(months, load_w=1_000, prepaid=True)
    plain = [
        Month(first=date(2026, 4, 1), days=30, net_wh=0, ended=True),
        Month(first=MAY, days=31, net_wh=60_000, ended=True),
    ]
    assert carried == Pricing(FILE.read_text()).owed(plain, load_w=1_000, prepaid=True)


@pytest.mark.parametrize("spoilt", [0, 1])
def test_a_paisa_too_much_is_found(spoilt: int, tmp_path: Path) -> None:
    """A store of its own making, right but for one balance."""
    fleet = SPEC.build()
    everybody = list(consumers(SPEC, fleet))
    first = fleet.slot_at(int(datetime(2026, 5, 3, 18, 30, tzinfo=UTC).timestamp()))
    sent = Sent(fleet=fleet, first_slot=first, slots=48, changes=[], seed=1)
    assert sent.days == (date(2026, 5, 4), date(2026, 5, 4))
    files = rules(tmp_path, 2026)
    pricing = Pricing(files[0].read_text())
    energies, balances = [], []
    for each in everybody:
        reads = [fleet.truth(each.meter, first + slot)[1] for slot in range(48)]
        net = sum(read[0] - read[1] for read in reads)
        energies.append((each.serial, MAY, net))
        month = Month(first=MAY, days=1, net_wh=net, ended=False)
        owed = pricing.owed([month], load_w=each.load_w, prepaid=each.prepaid)
        rest = Decimal((each.opening + each.paid) * 10**6 - owed) / 10**6
        books = (rest, Decimal(0)) if each.prepaid else (Decimal(0), rest)
        balances.append([each.account, *books, Decimal(0)])
    balances[2][1] += Decimal("0.01") * spoilt

    def query(sql: str) -> list[list[object]]:
        if "m.reads_v" in sql:
            return [list(row) for row in energies]
        return balances if sql.startswith("SELECT account") else [[Decimal(5)]]

    found = ledger_differences(query, everybody, pricing, sent, date(2026, 5, 5))
    assert len(found) == spoilt
    energies[0] = (energies[0][0], MAY, energies[0][2] + 1)
    assert any(
        "Wh sent" in each for each in ledger_differences(query, everybody, pricing, sent, MAY)
    )


@pytest.mark.parametrize(
    ("now", "asked"),
    [
        ("2026-11-17T03:10:00+00:00", "2026-11-17T09:00"),
        ("2026-11-17T13:10:00+00:00", "2026-11-18T08:00"),
        ("2026-11-21T18:40:00+00:00", "2026-11-21T17:30"),
        ("2026-11-14T06:00:00+00:00", "2026-11-13T17:30"),
    ],
)
def test_the_dry_run_is_asked_at_a_time_at_which_the_policy_cuts(now: str, asked: str) -> None:
    """Ahead while what is known is fresh enough, else the last such time."""
    assert working_time(int(datetime.fromisoformat(now).timestamp())) == asked
