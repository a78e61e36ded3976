"""The demo's consumers: terms, opening balances and payments, as files that commands import.

Rule 1: everything follows from the account's number and the dates, so that whoever checks the
ledger afterwards can say what was sent without having kept it.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path

from msgspec import Struct

from meteringest.native import Fleet
from meteringest_sim.fleet import FleetSpec

IST = timedelta(hours=5, minutes=30)
AREA = "UP/Demo"
POSTPAID_EVERY = 20
HOSPITAL_EVERY = 97
PAYING_EVERY = 7
PAID_RUPEES = (50, 100, 200, 500)
OPENING_MAX = 600
RULES = ("domestic-slabs.toml", "calendar-2026.toml", "policy-uttar-pradesh.toml")


class Consumer(Struct, frozen=True, kw_only=True):
    """One account of the demo; amounts in whole rupees."""

    account: int
    meter: int
    serial: str
    load_w: int

    @property
    def prepaid(self) -> bool:
        """Most are."""
        return self.meter % POSTPAID_EVERY != 0

    @property
    def consumer_class(self) -> str:
        """A few may never be cut."""
        if not self.prepaid:
            return "government"
        return "hospital" if self.meter % HOSPITAL_EVERY == 0 else "home"

    @property
    def opening(self) -> int:
        """From next to nothing to more than a week's use; postpaid accounts begin at nothing."""
        return self.meter * 7_919 % OPENING_MAX + 1 if self.prepaid else 0

    @property
    def paid(self) -> int:
        """What it pays during the demo."""
        if self.meter % PAYING_EVERY:
            return 0
        return PAID_RUPEES[self.meter // PAYING_EVERY % len(PAID_RUPEES)]


def consumers(spec: FleetSpec, fleet: Fleet) -> Iterator[Consumer]:
    """One for each meter, under the account number that the registry's file gives it."""
    accounts = dict(_accounts(fleet.registry_csv()))
    for meter in range(spec.first_meter, spec.end_meter):
        serial, *_, load_w = fleet.meter(meter)
        yield Consumer(account=accounts[serial], meter=meter, serial=serial, load_w=load_w)


def _accounts(registry: bytes) -> Iterator[tuple[str, int]]:
    head, *rows = registry.decode().splitlines()
    at = head.split(",").index("account")
    for row in rows:
        cells = row.split(",")
        yield cells[0], int(cells[at])


def rules(folder: Path, this_year: int) -> list[Path]:
    """The shipped examples, their dates moved so that they are in force this year."""
    written = []
    for name in RULES:
        text = (resources.files("meteringest.prepaid") / "examples" / name).read_text()
        text = text.replace("2026", str(this_year))
        text = re.sub(r"effective_from = .*", f"effective_from = {this_year - 1}-01-01", text)
        file = folder / name
        file.write_text(text)
        written.append(file)
    return written


def write_accounts(folder: Path, everybody: list[Consumer], since: date) -> Path:
    """What `accounts import` takes."""
    file = folder / "accounts.csv"
    rows = [
        f"{each.account},{since},{'prepaid' if each.prepaid else 'postpaid'},example-domestic,"
        f"{each.consumer_class},{AREA},{each.load_w / 1_000:g},{each.opening}"
        for each in everybody
    ]
    head = "account,effective_from,payment,tariff,class,area,load_kw,opening"
    file.write_text("\n".join([head, *rows]) + "\n")
    return file


def write_payments(folder: Path, everybody: list[Consumer]) -> Path:
    """What `payments import` takes, as often as anybody likes."""
    file = folder / "payments.csv"
    rows = [f"{each.account},{each.paid}.00,upi,D{each.meter}" for each in everybody if each.paid]
    file.write_text("\n".join(["account,amount,origin,reference", *rows]) + "\n")
    return file


def local_day(at_s: int) -> date:
    """The Indian day of an instant."""
    return (datetime.fromtimestamp(at_s, UTC) + IST).date()
