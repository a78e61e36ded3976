"""The read contract: names, types and meaning, as a billing service without our code sees them.

`read_contract_v1.tsv` is the contract as it was promised. It is never edited for a view to change:
a column that must change becomes a view with the next number.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from tests.store.serving import client, serving

from meteringest.store.clickhouse import open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings

STATEMENTS = (Path(__file__).parent / "contract.sql").read_text().split(";;\n")
PROMISED = (Path(__file__).parent / "read_contract_v1.tsv").read_text()
PAGE = (Path(__file__).parents[2] / "docs" / "read-contract.md").read_text()
VIEWS = sorted({line.split("\t")[0] for line in PROMISED.splitlines()})


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An ordinary client of the endpoint of a process that serves the filled store."""
    folder = tmp_path_factory.mktemp("contract")
    store = open_store(StoreSettings(), folder)
    migrate(store, StoreSettings())
    for statement in STATEMENTS:
        store.run(statement)
    store.close()
    with serving(folder, mode="found") as port, client(port) as asking:
        yield asking


def rows(stranger: Client, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in stranger.query(sql).result_rows]


def test_every_column_is_as_it_was_promised(stranger: Client) -> None:
    found = rows(
        stranger,
        "SELECT table, name, type, comment FROM system.columns "
        "WHERE database = 'm' AND startsWith(table, 'v1_') ORDER BY table, position",
    )
    assert ["\t".join(map(str, row)) for row in found] == PROMISED.splitlines()


@pytest.mark.parametrize("view", VIEWS)
def test_answers_have_the_types_that_are_declared(stranger: Client, view: str) -> None:
    declared = [line.split("\t")[1:3] for line in PROMISED.splitlines() if line.startswith(view)]
    asked = ", ".join(f"toTypeName({name})" for name, _ in declared)
    (kinds,) = rows(stranger, f"SELECT {asked} FROM m.{view} LIMIT 1")  # noqa: S608
    assert list(kinds) == [kind for _, kind in declared]


@pytest.mark.parametrize("view", VIEWS)
def test_the_page_says_the_same(view: str) -> None:
    _, _, section = PAGE.partition(f"## m.{view}\n")
    table = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in section.partition("\n## ")[0].splitlines()
        if line.startswith("| `")
    ]
    declared = [line.split("\t")[1:] for line in PROMISED.splitlines() if line.startswith(view)]
    assert table == declared


def test_interval_reads_have_the_account_their_meter_served(stranger: Client) -> None:
    found = rows(
        stranger,
        "SELECT account, meter, serial, interval_start, import_wh, quality, version "
        "FROM m.v1_interval_reads ORDER BY meter, interval_start",
    )
    midnight = datetime(2026, 5, 3, 18, 30, tzinfo=UTC)
    noon = datetime(2026, 5, 4, 6, 30, tzinfo=UTC)
    assert [(*row[:3], _utc(row[3]), *row[4:]) for row in found] == [
        (100, 7, "S7", midnight, 1_500, "ESTIMATED", 14),
        (100, 8, "S8", noon, 300, "VALID", 11),
        (200, 9, "S9", midnight, 90, "SUSPECT", 12),
    ]


def test_days_of_consumption_leave_suspect_reads_out_and_count_them(stranger: Client) -> None:
    found = rows(
        stranger,
        "SELECT account, meter, day, import_wh, export_wh, import_vah, seconds, intervals, "
        "estimated, suspect, version FROM m.v1_daily_consumption ORDER BY meter",
    )
    day = date(2026, 5, 4)
    assert found == [
        (100, 7, day, 1_500, 5, 1_600, 43_200, 1, 1, 0, 14),
        (100, 8, day, 300, 0, 0, 43_200, 1, 0, 0, 11),
        (200, 9, day, 0, 0, 0, 0, 0, 0, 1, 12),
    ]


