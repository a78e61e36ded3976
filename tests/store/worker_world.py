"""A seeded world of accounts: tariffs that change, meters that are replaced, reads of every kind.

What is to be charged of all that: worker_truth.py. Energy that a meter sends outside its links is
sent here and not charged there.
"""

import tomllib
from collections import defaultdict
from datetime import date, timedelta
from random import Random

import msgspec
from tests.property.slow_model import SlowRead
from tests.unit.tariff_days import EXAMPLES

IST_S = 19_800
DAY_S = 86_400
OPEN_S = 2**32 - 1
CHANGE = timedelta(days=25)
MULTIPLIERS = (1_000_000, 1_000_000, 1_000_000, 40_000_000, 1_500_000, 333_333)
QUALITIES = (0,) * 14 + (1, 1, 2, 3, 4)
CALENDAR = (EXAMPLES / "calendar-2026.toml").read_text()
CALENDARS = (CALENDAR, CALENDAR.replace("2026-", "2027-"))
NET = """
name = "net"
title = "net metering"
currency = "INR"
effective_from = 2020-01-01
slabs = [{ up_to_kwh = 10, rate = 3 }, { rate = 5.25 }]
export = { mode = "net", rate = 2.1, surplus_month = 5 }
fixed = [{ name = "line", amount = 40 }]
levies = [{ name = "duty", kind = "duty", slabs = [{ rate = 0.05 }] }]
"""
DEMAND = """
name = "demand"
title = "on apparent energy and demand"
currency = "INR"
effective_from = 2020-01-01
basis = "kvah"
slabs = [{ rate = 6.5 }]
settlement_band = "day"
export = { mode = "credit", rate = 1.5 }
minimum = { amount = 900, of = ["energy", "line"] }
bands = [{ name = "night", from = "22:30", to = "05:30", percent = -15 },
{ name = "day", from = "05:30", to = "22:30", add = 0.35 }]
fixed = [{ name = "line", amount = 120, per = "kva", demand_floor_percent = 75, load_step = 0.5 }]
levies = [{ name = "rebate", kind = "rebate", percent = 2.5, of = ["energy"], only = "prepaid" }]
[rounding.energy]
to = 0.01
at = "day"
"""
FUEL = """
name = "fuel"
tariffs = ["example-domestic", "demand", "net"]
base_month = "2026-04"
charge_month = "2026-06"
percent = -14.5
"""


class Link(msgspec.Struct):
    """A meter of an account."""

    meter: int
    from_s: int
    to_s: int
    multiplier_ppm: int


class Terms(msgspec.Struct):
    """From a day on."""

    day: date
    payment: str
    tariff: str
    load_w: int
    by_order: bool = False
    """Begun by an order to the ledger, not by a row of an imported file."""


class Account(msgspec.Struct):
    """One consumer, and everything its meters ever sent."""

    number: int
    terms: list[Terms]
    links: list[Link]
    interval_s: int
    share_percent: int = 0
    instalment: int = 0
    """How arrears are recovered: of each recharge, and in a month."""
    sent: list[SlowRead] = []
    registers: dict[tuple[int, int], tuple[int, int, int]] = {}

    def terms_on(self, day: date) -> Terms:
        """Those in force; there are some."""
        return [each for each in self.terms if each.day <= day][-1]


