"""The judge of charges: a slow model in fractions that shares no code with what it judges.

It reads the tariff's TOML by itself, prices energy by overlapping intervals, and finds every
rounded amount by adding up everything that came before it in its stretch of time.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from math import ceil, floor

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
IST = timedelta(hours=5, minutes=30)
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
MICRO = 1_000_000


@dataclass(slots=True)
class SlowRead:
    """One version of one interval."""

    meter: int
    start_s: int
    interval_s: int
    imp_wh: int | None
    exp_wh: int | None
    imp_vah: int | None
    quality: int
    ver: int


@dataclass
class SlowDay:
    """All that one day of the account is charged from; `text` is its tariff's TOML."""

    day: date
    text: str
    payment: str
    load_kw: Fraction
    multipliers: dict[int, Fraction]
    reads: list[SlowRead]
    registers: dict[int, tuple[int, int, int]]
    fuel: list[int]
    holidays: set[date]


@dataclass
class Charge:
    """One component of one step: what it exactly is, and what was charged."""

    day: date
    version: int
    component: str
    exact: Fraction
    amount: int


@dataclass
class Slow:
    """One account, day after day."""

    charges: list[Charge] = field(default_factory=list)
    position: Fraction = Fraction(0)
    demand: dict[str, Fraction] = field(
        default_factory=lambda: {"kw": Fraction(0), "kva": Fraction(0)}
    )
    load_days: list[tuple[date, int, Fraction]] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    totals: dict[tuple[str, int, date], tuple[Fraction, int]] = field(
        default_factory=lambda: defaultdict(lambda: (Fraction(0), 0))
    )
    by_component: dict[tuple[str, date], list[Charge]] = field(
        default_factory=lambda: defaultdict(list)
    )
    now: SlowDay = field(init=False)
    tariff: dict = field(init=False)
    version: int = field(init=False)

    def add(self, today: SlowDay) -> None:
        if self.load_days and self.load_days[-1][0].month != today.day.month:
            self.position = min(self.position, Fraction(0))
            self.demand = {"kw": Fraction(0), "kva": Fraction(0)}
        self.now = today
        self.tariff = understood(today.text)
        if today.text not in self.versions:
            self.versions.append(today.text)
        self.version = self.versions.index(today.text)
        self.load_days.append((today.day, self.version, today.load_kw))
        charged = [self.interval(read) for read in self.usable()]
        for meter in sorted(today.registers):
            self.register(meter, [each for each in charged if each[0] == meter])
        self.day_charges()
        if (today.day + timedelta(days=1)).day == 1:
            self.month_end()

    # Energy

    def usable(self) -> list[SlowRead]:
        last: dict[tuple[int, int], SlowRead] = {}
        for read in sorted(self.now.reads, key=lambda each: each.ver):
            last[read.start_s, read.meter] = read
        basis = self.tariff.get("basis", "kwh")
        found, until = [], defaultdict(int)
        for key in sorted(last):
            read = last[key]
            billed = read.imp_wh if basis == "kwh" else read.imp_vah
            exporting = self.tariff.get("export", {}).get("mode", "none") != "none"
            lacks = billed is None or (exporting and read.exp_wh is None)
            demanded = {"kw": read.imp_wh, "kva": read.imp_vah}
            for each in self.tariff.get("fixed", []):
                lacks |= "demand_floor_percent" in each and demanded[each["per"]] is None
            if read.quality > 2 or lacks or read.start_s < until[read.meter]:
                continue
            if self.bands() and self.splits(read):
                until[read.meter] = read.start_s + read.interval_s
                continue
            until[read.meter] = read.start_s + read.interval_s
            found.append(read)
        return found

    def splits(self, read: SlowRead) -> bool:
        minutes = [self.minute(read.start_s + s) for s in range(0, read.interval_s, 60)]
        edges = {clock(band[edge]) % 1440 for band in self.bands() for edge in ("from", "to")}
        return any(minute in edges for minute in minutes[1:])

    @staticmethod
    def minute(at_s: int) -> int:
        local = EPOCH + timedelta(seconds=at_s) + IST
        return local.hour * 60 + local.minute

    def bands(self) -> list[dict]:
        kind = "other"
        for each in reversed(self.tariff.get("day_types", [])):
            day = self.now.day
            second = day.weekday() == 5 and 7 < day.day < 15
            if (
                WEEKDAYS[day.weekday()] in each.get("weekdays", [])
                or (each.get("holidays") and day in self.now.holidays)
                or (each.get("second_saturdays") and second)
            ):
                kind = each["name"]
        bands = self.tariff.get("bands", [])
        return [band for band in bands if kind in band.get("days", [kind])]

    def interval(self, read: SlowRead) -> tuple[int, Fraction, Fraction]:
        factor = self.now.multipliers[read.meter]
        hours = Fraction(read.interval_s, 3600)
        for unit, raw in (("kw", read.imp_wh), ("kva", read.imp_vah)):
            watts = floor((raw or 0) * factor / hours)
            self.demand[unit] = max(self.demand[unit], Fraction(watts, 1000))
        billed = read.imp_wh if self.tariff.get("basis", "kwh") == "kwh" else read.imp_vah
        imported, exported = Fraction(billed) * factor, Fraction(read.exp_wh or 0) * factor
        minute = self.minute(read.start_s)
        band = None
        for each in self.bands():
            start, end = clock(each["from"]), clock(each["to"])
            inside = start <= minute < end if start < end else not end <= minute < start
            band = each if inside else band
        self.energy(imported, exported, band)
        return read.meter, imported, exported

    def register(self, meter: int, charged: list[tuple[int, Fraction, Fraction]]) -> None:
        wh, vah, exp = self.now.registers[meter]
        factor = self.now.multipliers[meter]
        mode = self.tariff.get("export", {}).get("mode", "none")
        billed = wh if self.tariff.get("basis", "kwh") == "kwh" else vah
        imported = billed * factor - sum(each[1] for each in charged)
        exported = (exp * factor if mode != "none" else 0) - sum(each[2] for each in charged)
        if mode == "none":
            exported = Fraction(0)
        if imported == 0 and exported == 0:
            return
        name = self.tariff.get("settlement_band")
        named = [band for band in self.bands() if band["name"] == name]
        self.energy(imported, exported, named[0] if named else None)

    def energy(self, imported: Fraction, exported: Fraction, band: dict | None) -> None:
        export = self.tariff.get("export", {"mode": "none"})
        moved = imported - (exported if export["mode"] == "net" else 0)
        slabs = self.priced(self.tariff.get("slabs", []), moved)
        exact = {"energy": slabs}
        if band and "rate" in band:
            exact["energy"] = money(band["rate"]) * moved / 1000
        elif band and "percent" in band:
            exact["time-of-day"] = slabs * Fraction(band["percent"]) / 100
        elif band and "add" in band:
            exact["time-of-day"] = money(band["add"]) * moved / 1000
        if export["mode"] == "credit":
            exact["export"] = -money(export["rate"]) * exported / 1000
        self.step(exact, moved)

    def priced(self, slabs: list[dict], moved: Fraction) -> Fraction:
        low, high = sorted((self.position, self.position + moved))
        total, edge = Fraction(0), Fraction(0)
        for slab in slabs:
            top = Fraction(slab["up_to_kwh"]) * 1000 if "up_to_kwh" in slab else max(high, edge)
            overlap = max(Fraction(0), min(high, top) - max(low, edge))
            total += overlap * money(slab["rate"]) / 1000
            edge = top
        return total if moved >= 0 else -total

    # Rounding

    def step(self, exact: dict[str, Fraction], moved: Fraction = Fraction(0)) -> None:
        amounts = {name: self.charge(name, value) for name, value in exact.items()}
        for levy in self.tariff.get("levies", []):
            if levy.get("only", self.now.payment) != self.now.payment:
                continue
            sign = 1 if levy["kind"] in ("duty", "surcharge") else -1
            if "percent" in levy:
                base = sum(amounts.get(name, 0) for name in levy["of"])
                value = base * Fraction(levy["percent"]) / 100
            else:
                value = self.priced(levy["slabs"], moved)
            amounts[levy["name"]] = self.charge(levy["name"], sign * value)
        self.position += moved

    def charge(self, name: str, exact: Fraction) -> int:
        rules = self.tariff.get("rounding", {})
        rule = rules.get(name, rules.get("default", {"to": Fraction(1, 100)}))
        at, day = rule.get("at", "month"), self.now.day
        month = day.replace(day=1)
        total, charged = Fraction(0), 0
        if at != "interval":
            # A day's stretch is told from a month's by lying far off.
            begin = month if at == "month" else day + timedelta(days=40_000)
            total, charged = self.totals[name, self.version, begin]
        amount = nearest(total + exact, money(rule["to"]), rule.get("mode", "half-up")) - charged
        if at != "interval":
            self.totals[name, self.version, begin] = (total + exact, charged + amount)
        self.charges.append(Charge(day, self.version, name, exact, amount))
        self.by_component[name, month].append(self.charges[-1])
        return amount

    # Days and months

    def days_in_month(self) -> int:
        first = self.now.day.replace(day=1)
        return ((first + timedelta(days=31)).replace(day=1) - first).days

    def day_charges(self) -> None:
        exact = {each["name"]: self.fixed(each) for each in self.tariff.get("fixed", [])}
        if self.now.fuel:
            exact["fuel"] = Fraction(sum(self.now.fuel), self.days_in_month())
        self.step(exact)

    def fixed(self, fixed: dict) -> Fraction:
        load = Fraction(1)
        if fixed.get("per", "connection") != "connection":
            load = max(self.now.load_kw, Fraction(fixed.get("load_min", 0)))
            if "demand_floor_percent" in fixed:
                least = load * Fraction(fixed["demand_floor_percent"]) / 100
                load = max(least, self.demand[fixed["per"]])
            size = Fraction(fixed.get("load_step", Fraction(1, 1000)))
            load = ceil(load / size) * size
        rate = money(fixed["amount"]) * load * (-1 if fixed.get("credit") else 1)
        every = fixed.get("every", "month")
        share = {
            "day": Fraction(1),
            "month": Fraction(1, self.days_in_month()),
            "month-12-365": Fraction(12, 365),
        }[every]
        if "demand_floor_percent" not in fixed:
            return rate * share
        run = self.run()
        month = self.now.day.replace(day=1)
        earlier = [e.exact for e in self.by_component[fixed["name"], month] if e.day in run]
        return rate * share * len(run) - sum(earlier)

    def run(self) -> list[date]:
        """Days up to today, without a break, in this month, on this version and load."""
        same: list[date] = []
        for day, version, load in reversed(self.load_days):
            if (version, load, day.month) != (self.version, self.now.load_kw, self.now.day.month):
                break
            same.append(day)
        return same

    def month_end(self) -> None:
        exact, moved = {}, Fraction(0)
        month = self.now.day.replace(day=1)
        this_month = [
            e for (_, at), found in self.by_component.items() if at == month for e in found
        ]
        minimum = self.tariff.get("minimum")
        if minimum:
            load = (
                Fraction(1)
                if minimum.get("per", "connection") == "connection"
                else self.now.load_kw
            )
            days = len({day for day, _, _ in self.load_days if day.replace(day=1) == month})
            wanted = money(minimum["amount"]) * load * days / self.days_in_month()
            reached = sum(each.amount for each in this_month if each.component in minimum["of"])
            exact["minimum"] = max(Fraction(0), wanted - reached)
        export = self.tariff.get("export", {})
        if export.get("surplus_month") == month.month and self.position < 0:
            exact["surplus"] = money(export["rate"]) * self.position / 1000
            moved = -self.position
        self.step(exact, moved)

    def sums(self) -> dict[tuple[date, str], int]:
        found: dict[tuple[date, str], int] = defaultdict(int)
        for each in self.charges:
            found[each.day, each.component] += each.amount
        return {key: amount for key, amount in found.items() if amount}


@cache
def understood(text: str) -> dict:
    """A tariff as its TOML says it."""
    return tomllib.loads(text, parse_float=Fraction)


@cache
def money(written: object) -> Fraction:
    """Micro-units."""
    return Fraction(str(written)) * MICRO


@cache
def clock(written: str) -> int:
    return int(written[:2]) * 60 + int(written[3:])


def nearest(exact: Fraction, unit: Fraction, mode: str) -> int:
    size = abs(exact) / unit
    low = floor(size)
    match mode:
        case "down":
            count = low
        case "up":
            count = ceil(size)
        case "half-up":
            count = floor(size + Fraction(1, 2))
        case _:
            count = round(size)
    amount = count * unit * (-1 if exact < 0 else 1)
    return int(amount)


def judge(days: Iterable[SlowDay]) -> dict[tuple[date, str], int]:
    model = Slow()
    for day in days:
        model.add(day)
    return model.sums()