def test_charges_are_those_of_the_newest_snapshot(stranger: Client) -> None:
    found = rows(
        stranger,
        "SELECT kind, component, amount, energy_wh, over, version FROM m.v1_charges "
        "WHERE account = 100 ORDER BY amount",
    )
    assert found == [
        ("accrual", "energy", Decimal(3), Decimal(600), 1, 40),
        ("day", "fixed", Decimal(4), Decimal(0), 1, 40),
        ("accrual", "energy", Decimal("7.5"), Decimal("1500.000001"), 1, 40),
    ]


def test_every_version_of_a_day_stands_once(stranger: Client) -> None:
    found = rows(
        stranger,
        "SELECT version, current, over, amount, energy_wh FROM m.v1_charge_versions "
        "WHERE account = 100 ORDER BY version",
    )
    assert found == [
        (38, 0, 1, Decimal("13.25"), Decimal(1_900)),
        (40, 1, 1, Decimal("14.5"), Decimal("2100.000001")),
    ]


def test_statement_lines_add_up_to_the_balances(stranger: Client) -> None:
    found = rows(
        stranger,
        "SELECT account, prepaid, postpaid, arrears, last_recharge FROM m.v1_balances "
        "ORDER BY account",
    )
    assert found == [
        (100, Decimal("485.75"), Decimal(0), Decimal(-80), Decimal("500.25")),
        (200, Decimal(0), Decimal("-18.5"), Decimal(0), Decimal(0)),
    ]
    sums = rows(
        stranger,
        "SELECT account, book, sum(amount) FROM m.v1_statement_lines GROUP BY account, book "
        "ORDER BY account, book",
    )
    assert sums == [
        (100, "arrears", Decimal(-80)),
        (100, "prepaid", Decimal("485.75")),
        (200, "postpaid", Decimal("-18.5")),
    ]
    lines = rows(
        stranger,
        "SELECT day, kind, what, reference, amount, energy_wh FROM m.v1_statement_lines "
        "WHERE account = 100 AND book = 'prepaid' ORDER BY day, what",
    )
    assert lines == [
        (date(2026, 5, 3), "payment", "", "upi r1", Decimal("500.25"), Decimal(0)),
        (date(2026, 5, 4), "charge", "energy", "t1", Decimal("-10.5"), Decimal("2100.000001")),
        (date(2026, 5, 4), "charge", "fixed", "t1", Decimal(-4), Decimal(0)),
    ]


def test_a_corrected_bill_shows_its_difference(stranger: Client) -> None:
    found = rows(
        stranger,
        "SELECT bill, version, current, due, difference, energy_wh FROM m.v1_bills "
        "ORDER BY version",
    )
    assert found == [
        ("200-20260401", 1, 0, Decimal(100), Decimal(0), Decimal(5_000)),
        ("200-20260401", 2, 1, Decimal(98), Decimal(-2), Decimal(4_900)),
    ]


def test_the_watermark_says_what_is_stored_and_what_is_charged(stranger: Client) -> None:
    found = rows(stranger, "SELECT node, stored, charged FROM m.v1_watermark")
    assert found == [(1, 15, 13)]


def test_a_day_is_safe_to_bill_when_it_is_over_priced_and_complete(stranger: Client) -> None:
    found = rows(
        stranger,
        "SELECT account, toDayOfMonth(day), safe, reason, expected FROM m.v1_safe_to_bill "
        "ORDER BY account, day",
    )
    assert found == [
        (100, 4, 1, "", 2),
        (200, 4, 0, "held: quality_suspect", 2),
        (200, 5, 1, "", 2),
        (200, 6, 0, "1 of 2 reads", 2),
        (200, 7, 0, "the day is not over", 2),
    ]


def test_a_stranger_may_read_and_nothing_else(stranger: Client) -> None:
    for sql in ("INSERT INTO m.bills (account) VALUES (1)", "DROP VIEW m.v1_bills"):
        with pytest.raises(DatabaseError):
            stranger.command(sql)


def _utc(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value if value.tzinfo else value.replace(tzinfo=UTC)
