"""An import file: every bad cell is named by row and column, and no secret is shown."""

import tracemalloc
from io import BytesIO, StringIO, TextIOWrapper

import msgspec
import pytest
from tests.unit.registry_fakes import HEAD, KEY, parts

from meteringest.csv_rows import CsvRows, decoded
from meteringest.errors import RegistryError
from meteringest.registry.columns import FORMS
from meteringest.registry.rows import DCUS, METERS


def problems(text: str, table: str = METERS, problems_max: int = 100) -> tuple[str, ...]:
    with pytest.raises(RegistryError) as caught:
        parts(text, table, problems_max)
    return caught.value.problems


def test_good_rows_come_out_typed() -> None:
    text = (
        "Serial, system_title ,interval_s,time_policy,phase,account,active,encryption_key\n"
        f"S1,4d4d4d0000000001,900,fixed:+0530,3,18446744073709551615,no,{KEY.lower()}\n"
        "\n"
        'S2,,,,,,,""\n'
    )
    assert list(decoded(parts(text))) == [
        (
            2,
            {
                "serial": "S1",
                "system_title": "4D4D4D0000000001",
                "interval_s": 900,
                "time_policy": "fixed:+0530",
                "phase": "3ph",
                "account": 2**64 - 1,
                "active": 0,
                "encryption_key": bytes.fromhex(KEY),
            },
        ),
        (
            4,
            {
                "serial": "S2",
                "system_title": "",
                "interval_s": None,
                "time_policy": "",
                "phase": "1ph",
                "account": 0,
                "active": 1,
                "encryption_key": b"",
            },
        ),
    ]


def test_a_spreadsheet_s_mark_and_line_ends_are_taken() -> None:
    raw = BytesIO("\ufeffserial,village\r\nS1,पानीपत\r\n".encode())
    lines = TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
    rows = CsvRows(FORMS[METERS], "f", problems_max=9)
    assert [given for _, given in decoded(rows.parts(lines, lambda _: None))] == [
        {"serial": "S1", "village": "पानीपत"}
    ]


@pytest.mark.parametrize(
    ("column", "cell", "wanted"),
    [
        ("system_title", "4D4D", "found '4D4D'; wanted 16 hex digits"),
        ("interval_s", "7000", "found '7000'; wanted seconds from 60 to 43200 that divide a day"),
        ("interval_s", "-1", "found '-1'; wanted seconds"),
        ("interval_s", "९००", "wanted seconds"),
        ("security", "encypt", "wanted encrypt+authenticate, authenticate, encrypt or none"),
        ("time_policy", "fixed:530", "wanted ist, standard, indian, fixed:+0530"),
        ("phase", "2", "wanted 1 or 3"),
        ("sanctioned_load_w", "3.5", "found '3.5'; wanted whole watts"),
        ("account", "18446744073709551616", "wanted a whole number"),
        ("active", "maybe", "wanted yes or no"),
        ("village", "a\x07b", "printable bytes"),
        ("feeder", "x" * 201, "found '" + "x" * 40 + "…'"),
    ],
)
def test_a_bad_cell_says_where_what_and_what_is_wanted(column: str, cell: str, wanted: str) -> None:
    (problem,) = problems(f"serial,{column}\nS1,\nS2,{cell}\n")
    assert problem.startswith(f"row 3, column {column}: ")
    assert wanted in problem


def test_a_bad_serial_is_a_problem_too() -> None:
    found = problems("serial,village\n,x\n" + "9" * 24 + ",y\n")
    assert [each.split(":")[0] for each in found] == [
        "row 2, column serial",
        "row 3, column serial",
    ]
    assert "found nothing; wanted 1 to 23 printable bytes" in found[0]


@pytest.mark.parametrize("column", ["encryption_key", "authentication_key"])
def test_a_key_is_never_shown(column: str) -> None:
    almost = KEY[:-1] + "x"
    (problem,) = problems(f"serial,{column}\nS1,{almost}\n")
    assert problem == (
        f"row 2, column {column}: found 32 characters, 1 of them no hex digits "
        "(a secret is not shown); wanted 32 or 64 hex digits, or nothing"
    )
    assert KEY not in repr(parts(f"{HEAD}\nS1,,,{KEY},{KEY}\n"))


def test_all_problems_are_collected_by_row() -> None:
    text = "serial,phase,active\nS1,9,\nS2,1,9\nS1,1,1\nS4,1\nS5,7,7\n"
    assert [problem.split(":")[0] for problem in problems(text)] == [
        "row 2, column phase",
        "row 3, column active",
        "row 4, column serial",
        "row 5, 2 cells; wanted 3, as in the first row",
        "row 6, column phase",
        "row 6, column active",
    ]


def test_the_search_stops_at_its_limit() -> None:
    found = problems("serial,phase\n" + "".join(f"S{n},9\n" for n in range(50)), problems_max=5)
    assert len(found) == 6
    assert found[-1] == "… the search stopped after 5 problems"


def test_two_rows_may_not_share_a_serial_or_a_title() -> None:
    title = "4D4D4D0000000001"
    found = problems(f"serial,system_title\nS1,{title}\nS2,{title.lower()}\nS1,\n")
    assert found == (
        f"row 3, column system_title: {title} stands in row 2 already",
        "row 4, column serial: S1 stands in row 2 already",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "column serial: missing"),
        ("phase\n1\n", "column serial: missing"),
        ("serial,serail\n", "column 'serail': not known; wanted some of: serial, system_title"),
        ("serial,serial\n", "column serial: stands here twice"),
        ('serial\n"S1\n', "row 2, not CSV: "),
    ],
)
def test_a_bad_head_or_quote_is_named(text: str, said: str) -> None:
    assert said in problems(text)[0]


def test_bytes_that_are_not_utf8_are_named_in_their_row() -> None:
    raw = BytesIO(b"serial,village\n" + b"S1,caf\xe9\nS2,ok\n")
    lines = TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
    with pytest.raises(RegistryError, match="row 2, column village: found 'caf"):
        list(CsvRows(FORMS[METERS], "f", problems_max=9).parts(lines, lambda _: None))


def test_a_file_with_a_problem_hands_nothing_on_after_it() -> None:
    text = "serial,phase\nS0,9\n" + "".join(f"S{n},1\n" for n in range(1, 12_000))
    handed: list[object] = []
    rows = CsvRows(FORMS[METERS], "f", problems_max=9).parts(StringIO(text), lambda _: None)
    with pytest.raises(RegistryError):
        handed.extend(rows)
    assert handed == []


def test_concentrators_have_names_that_are_no_numbers() -> None:
    assert problems("name\n7\n", DCUS) == (
        "row 2, column name: found '7'; wanted 1 to 200 printable bytes, not only digits",
    )
    assert [given for _, given in decoded(parts("name,dcu\nDCU-7,\nDCU-8,8\n", DCUS))] == [
        {"name": "DCU-7", "dcu": None},
        {"name": "DCU-8", "dcu": 8},
    ]


def test_a_large_file_is_read_in_pieces() -> None:
    rows = 40_000
    text = StringIO(f"{HEAD}\n" + "".join(f"S{n},,D{n % 9},{KEY},{KEY}\n" for n in range(rows)))
    seen = 0
    tracemalloc.start()
    for part in CsvRows(FORMS[METERS], "f", problems_max=9).parts(text, lambda _: None):
        seen += len(msgspec.msgpack.decode(part.rows))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen == rows
    assert peak < 30 << 20
