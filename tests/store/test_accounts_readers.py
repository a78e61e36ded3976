"""Rules, terms and links come out of the store as they count: newest, and nothing taken back."""

from datetime import date
from importlib import resources

from meteringest.columns import rows_block
from meteringest.prepaid.ledger.loading import RuleFile, Stamp, load
from meteringest.prepaid.ledger.rules import load_rules
from meteringest.prepaid.ledger.terms import OPEN_S, load_links, load_terms
from meteringest.prepaid.reads import MeterLink
from meteringest.prepaid.tariff import Payment
from meteringest.prepaid.tariff_file import parse
from meteringest.store.clickhouse import Store

TERMS = {
    "account": "UInt64",
    "effective_from": "Date",
    "payment": "String",
    "tariff": "String",
    "load_w": "UInt32",
    "recover_ppm": "UInt32",
    "recover_month": "Decimal(18, 6)",
    "ver": "UInt64",
}
LINKS = {
    "account": "UInt64",
    "meter": "UInt32",
    "from_time": "DateTime('UTC')",
    "to_time": "DateTime('UTC')",
    "multiplier_ppm": "UInt64",
    "removed": "UInt8",
    "ver": "UInt64",
}
RULES = {
    "kind": "String",
    "name": "String",
    "id": "String",
    "effective_from": "Date",
    "effective_to": "Date",
    "text": "String",
    "ver": "UInt64",
}


def test_of_two_terms_for_one_day_the_newer_counts(store: Store) -> None:
    april, may, june = date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)
    rows = [
        *[(1, may, "prepaid", "b", 2_000, 0, 5, 3), (1, april, "postpaid", "a", 1_000, 7, 0, 1)],
        *[(1, may, "prepaid", "wrong", 2_000, 1, 1, 2), (2, june, "prepaid", "c", 0, 0, 0, 4)],
    ]
    store.insert("m.account_terms", rows_block(TERMS, rows), "t")
    book = load_terms(store)
    assert book.accounts == {1, 2}
    assert book.on(1, date(2026, 3, 31)) is None
    old, new = book.on(1, date(2026, 4, 30)), book.on(1, may)
    assert old is not None
    assert (old.payment, old.tariff, old.load_w) == (Payment.POSTPAID, "a", 1_000)
    assert new is not None
    assert (new.payment, new.tariff, new.ver) == (Payment.PREPAID, "b", 3)
    assert (old.recovery.share_ppm, new.recovery.instalment) == (7, 5)
    assert load_terms(store, [2]).accounts == {2}


def test_a_meter_without_a_standing_link_serves_the_account_of_its_registry_row(
    store: Store,
) -> None:
    store.run(
        "INSERT INTO m.meters (meter, account, ver) VALUES (1,10,7), (2,20,7), (3,30,7), (4,0,7)"
    )
    rows = [
        *[(90, 2, 100, OPEN_S, 10**6, 0, 1), (90, 2, 100, 200, 4 * 10**6, 0, 2)],
        *[(91, 2, 200, OPEN_S, 10**6, 0, 2), (92, 3, 0, OPEN_S, 10**6, 0, 3)],
        (92, 3, 0, OPEN_S, 10**6, 1, 4),
    ]
    store.insert("m.account_meters", rows_block(LINKS, rows), "t")
    assert load_links(store) == {
        10: [MeterLink(meter=1, from_s=0, to_s=OPEN_S)],
        30: [MeterLink(meter=3, from_s=0, to_s=OPEN_S)],
        90: [MeterLink(meter=2, from_s=100, to_s=200, multiplier_ppm=4 * 10**6, ver=2)],
        91: [MeterLink(meter=2, from_s=200, to_s=OPEN_S, ver=2)],
    }
    assert load_links(store, [90, 10]).keys() == {90, 10}


def test_a_rule_keeps_the_id_it_was_loaded_under(store: Store) -> None:
    """A release that knows more fields would digest it otherwise; charges name the old id."""
    text = (resources.files("meteringest.prepaid") / "examples" / "flat.toml").read_text()
    tariff = parse(text)
    row = ("tariff", tariff.name, "0" * 16, tariff.effective_from, date(2149, 6, 6), text, 5)
    store.insert("m.rules", rows_block(RULES, [row]), "t")
    rules = load_rules(store)
    found = rules.tariff(tariff.name, tariff.effective_from)
    assert found == tariff
    assert found is not None
    assert found.id == "0" * 16
    assert rules.tariff_of("0" * 16) is found
    loading = load(rules, [RuleFile("flat.toml", text)], Stamp("a", 1, 6))
    assert (loading.rows, loading.files[0].new, loading.files[0].id) == ((), False, "0" * 16)


def test_rules_are_what_their_text_says(store: Store) -> None:
    text = (resources.files("meteringest.prepaid") / "examples" / "flat.toml").read_text()
    tariff = parse(text)
    row = ("tariff", tariff.name, tariff.id, tariff.effective_from, date(2149, 6, 6), text, 5)
    store.insert("m.rules", rows_block(RULES, [row]), "t")
    rules = load_rules(store)
    assert rules.tariff(tariff.name, tariff.effective_from) == tariff
    assert rules.tariff_of(tariff.id) == tariff
    assert [each.ver for each in rules.rows] == [5]
