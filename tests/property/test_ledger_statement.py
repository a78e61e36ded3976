"""A statement adds up to the last micro-unit, whatever was corrected, converted, entered late."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from meteringest.prepaid.ledger.entries import Book, Entry, EntryKind
from meteringest.prepaid.ledger.statement import (
    CHARGES,
    CORRECTION,
    ChargeVersion,
    statement,
    sums,
)

START = date(2026, 4, 1)
DAYS = 6
IST = 330


def instant_ms(day: int, hour: int) -> int:
    midnight = datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(days=day)
    return int(midnight.timestamp() * 1_000) + (hour * 60 - IST) * 60_000


days = st.integers(0, DAYS - 1)
amounts = st.integers(-(10**9), 10**9)
components = st.dictionaries(st.sampled_from(("energy", "fixed", "duty")), amounts, max_size=3)


@st.composite
def histories(draw: st.DrawFn) -> list[ChargeVersion]:
    """Of every day some versions, the first ones before it was over, in rising order."""
    found = []
    for day in draw(st.sets(days)):
        count = draw(st.integers(1, 4))
        running = draw(st.integers(0, count))
        later = 0
        for ver in range(count):
            later += draw(st.integers(0, 3)) if ver >= running else 0
            found.append(
                ChargeVersion(
                    day=START + timedelta(days=day),
                    book=draw(st.sampled_from((Book.PREPAID, Book.POSTPAID))),
                    tariff=f"t{ver}",
                    components=draw(components),
                    energy_uwh=draw(st.integers(0, 10)),
                    over=ver >= running,
                    at_ms=instant_ms(day + later, 12),
                    ver=ver,
                )
            )
    return draw(st.permutations(found))


entries = st.lists(
    st.builds(
        lambda day, hour, book, amount, number: Entry(
            account=1,
            id=str(number),
            kind=EntryKind.ADJUSTMENT,
            book=book,
            amount=amount,
            origin="o",
            reference=str(number),
            paid_at=instant_ms(day, hour),
            at=0,
            ver=1,
        ),
        days,
        st.integers(0, 23),
        st.sampled_from(Book),
        amounts,
        st.integers(),
    ),
    max_size=10,
)


def naive(entries: Sequence[Entry], versions: Sequence[ChargeVersion]) -> dict[Book, int]:
    """Entries less the newest version of every day."""
    found = dict.fromkeys(Book, 0)
    for entry in entries:
        found[entry.book] += entry.amount
    newest: dict[date, ChargeVersion] = {}
    for each in versions:
        if each.day not in newest or newest[each.day].ver < each.ver:
            newest[each.day] = each
    for each in newest.values():
        found[each.book] -= sum(each.components.values())
    return found


@settings(max_examples=50)
@given(entries, histories(), days, days)
def test_opening_and_lines_come_to_closing_and_closing_to_the_balance(
    entries: list[Entry], versions: list[ChargeVersion], one: int, two: int
) -> None:
    first, last = START + timedelta(days=min(one, two)), START + timedelta(days=max(one, two))
    far = START + timedelta(days=3 * DAYS)
    found = statement(1, (first, last), entries, versions, IST)
    within = sums(found.lines)
    assert {book: found.opening[book] + within[book] for book in Book} == found.closing
    assert all(first <= line.day <= last for line in found.lines)
    before = statement(1, (START, first - timedelta(days=1)), entries, versions, IST)
    assert before.closing == found.opening
    assert statement(1, (START, far), entries, versions, IST).closing == naive(entries, versions)
    assert all(
        line.amount == -sum(line.components.values()) for line in found.lines if line.components
    )


@settings(max_examples=50)
@given(histories(), days)
def test_what_was_printed_stays_printed(versions: list[ChargeVersion], until: int) -> None:
    """Versions found after a day change nothing that a statement up to that day said."""
    last = START + timedelta(days=until)
    known = [each for each in versions if each.at_ms < instant_ms(until + 1, 0)]
    ended = {each.day for each in known if each.over}
    # A day whose end was not charged yet is the exception: its charges stand on it when they come.
    settled = [each for each in versions if each.day in ended]
    then = statement(1, (START, last), [], [each for each in known if each.day in ended], IST)
    assert statement(1, (START, last), [], settled, IST).lines == then.lines


def test_a_correction_is_a_signed_difference_on_the_day_it_was_found() -> None:
    def version(
        ver: int, at_ms: int, book: Book, *, over: bool = True, **components: int
    ) -> ChargeVersion:
        return ChargeVersion(
            day=START, book=book, tariff="t", components=components, over=over, at_ms=at_ms, ver=ver
        )

    versions = [
        version(3, instant_ms(0, 9), Book.PREPAID, over=False, energy=40),
        version(5, instant_ms(1, 0), Book.PREPAID, energy=100, duty=5),
        version(7, instant_ms(3, 23), Book.PREPAID, energy=90, duty=5, fixed=2),
        version(9, instant_ms(4, 1), Book.POSTPAID, energy=90, duty=5, fixed=2),
    ]
    found = statement(1, (START, START + timedelta(days=9)), [], versions, IST)
    shown = [(line.kind, (line.day - START).days, line.book, line.amount) for line in found.lines]
    assert shown == [
        (CHARGES, 0, Book.PREPAID, -105),
        (CORRECTION, 3, Book.PREPAID, 8),
        (CORRECTION, 4, Book.PREPAID, 97),
        (CORRECTION, 4, Book.POSTPAID, -97),
    ]
    assert found.lines[1].components == {"energy": -10, "fixed": 2}
    assert found.closing == {Book.PREPAID: 0, Book.POSTPAID: -97, Book.ARREARS: 0}
