"""What the endpoint passes on to the engine, and what it does not, whatever it is dressed as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meteringest.store.face.refusal import Refusal
from meteringest.store.face.statements import admit, check_parameters

READING = [
    "SELECT 1",
    "  select * from m.reads_v where meter = 7 ;",
    "-- a comment\nSELECT 1",
    "/* DROP TABLE m.reads */ SELECT 1",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SHOW TABLES FROM m",
    "DESCRIBE TABLE m.reads",
    "DESC m.reads",
    "EXISTS TABLE m.reads",
    "EXPLAIN SELECT 1",
    "SELECT 'DROP TABLE m.reads; -- it''s only text', 'file(\\'x\\')'",
    "SELECT kind FROM m.rejects_v WHERE kind = 'file'",
    "SELECT 1e5, 1.5E-3, 0xFF, 1_000, [1, 2][1], {'a': 1}, (1, 2).1, x -> x + 1",
    'SELECT "meter", `meter` FROM m.reads WHERE meter = {meter:UInt32}',
    "SELECT 1 FORMAT JSONEachRow",
]
WRITING = [
    "INSERT INTO m.reads VALUES (1)",
    "INSERT INTO FUNCTION file('/tmp/x', 'CSV', 'a String') VALUES ('x')",
    "DROP TABLE m.reads",
    "ALTER TABLE m.reads DELETE WHERE 1",
    "TRUNCATE TABLE m.reads",
    "OPTIMIZE TABLE m.reads FINAL",
    "RENAME TABLE m.reads TO m.gone",
    "SYSTEM SHUTDOWN",
    "SET readonly = 0",
    "USE system",
    "KILL QUERY WHERE 1",
    "GRANT ALL ON *.* TO default",
    "CREATE TABLE m.x (a Int8) ENGINE = Memory",
    "ATTACH TABLE m.x",
    "DETACH TABLE m.reads",
    "BACKUP DATABASE m TO File('/tmp/x')",
    "EXECUTE AS admin",
    "/* SELECT */ DROP TABLE m.reads",
    "--SELECT\nDROP TABLE m.reads",
]
REACHING = [
    "SELECT file('/etc/passwd')",
    "SELECT FiLe('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    "SELECT \"file\"('/etc/passwd')",
    "SELECT file /* */ ('/etc/passwd')",
    "SELECT * APPLY file FROM (SELECT '/etc/passwd')",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
    "EXPLAIN SELECT file('/etc/passwd')",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT 1 INTO\n--\nOUTFILE '/tmp/x'",
    "SELECT * FROM Python(settings)",
    "SELECT * FROM executable('x', 'CSV', 'a String')",
    "SHOW TABLES WHERE name = file('/etc/passwd')",
]
UNCLEAR = [
    "SELECT `fi\\x6ce`('/etc/passwd')",
    "SELECT \"fi\\x6ce\"('/etc/passwd')",
    "SELECT $a$ ' $a$, file('/etc/passwd'), $b$ ' $b$",
    "SELECT \u2018'\u2019, file(\u2018/etc/passwd\u2019), \u2018'\u2019",
    "SELECT 1file('/etc/passwd')",
    "SELECT 'unfinished",
    "SELECT `unfinished",
    "SELECT 1 # ' \n , file('/etc/passwd') # '",
    "SELECT '\0', 1",
    "SELECT 1 \\G",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE m.reads",
    "",
    "  -- nothing\n",
    ";",
]


@pytest.mark.parametrize("sql", READING)
def test_reading_passes(sql: str) -> None:
    assert admit(sql).sql


@pytest.mark.parametrize("sql", WRITING)
def test_writing_is_refused_by_name(sql: str) -> None:
    with pytest.raises(Refusal) as refused:
        admit(sql)
    assert (refused.value.code, refused.value.status) == (164, 403)
    assert "is not a reading statement" in str(refused.value)


@pytest.mark.parametrize("sql", REACHING + UNCLEAR)
def test_what_reaches_out_or_is_unclear_is_refused(sql: str) -> None:
    with pytest.raises(Refusal):
        admit(sql)


def test_comments_do_not_reach_the_engine() -> None:
    sql = "SELECT 1 /* a /* b */ , 2 -- c\n, 'd -- e /* f */'"
    assert admit(sql).sql == "SELECT 1   , 2  \n, 'd -- e /* f */'"


def test_the_format_asked_for_is_seen() -> None:
    assert admit("SELECT 1 FORMAT Native ;").format == "Native"
    assert admit("SELECT 1").format is None
    assert admit("SELECT 'FORMAT CSV'").format is None


@pytest.mark.parametrize("value", ["file", "m.file", "fi\\x6ce", "`file`", "FILE", "a b"])
def test_a_parameter_brings_no_name_in(value: str) -> None:
    with pytest.raises(Refusal):
        check_parameters(admit("SELECT {f:Identifier}('/etc/passwd')"), {"f": value})


def test_a_parameter_that_is_a_value_may_be_anything() -> None:
    check_parameters(admit("SELECT {f:String}"), {"f": "file"})
    check_parameters(admit("SELECT * FROM {t:Identifier}"), {"t": "m.reads_v"})


@given(st.text(alphabet="file('\"`-/*\n\\;x $#SELECT1,{}", max_size=40))
def test_no_admitted_statement_has_file_outside_a_text(tail: str) -> None:
    try:
        statement = admit("SELECT " + tail)
    except Refusal:
        return
    outside = _without_texts(statement.sql)
    assert "file" not in {word.lower() for word in _words(outside)}


def _without_texts(sql: str) -> str:
    """As the engine's lexer reads: backslash and doubled quotes continue a text or quoted name."""
    out, at = [], 0
    while at < len(sql):
        quote = sql[at]
        at += 1
        if quote not in "'`\"":
            out.append(quote)
            continue
        begun = at
        while sql[at] != quote or sql[at + 1 : at + 2] == quote:
            at += 2 if sql[at] in (quote, "\\") else 1
        out.append(" " if quote == "'" else f" {sql[begun:at]} ")
        at += 1
    return "".join(out)


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "_" else " " for c in text).split()
