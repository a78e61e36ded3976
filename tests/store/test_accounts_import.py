"""Files of accounts, links and rules: taken whole, or every bad row told and nothing taken."""

import re
from datetime import date
from importlib import resources
from io import StringIO

import pytest

from meteringest.csv_rows import CsvRows, Imported, ImportPart
from meteringest.errors import RegistryError, RulesError
from meteringest.prepaid.arrears import RecoveryPlan
from meteringest.prepaid.ledger.forms import ACCOUNTS, FORMS, LINKS, PAYMENTS
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.ledger.loading import RuleFile
from meteringest.prepaid.ledger.terms import OPEN_S, load_links, load_terms
from meteringest.store.clickhouse import Store

EXAMPLES = resources.files("meteringest.prepaid") / "examples"
NOW_MS = 1_795_000_000_000
HEAD = "account,effective_from,payment,tariff,class,area,load_kw,recover_percent,opening,arrears"
FLAT = "example-flat"


def example(name: str) -> RuleFile:
    return RuleFile(name, (EXAMPLES / name).read_text())


@pytest.fixture
def ledger(store: Store) -> Ledger:
    made = Ledger(store, lambda: NOW_MS)
    made.load_rules([example("flat.toml")], "asha")
    store.run("INSERT INTO m.meters (meter, serial, account) VALUES (1, 'S1', 1), (2, 'S2', 2)")
    return made


def parts(table: str, *lines: str) -> list[ImportPart]:
    reader = CsvRows(FORMS[table], "f.csv", problems_max=50, author="asha")
    return list(reader.parts(StringIO("\n".join(lines)), lambda _: None))


def take(ledger: Ledger, *lines: str, table: str = ACCOUNTS) -> Imported:
    return ledger.import_rows(parts(table, *lines), 50)


def test_accounts_come_with_terms_and_balance_and_again_as_nothing_new(
    ledger: Ledger, store: Store
) -> None:
    assert FLAT in {each.name for each in ledger.rules().tariffs}
    rows = (
        HEAD,
        f"1,2026-04-01,prepaid,{FLAT},domestic,UP/Lucknow,2.5,25,-12.34,100",
        f"2,2026-04-01,postpaid,{FLAT},,,,,,",
        f"1,2026-06-01,prepaid,{FLAT},,,3,,,",
    )
    assert take(ledger, *rows) == Imported(rows=3, added=3, changed=0, unchanged=0)
    assert take(ledger, *rows) == Imported(rows=3, added=0, changed=0, unchanged=3)
    june = load_terms(store, [1]).on(1, date(2026, 6, 2))
    assert june is not None
    assert (june.load_w, june.area, june.account_class) == (3_000, "UP/Lucknow", "domestic")
    assert june.recovery == RecoveryPlan(share_ppm=250_000)
    balance = ledger.balance(1)
    assert (balance.prepaid, balance.arrears) == (-12_340_000, -100_000_000)
    assert store.ask("SELECT DISTINCT author FROM m.account_terms").rows == [("asha",)]


def test_every_bad_row_is_told_and_nothing_is_taken(ledger: Ledger, store: Store) -> None:
    take(ledger, HEAD, f"1,2026-04-01,prepaid,{FLAT},,,,,5,")
    before = store.ask("SELECT count() FROM m.account_terms").rows
    with pytest.raises(RegistryError) as caught:
        take(
            ledger,
            HEAD,
            f"4,2026-04-01,prepaid,{FLAT},,,,,,",
            f"1,2026-05-01,postpaid,{FLAT},,,,,,",
            "2,2026-05-01,postpaid,example-flt,,,,,,",
            f"1,2026-04-01,prepaid,{FLAT},,,,,6,",
            f"4,2026-04-01,prepaid,{FLAT},,,1,,,",
        )
    assert [line.split(";")[0] for line in caught.value.problems] == [
        "row 3, column payment: found postpaid",
        "row 4, column tariff: found 'example-flt'",
        "row 5, column opening: was brought in with 5.00 prepaid before",
        "row 6, column effective_from: 4 has terms from that day already in this file",
    ]
    assert "did you mean example-flat?" in caught.value.problems[1]
    assert store.ask("SELECT count() FROM m.account_terms").rows == before


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (f"x,2026-04-01,prepaid,{FLAT},,,,,,", "column account: found 'x'"),
        (f",2026-04-01,prepaid,{FLAT},,,,,,", "column account: found nothing"),
        (f"1,1.4.2026,prepaid,{FLAT},,,,,,", "column effective_from"),
        (f"1,2026-04-01,later,{FLAT},,,,,,", "wanted prepaid or postpaid"),
        (f"1,2026-04-01,prepaid,{FLAT},,,2.0005,,,", "kW with at most 3 decimals"),
        (f"1,2026-04-01,prepaid,{FLAT},,,-2,,,", "column load_kw"),
        (f"1,2026-04-01,prepaid,{FLAT},,,,101,,", "column recover_percent"),
        (f"1,2026-04-01,prepaid,{FLAT},,,,,1.005,", "column opening: found '1.005'"),
        (f"1,2026-04-01,prepaid,{FLAT},,,,,,-5", "column arrears: found '-5'"),
        (f"1,2026-04-01,prepaid,{FLAT}", "4 cells; wanted 10"),
    ],
)
def test_a_cell_that_cannot_be_is_shown_with_its_row(row: str, wanted: str) -> None:
    with pytest.raises(RegistryError, match=re.escape(wanted)):
        parts(ACCOUNTS, HEAD, row)


