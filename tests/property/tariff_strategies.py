"""Tariffs and days of every shape the file format allows, small enough to shrink well."""

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from tests.property.slow_model import SlowDay, SlowRead

METERS = (7, 8)
LAYOUTS = (
    (("a", "00:00", "24:00"),),
    (("a", "06:00", "17:00"), ("b", "17:00", "23:00"), ("c", "23:00", "06:00")),
    (("a", "22:30", "05:30"), ("b", "05:30", "22:30")),
)
RATES = st.integers(0, 12_000_000).map(lambda micro: Fraction(micro, 1_000_000))
PAISE = st.integers(0, 30_000).map(lambda paise: Fraction(paise, 100))
UNITS = st.sampled_from(("0.000001", "0.01", "0.05", "1", "0.000003"))
MODES = st.sampled_from(("half-up", "half-even", "up", "down"))
STRETCHES = st.sampled_from(("interval", "day", "month"))


def written(value: Fraction) -> str:
    return f"{value.numerator / value.denominator:.6f}" if value.denominator != 1 else str(value)


@st.composite
def slab_lines(draw: DrawFn, *, rates: st.SearchStrategy[Fraction] = RATES) -> list[str]:
    edges = sorted(draw(st.sets(st.integers(1, 120), max_size=3)))
    items = [f"{{ up_to_kwh = {edge}, rate = {written(draw(rates))} }}" for edge in edges]
    return [*items, f"{{ rate = {written(draw(rates))} }}"]


@st.composite
def band_lines(draw: DrawFn, price: str) -> list[str]:
    lines = []
    rest = draw(st.booleans())
    if rest:
        weekdays = draw(st.sampled_from(('weekdays = ["sunday"]', "second_saturdays = true")))
        lines += ["[[day_types]]", 'name = "rest"', weekdays, "holidays = true"]
    groups = [("other", draw(st.sampled_from(LAYOUTS)))]
    groups += [("rest", draw(st.sampled_from(LAYOUTS)))] if rest else []
    for days, layout in groups:
        for name, start, end in layout:
            lines += ["[[bands]]", f'name = "{name}"', f'from = "{start}"', f'to = "{end}"']
            lines += [f'days = ["{days}"]', f"{price} = {draw(_band_price(price))}"]
    return lines


def _band_price(price: str) -> st.SearchStrategy[str]:
    if price == "percent":
        return st.integers(-10_000, 20_000).map(lambda n: f"{n / 100:.2f}")
    return (RATES if price == "rate" else st.just(Fraction(0)) | RATES).map(written)


@st.composite
def tariff_text(draw: DrawFn, first: str, components: list[str] | None = None) -> str:
    """A whole file; `first` is its first day."""
    names = ["energy", "time-of-day"] if components is None else components
    head = ['name = "t"', 'title = "t"', 'currency = "INR"', f"effective_from = {first}"]
    head += ["decimals = 2", 'calendar = "c"']
    price = draw(st.sampled_from(("none", "percent", "add", "rate")))
    head += [f'basis = "{draw(st.sampled_from(("kwh", "kvah")))}"']
    if price == "rate" or draw(st.booleans()):
        head += ['settlement_band = "a"'] if price != "none" else []
    head += [f"slabs = [{', '.join(draw(slab_lines()))}]"] if price != "rate" else []
    tables = draw(band_lines(price)) if price != "none" else []
    tables += _export(draw, kvah='basis = "kvah"' in head, bands=price != "none")
    tables += _fixed(draw, names)
    if draw(st.booleans()):
        of = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        tables += ["[minimum]", f"amount = {written(draw(PAISE))}", f"of = {_list(of)}"]
        tables += [f'per = "{draw(st.sampled_from(("connection", "kw")))}"']
    names += ["minimum", "fuel"]
    tables += _levies(draw, names)
    for name in draw(st.lists(st.sampled_from([*names, "default"]), unique=True, max_size=4)):
        tables += [f'[rounding."{name}"]', f"to = {draw(UNITS)}"]
        tables += [f'mode = "{draw(MODES)}"', f'at = "{draw(STRETCHES)}"']
    return "\n".join([*head, *tables]) + "\n"