class World:
    """`accounts` accounts over `days` days from 2026-04-10 on."""

    def __init__(self, seed: str, accounts: int, days: int) -> None:
        self.random = Random(seed)  # noqa: S311
        self.first = date(2026, 4, 10)
        self.days = [self.first + timedelta(days=n) for n in range(days)]
        self.tariffs = self._tariffs()
        self.accounts = [self._account(number) for number in range(1, accounts + 1)]
        for account in self.accounts:
            self._send(account)

    def _tariffs(self) -> list[tuple[int, str]]:
        """Versions, each with the part of the span after which it becomes known."""
        texts = []
        for name in ("flat", "domestic-slabs", "commercial-time-of-day"):
            text = (EXAMPLES / f"{name}.toml").read_text()
            changes = [str(self.first + CHANGE * n) for n in (1, 5, 9)]
            dearer, *dearest = (
                text.replace("rate = 5", f"rate = {6 + n}").replace("2026-04-01", change)
                for n, change in enumerate(changes)
            )
            texts += [(0, each) for each in (text, dearer, *dearest)]
            if name == "flat":
                again = dearer.replace('currency = "INR"', 'currency = "INR"\nrevision = 1')
                texts.append((60, again.replace("rate = 6", "rate = 7")))
        return [*texts, (0, NET), (0, DEMAND)]

    @property
    def names(self) -> list[str]:
        """Of the tariffs."""
        return sorted({tomllib.loads(text)["name"] for _, text in self.tariffs})

    def _account(self, number: int) -> Account:
        draw = self.random
        first = self.first if draw.random() < 0.7 else draw.choice(self.days[: len(self.days) // 3])
        tariff = draw.choice(self.names)
        load_w = draw.choice((500, 1_000, 2_000, 5_250))
        terms = [Terms(first, draw.choice(("prepaid", "postpaid")), tariff, load_w)]
        if draw.random() < 0.5:
            change = draw.choice(self.days[len(self.days) // 2 :])
            other = "prepaid" if terms[0].payment == "postpaid" else "postpaid"
            by_order = draw.random() < 0.6
            load_w = load_w if by_order else draw.choice((load_w, 3_000))
            terms.append(Terms(change, other, tariff, load_w, by_order))
        multiplier = draw.choice(MULTIPLIERS)
        meter = number * 10
        links = [Link(meter, 0, OPEN_S, multiplier)]
        if draw.random() < 0.3:
            at_s = midnight(draw.choice(self.days[3:])) + 3_600 * draw.randrange(1, 23)
            links[0].to_s = at_s
            links.append(Link(meter + 1, at_s, OPEN_S, draw.choice((multiplier, 1_000_000))))
        interval_s = draw.choice((1_800, 1_800, 1_800, 900, 3_600))
        share, instalment = draw.choice(((0, 0), (25, 0), (0, 300), (40, 155)))
        return Account(number, terms, links, interval_s, share, instalment, [], {})

    def _send(self, account: Account) -> None:
        draw = self.random
        register = defaultdict(lambda: [1_000, 2_000, 3_000])
        with_registers = draw.random() < 0.6
        for day in self.days:
            start_s = midnight(day)
            for link in account.links:
                if with_registers and draw.random() < 0.9:
                    account.registers[link.meter, start_s] = (*register[link.meter],)  # type: ignore[assignment]
                for slot in sorted(draw.sample(range(DAY_S // account.interval_s), 4)):
                    at_s = start_s + slot * account.interval_s
                    sent = self._versions(account, link.meter, at_s)
                    account.sent += sent
                    if link.from_s <= at_s < link.to_s:
                        register[link.meter][0] += sent[-1].imp_wh or 0
                        register[link.meter][1] += sent[-1].imp_vah or 0
                        register[link.meter][2] += sent[-1].exp_wh or 0
                register[link.meter][0] += draw.choice((0, 0, 37))

    def _versions(self, account: Account, meter: int, at_s: int) -> list[SlowRead]:
        """A read, and now and then a correction of it."""
        draw = self.random
        found = []
        for _ in range(draw.choice((1, 1, 1, 1, 2, 3))):
            wh = draw.randrange(3_000)
            found.append(
                SlowRead(
                    meter=meter,
                    start_s=at_s,
                    interval_s=account.interval_s,
                    imp_wh=wh,
                    exp_wh=draw.choice((0, 0, 0, 5_000)),
                    imp_vah=wh + draw.randrange(200) if draw.random() < 0.99 else None,
                    quality=draw.choice(QUALITIES),
                    ver=0,
                )
            )
        return found


def midnight(day: date) -> int:
    """The instant at which the Indian day begins."""
    return (day - date(1970, 1, 1)).days * DAY_S - IST_S
