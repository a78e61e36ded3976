"""An import file, read as a stream: every cell judged, every problem kept with its row and column.

Rule 1: no row leaves here unless its cells are all good; the last part leaves
only when the whole file was.
Rule 2: a row is called by its line, as an editor shows it.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TextIO

import msgspec
from msgspec import Struct

from meteringest.cells import Cell, Column, Form, WantedError
from meteringest.errors import RegistryError

PART_ROWS = 5_000
SHOWN_CHARACTERS_MAX = 40
REPEATED = 4

Line = tuple[int, list[str]]


class ImportPart(Struct, frozen=True, kw_only=True):
    """Some rows of one file: their lines there, and one value for each of `columns`.

    The rows stay encoded until they are needed: a million of them are then 150 MB and not 700.
    """

    table: str
    file: str
    columns: tuple[str, ...]
    lines: list[int]
    rows: msgspec.Raw
    author: str = ""

    def __repr__(self) -> str:
        """Without the rows, which hold keys."""
        return f"ImportPart({self.table!r}, {self.file!r})"


def decoded(parts: Iterable[ImportPart]) -> Iterator[tuple[int, dict[str, object]]]:
    """Each row with its line, decoded anew: encoded they are a fifth of the size."""
    for part in parts:
        rows = msgspec.msgpack.decode(part.rows, type=list[tuple[object, ...]])
        for line, values in zip(part.lines, rows, strict=True):
            yield line, dict(zip(part.columns, values, strict=True))


class Imported(Struct, frozen=True, kw_only=True):
    """What an import did."""

    rows: int
    added: int
    changed: int
    unchanged: int
    dcus_added: tuple[str, ...] = ()


class Problems:
    """What is wrong with a file, up to a limit."""

    def __init__(self, file: str, limit: int) -> None:
        """Gives up looking at `limit`."""
        self._file = file
        self._limit = limit
        self._found: list[tuple[int, str]] = []

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._found)

    def add(self, row: int, text: str) -> None:
        """Raises when there are enough of them."""
        self._found.append((row, text))
        if len(self._found) >= self._limit:
            self.check()

    def check(self) -> None:
        """Raises when there is any, by row."""
        if self._found:
            lines = [f"row {row}, {text}" for row, text in sorted(self._found, key=_row)]
            if len(lines) >= self._limit:
                lines.append(f"… the search stopped after {self._limit} problems")
            raise RegistryError(self._file, tuple(lines))


class CsvRows:
    """One file on its way in."""

    def __init__(self, form: Form, file: str, *, problems_max: int, author: str = "") -> None:
        """`file` is what the person called it, `author` who takes it in."""
        self._author = author
        self._table = form.table
        self._file = file
        self._columns = form.columns
        self._problems = Problems(file, problems_max)
        self._seen: dict[str, dict[object, int]] = {name: {} for name in form.unique}

    def parts(self, lines: TextIO, advance: Callable[[int], None]) -> Iterator[ImportPart]:
        """Parts to import; ends with RegistryError when the file holds anything bad.

        `lines` is opened with newline="" and errors="surrogateescape": bytes that are not UTF-8
        then show in their own cell instead of somewhere in a buffer.
        """
        reader = csv.reader(lines, strict=True)
        head = self._head(reader)
        rows = self._lines(reader, len(head))
        while chunk := list(islice(rows, PART_ROWS)):
            part = self._part(head, chunk)
            advance(len(chunk))
            if not self._problems:
                yield part
        self._problems.check()

    def _head(self, reader: Iterator[list[str]]) -> tuple[str, ...]:
        try:
            head = tuple(name.strip().lower() for name in next(reader, []))
        except csv.Error as error:
            raise RegistryError(self._file, (f"row 1: not CSV: {error}",)) from None
        known = ", ".join(self._columns)
        for name in head:
            if name not in self._columns:
                self._problems.add(1, f"column {name!r}: not known; wanted some of: {known}")
            elif head.count(name) > 1:
                self._problems.add(1, f"column {name}: stands here twice")
        for name, column in self._columns.items():
            if column.required and name not in head:
                self._problems.add(1, f"column {name}: missing; the first row names the columns")
        self._problems.check()
        return head

    def _lines(self, reader: Iterator[list[str]], width: int) -> Iterator[Line]:
        """Rows of the right width that are not empty."""
        while True:
            row = reader.line_num + 1  # type: ignore[attr-defined]
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._problems.add(row, f"not CSV: {error}; nothing after it was read")
                return
            if len(cells) == width:
                yield row, cells
            elif cells:
                self._problems.add(row, f"{len(cells)} cells; wanted {width}, as in the first row")

    def _part(self, head: tuple[str, ...], chunk: list[Line]) -> ImportPart:
        rows = [row for row, _ in chunk]
        columns = zip(*(cells for _, cells in chunk), strict=True)
        parsed = [
            self._column(name, rows, cells) for name, cells in zip(head, columns, strict=True)
        ]
        return ImportPart(
            table=self._table,
            file=self._file,
            author=self._author,
            columns=head,
            lines=rows,
            rows=msgspec.Raw(msgspec.msgpack.encode(list(zip(*parsed, strict=True)))),
        )

    def _column(self, name: str, rows: list[int], cells: tuple[str, ...]) -> list[object]:
        column = self._columns[name]
        try:
            values = _parsed(column.parse, cells)
        except WantedError:
            values = [
                self._cell(name, column, row, cell.strip())
                for row, cell in zip(rows, cells, strict=True)
            ]
        if name in self._seen:
            self._unique(name, rows, values)
        return values

    def _cell(self, name: str, column: Column, row: int, cell: str) -> object:
        try:
            return column.parse(cell)
        except WantedError as error:
            found = _described(error) if column.secret else _shown(cell)
            self._problems.add(row, f"column {name}: found {found}; wanted {column.wanted}")
            return None

    def _unique(self, name: str, rows: list[int], values: list[object]) -> None:
        seen = self._seen[name]
        for row, value in zip(rows, values, strict=True):
            if not value:
                continue
            first = seen.setdefault(value, row)
            if first != row:
                self._problems.add(row, f"column {name}: {value} stands in row {first} already")


def _parsed(parse: Cell, cells: tuple[str, ...]) -> list[object]:
    """Most columns repeat few values; those are parsed once each."""
    distinct: dict[str, object] = dict.fromkeys(cells)
    if len(distinct) * REPEATED > len(cells):
        return [parse(cell.strip()) for cell in cells]
    for cell in distinct:
        distinct[cell] = parse(cell.strip())
    return [distinct[cell] for cell in cells]


def _row(problem: tuple[int, str]) -> int:
    return problem[0]


def _described(error: WantedError) -> str:
    strange = f", {error.strange} of them no hex digits" if error.strange else ""
    return f"{error.characters} characters{strange} (a secret is not shown)"


def _shown(cell: str) -> str:
    if not cell:
        return "nothing"
    cut = cell if len(cell) <= SHOWN_CHARACTERS_MAX else cell[:SHOWN_CHARACTERS_MAX] + "…"
    return repr(cut)