def _list(names: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _export(draw: DrawFn, *, kvah: bool, bands: bool) -> list[str]:
    modes = ["none", "credit"] + ([] if kvah or bands else ["net", "net"])
    mode = draw(st.sampled_from(modes))
    if mode == "none":
        return []
    month = [f"surplus_month = {draw(st.integers(1, 4))}"] if mode == "net" else []
    return ["[export]", f'mode = "{mode}"', f"rate = {written(draw(RATES))}", *month]


def _fixed(draw: DrawFn, names: list[str]) -> list[str]:
    lines = []
    for index in range(draw(st.integers(0, 2))):
        names.append(f"fixed {index}")
        per = draw(st.sampled_from(("connection", "kw", "kva")))
        every = draw(st.sampled_from(("day", "month", "month-12-365")))
        lines += ["[[fixed]]", f'name = "fixed {index}"', f"amount = {written(draw(PAISE))}"]
        lines += [f'per = "{per}"', f'every = "{every}"']
        lines += ["credit = true"] if draw(st.booleans()) else []
        if per != "connection":
            lines += [f"load_step = {draw(st.sampled_from(('0.001', '0.5', '1')))}"]
            lines += [f"load_min = {draw(st.integers(0, 3))}"]
            floor = draw(st.integers(0, 100))
            lines += [f"demand_floor_percent = {floor}"] if every != "day" else []
    return lines


def _levies(draw: DrawFn, names: list[str]) -> list[str]:
    lines = []
    for index in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(("duty", "surcharge", "rebate", "subsidy")))
        lines += ["[[levies]]", f'name = "levy {index}"', f'kind = "{kind}"']
        only = draw(st.sampled_from(("", "prepaid", "postpaid")))
        lines += [f'only = "{only}"'] if only else []
        if draw(st.booleans()):
            of = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
            percent = draw(st.integers(0, 300_000)) / 10_000
            lines += [f"percent = {percent:.4f}", f"of = {_list(of)}"]
        else:
            lines += [f"slabs = [{', '.join(draw(slab_lines()))}]"]
        names.append(f"levy {index}")
    return lines


@st.composite
def account_span(draw: DrawFn) -> list[SlowDay]:
    """Up to twelve days around a month's end, with a tariff change somewhere in them."""
    start = draw(st.sampled_from((date(2026, 1, 25), date(2026, 2, 22), date(2024, 2, 24))))
    days = [start + timedelta(days=n) for n in range(draw(st.integers(1, 12)))]
    texts = [draw(tariff_text("2020-01-01")), draw(tariff_text("2020-01-02"))]
    change = draw(st.integers(0, len(days)))
    multipliers = {
        meter: draw(
            st.sampled_from(
                (Fraction(1), Fraction(40), Fraction(3, 2), Fraction(333_333, 1_000_000))
            )
        )
        for meter in METERS
    }
    holidays = draw(st.sets(st.sampled_from(days), max_size=2))
    loads = draw(st.sampled_from(((1, 1), (2, 5), (Fraction(1, 2), Fraction(9, 4)))))
    return [
        SlowDay(
            day=day,
            text=texts[0] if index < change else texts[1],
            payment=draw(st.sampled_from(("prepaid", "prepaid", "postpaid"))),
            load_kw=Fraction(loads[index * 2 // len(days)]),
            multipliers=multipliers,
            reads=draw(day_reads(day, index)),
            registers=draw(st.dictionaries(st.sampled_from(METERS), _TRIPLES, max_size=2)),
            fuel=draw(st.lists(st.integers(-900_000_000, 900_000_000), max_size=1)),
            holidays=holidays,
        )
        for index, day in enumerate(days)
    ]


_WH = st.integers(0, 60_000) | st.sampled_from((0, 1, 999, 1_000, 100_000))
_TRIPLES = st.tuples(_WH, _WH, _WH)


@st.composite
def day_reads(draw: DrawFn, day: date, index: int) -> list[SlowRead]:
    """A few intervals of two meters, some in several versions; versions never repeat."""
    midnight_s = (day - date(1970, 1, 1)).days * 86_400 - 19_800
    reads: list[SlowRead] = []
    for _ in range(draw(st.integers(0, 4))):
        interval_s = draw(st.sampled_from((900, 1_800, 1_800, 3_600)))
        slot = draw(st.integers(0, 86_400 // interval_s - 1))
        meter = draw(st.sampled_from(METERS))
        for _ in range(draw(st.integers(1, 2))):
            reads.append(
                SlowRead(
                    meter=meter,
                    start_s=midnight_s + slot * interval_s,
                    interval_s=interval_s,
                    imp_wh=draw(_WH | st.none()),
                    exp_wh=draw(_WH | st.none()),
                    imp_vah=draw(_WH | st.none()),
                    quality=draw(st.sampled_from((0, 0, 0, 1, 2, 3, 4))),
                    ver=1 + index * 100 + len(reads),
                )
            )
    return reads