@pytest.mark.parametrize(
    ("table", "head", "row", "wanted"),
    [
        (LINKS, "account,serial,from", "1,S1,", "column from: found nothing"),
        (LINKS, "account,serial,from,multiplier", "1,S1,2026-04-01,0", "multiplier: found '0'"),
        (PAYMENTS, "account,amount,origin,reference", ",5,upi,r1", "column account: found nothing"),
        (PAYMENTS, "account,amount,origin,reference", "1,5,upi,", "column reference"),
    ],
)
def test_a_cell_that_cannot_be_empty(table: str, head: str, row: str, wanted: str) -> None:
    with pytest.raises(RegistryError, match=re.escape(wanted)):
        parts(table, head, row)


def test_a_meter_serves_one_account_at_a_time(ledger: Ledger, store: Store) -> None:
    head = "account,serial,from,to,multiplier"
    take(ledger, head, "7,S1,2026-04-01,2026-05-01,60", "8,S1,2026-05-01,,", table=LINKS)
    april, may = 1_774_981_800, 1_777_573_800  # local midnights
    links = load_links(store)
    assert {account for account in links if account != 2} == {7, 8}
    ((seven,), (eight,)) = links[7], links[8]
    assert (seven.from_s, seven.to_s, seven.multiplier_ppm) == (april, may, 60_000_000)
    assert (eight.from_s, eight.to_s, eight.multiplier_ppm) == (may, OPEN_S, 1_000_000)
    with pytest.raises(RegistryError) as caught:
        take(
            ledger,
            head,
            "9,S1,2026-06-01T10:00,,1",
            "9,S9,2026-06-01,,1",
            "9,S2,2026-06-01,2026-06-01,1",
            table=LINKS,
        )
    assert caught.value.problems == (
        "row 2, column from: the meter serves account 8 at that time already",
        "row 3, column serial: S9 is no meter of the registry",
        "row 4, column to: is not after `from`",
    )
    done = take(ledger, head, "8,S1,2026-05-01,2026-06-01,", "9,S1,2026-06-01,,1", table=LINKS)
    assert (done.added, done.changed) == (1, 1)
    assert load_links(store, [9])[9][0].from_s == 1_780_252_200


def test_rules_are_never_changed(ledger: Ledger, store: Store) -> None:
    flat = example("flat.toml")
    (again,) = ledger.load_rules([RuleFile("x.toml", f"# a comment\n{flat.text}")], "b")
    assert not again.new
    changed = RuleFile("flat.toml", re.sub(r'title = ".*"', 'title = "another"', flat.text))
    with pytest.raises(RulesError, match=r"flat.toml:\d+: version \w+ of example-flat already"):
        ledger.load_rules([example("domestic-slabs.toml"), changed], "b")
    assert {each.name for each in ledger.rules().tariffs} == {FLAT}
    lines = changed.text.splitlines()
    lines.insert(1, "revision = 1")
    (newer,) = ledger.load_rules([RuleFile("flat.toml", "\n".join(lines))], "b")
    assert newer.new
    found = ledger.rules().tariff(FLAT, newer.effective_from)
    assert found is not None
    assert (found.title, found.id) == ("another", newer.id)
    rows = store.ask("SELECT loaded_by, count() FROM m.rules FINAL GROUP BY loaded_by").rows
    assert sorted(rows) == [("asha", 1), ("b", 1)]


def test_what_a_rule_names_and_is_not_loaded_is_said(ledger: Ledger) -> None:
    slabs = example("commercial-time-of-day.toml")
    (alone,) = ledger.load_rules([slabs], "b")
    assert alone.notices == ("calendar example-2026 is not loaded",)
    calendar, again = ledger.load_rules([example("calendar-2026.toml"), slabs], "b")
    assert (calendar.kind, calendar.new, again.notices) == ("calendar", True, ())
    (tariff,) = [each for each in ledger.rules().tariffs if each.name != FLAT]
    assert ledger.rules().calendar("example-2026", date(2026, 5, 5)) is not None
    assert ledger.rules().calendar("example-2026", date(2031, 5, 5)) is None
    assert tariff.calendar == "example-2026"


def test_a_rule_may_name_what_a_file_after_it_brings(ledger: Ledger) -> None:
    names = ("commercial-time-of-day.toml", "fuel-2026-07.toml", "calendar-2026.toml")
    loaded = ledger.load_rules([*map(example, names), example("domestic-slabs.toml")], "b")
    assert [each.notices for each in loaded] == [()] * 4


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("nothing = 1", "f.toml:1: no file of rules"), ("= =", "f.toml: not TOML")],
)
def test_a_file_that_is_no_rule_is_refused(ledger: Ledger, text: str, wanted: str) -> None:
    with pytest.raises(RulesError, match=re.escape(wanted)):
        ledger.load_rules([RuleFile("f.toml", text)], "b")
