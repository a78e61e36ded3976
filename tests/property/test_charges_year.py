"""A seeded year of the example tariffs, judged by the slow model day by day."""

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from random import Random

import pytest
from tests.property.slow_model import SlowDay, SlowRead, judge
from tests.property.test_charges import charge, sums
from tests.unit.tariff_days import EXAMPLES

from meteringest.prepaid.calendar_file import load_calendar

FIRST = date(2026, 4, 1)
DAYS = 365
QUALITIES = (0,) * 12 + (1, 2, 3, 4)
CALENDAR = load_calendar(EXAMPLES / "calendar-2026.toml")


def example(name: str) -> tuple[str, str]:
    """The tariff as shipped, and its next version from October on, a little dearer."""
    text = (EXAMPLES / name).read_text().replace('"example-2026"', '"c"')
    dearer = text.replace("rate = 5", "rate = 6").replace("2026-04-01", "2026-10-17")
    return text, dearer


def a_day(seed: Random, index: int, tariffs: tuple[str, str]) -> SlowDay:
    day = FIRST + timedelta(days=index)
    midnight_s = (day - date(1970, 1, 1)).days * 86_400 - 19_800
    reads = []
    for slot in sorted(seed.sample(range(48), 5)):
        for version in range(seed.choice((1, 1, 1, 2))):
            wh = seed.randrange(6_000)
            reads.append(
                SlowRead(
                    meter=7,
                    start_s=midnight_s + slot * 1_800,
                    interval_s=1_800,
                    imp_wh=wh,
                    exp_wh=seed.choice((0, 0, 0, 9_000)),
                    imp_vah=wh + seed.randrange(300),
                    quality=seed.choice(QUALITIES),
                    ver=index * 100 + slot * 2 + version,
                )
            )
    total = sum(read.imp_wh or 0 for read in reads)
    registers = {7: (total + 40, total + 900, 3_000)} if seed.random() < 0.5 else {}
    return SlowDay(
        day=day,
        text=tariffs[day >= date(2026, 10, 17)],
        payment="prepaid" if index > 90 else "postpaid",
        load_kw=Fraction(2 if index < 200 else 3),
        multipliers={7: Fraction(1), 8: Fraction(1)},
        reads=reads,
        registers=registers,
        fuel=[seed.randrange(-90_000_000, 90_000_000)] if day.month % 3 == 0 else [],
        holidays=set(CALENDAR.holidays),
    )


@pytest.mark.parametrize(
    "name", ["flat.toml", "domestic-slabs.toml", "commercial-time-of-day.toml"]
)
def test_a_year_of_an_example_is_that_of_the_slow_model(name: str) -> None:
    seed = Random(f"{name} 2026")  # noqa: S311
    span = [a_day(seed, index, example(name)) for index in range(DAYS)]
    done = charge(span)
    assert sums([line for day in done for line in day.lines]) == judge(span)
    held = Counter(each.reason for day in done for each in day.held)
    assert set(held) == {"quality_suspect", "quality_rejected"}
