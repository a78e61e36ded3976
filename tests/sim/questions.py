"""What commands ask of the simulated ClickHouse about stored rows.

Rule 1: a question is known by a piece of its text; what is asked of it is in that text, too.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.blocks import Row
    from tests.sim.clickhouse import Table

Found = tuple[tuple[str, ...], list[tuple[object, ...]]]


def answer(
    tables: "Mapping[str, Table]", sql: str, parameters: Mapping[str, object]
) -> Found | None:
    """The columns and rows, or None for a question that is none of these."""
    if "FROM m.rejects_v" in sql:
        return ("reject",), _unresolved(tables, parameters)
    for pattern, answered in _ANSWERS.items():
        if found := pattern.match(sql):
            return answered(tables, found)
    return None


def _accepted(tables: "Mapping[str, Table]", found: re.Match[str]) -> Found:
    pairs = {(int(a), int(b)) for a, b in _PAIR.findall(found["pairs"])}
    rows = tables[found["table"]].every()
    taken = {(_int(row, "meter"), _int(row, "counter")) for row in rows}
    return ("meter", "counter"), sorted(pairs & taken)


def _counted(tables: "Mapping[str, Table]", found: re.Match[str]) -> Found:
    within = range(int(found["first"]), int(found["next"]))
    numbers = {_int(row, found["name"]) for row in tables[found["table"]].every()}
    return ("rows",), [(sum(number in within for number in numbers),)]


def _standing(tables: "Mapping[str, Table]", found: re.Match[str]) -> Found:
    names = ("meter", "interval_start", "ver", "counter")
    rows = _within(tables["m.reads"].final().values(), found, "interval_start")
    return names, [tuple(row[name] for name in names) for row in rows]


def _registers(tables: "Mapping[str, Table]", found: re.Match[str]) -> Found:
    if any(_within(tables["m.registers"].every(), found, "at")):
        raise AssertionError(found.string)
    return ("meter",), []


def _unresolved(
    tables: "Mapping[str, Table]", parameters: Mapping[str, object]
) -> list[tuple[object, ...]]:
    resolved = {key[:3] for key in tables["m.reject_resolutions"].rows}
    after = tuple(int(str(parameters[name])) for name in ("position", "dcu", "at_ms"))
    kind, meter = str(parameters["kind"]).encode(), parameters["meter"]
    rows = [
        row
        for row in tables["m.rejects"].final().values()
        if _key(row) not in resolved
        and row["raw"]
        and _key(row) > after
        and (not kind or row["kind"] == kind)
        and (not meter or row["meter"] in (0, meter))
        and _key(row)[2] >= int(str(parameters["since_ms"]))
    ]
    return [_reject(row) for row in sorted(rows, key=_key)[:PAGE_ROWS]]


def _reject(row: "Row") -> tuple[object, ...]:
    texts = (_bytes(row, "peer").decode(), _bytes(row, "raw").hex(), _bytes(row, "hint").hex())
    numbers = (row["meter"], row["counter"], row["flags"])
    return (*_key(row), *texts, _bytes(row, "part").decode(), *numbers)


def _key(row: "Row") -> tuple[int, int, int]:
    return _int(row, "position"), _int(row, "dcu"), _int(row, "at")


def _within(rows: "Iterable[Row]", found: re.Match[str], time: str) -> "list[Row]":
    meters = {int(each) for each in found["meters"].split(", ")}
    first, last = int(found["first"]), int(found["last"])
    return [row for row in rows if row["meter"] in meters and first <= _int(row, time) <= last]


def _int(row: "Row", name: str) -> int:
    return int(str(row[name]))


def _bytes(row: "Row", name: str) -> bytes:
    value = row[name]
    return value if isinstance(value, bytes) else b""


PAGE_ROWS = 500
_PAIR = re.compile(r"\((\d+), (\d+)\)")
_ACCEPTED = re.compile(
    r"SELECT DISTINCT meter, counter FROM (?P<table>[\w.]+) WHERE .* IN \((?P<pairs>.*)\)$"
)
_BETWEEN = (
    r"WHERE meter IN \((?P<meters>[\d, ]+)\) AND {} BETWEEN "
    r"toDateTime\((?P<first>\d+), 'UTC'\) AND toDateTime\((?P<last>\d+), 'UTC'\)"
)
_COUNTED = re.compile(
    r"SELECT uniqExact\((?P<name>\w+)\) FROM (?P<table>[\w.]+) "
    r"WHERE \w+ >= (?P<first>\d+) AND \w+ < (?P<next>\d+)$"
)
_STANDING = re.compile(r".* FROM m\.reads FINAL " + _BETWEEN.format("interval_start"))
_REGISTERS = re.compile(r".* FROM m\.registers " + _BETWEEN.format("at"))
_ANSWERS: "Mapping[re.Pattern[str], Callable[[Mapping[str, Table], re.Match[str]], Found]]" = {
    _ACCEPTED: _accepted,
    _COUNTED: _counted,
    _STANDING: _standing,
    _REGISTERS: _registers,
}
