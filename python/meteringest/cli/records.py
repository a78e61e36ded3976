"""Commands about registry records: import a CSV file, list rows."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import BinaryIO, TextIO

import msgspec
from rich.console import Console
from rich.table import Table

from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.cli.reach import reach
from meteringest.config import load
from meteringest.csv_rows import CsvRows
from meteringest.errors import RegistryError
from meteringest.prepaid.ledger.forms import FORMS as MONEY_FORMS
from meteringest.progress import progress
from meteringest.registry.columns import FORMS as REGISTRY_FORMS
from meteringest.registry.rows import Listing

FORMS = {**REGISTRY_FORMS, **MONEY_FORMS}


def import_file(args: argparse.Namespace) -> int:
    """Checks every cell here, then hands the rows to whoever holds the registry."""
    config = load(args.config).config
    name = "standard input" if args.file == "-" else args.file
    rows = CsvRows(
        FORMS[args.table],
        name,
        problems_max=config.registry.import_problems_max,
        author=args.author,
    )
    with (
        opened(args.file) as lines,
        reach(config) as service,
        progress(f"reading {name}") as advance,
    ):
        done = service.import_rows(rows.parts(lines, advance))
    write_out(
        f"{name}: {done.rows:,} rows, {done.added:,} added, {done.changed:,} changed, "
        f"{done.unchanged:,} as they were\n"
    )
    if done.dcus_added:
        write_out(f"new concentrators: {', '.join(done.dcus_added)}\n")
    return Outcome.DONE


def list_rows(args: argparse.Namespace) -> int:
    """A table on a terminal, tab-separated lines elsewhere, JSON lines when asked."""
    with reach(load(args.config).config) as service:
        rows = service.list_rows(Listing(table=args.table, match=args.match, limit=args.limit))
    if args.json:
        write_out(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    elif sys.stdout.isatty():
        Console().print(_table(rows))
    else:
        lines = [list(rows[0]), *(row.values() for row in rows)] if rows else []
        write_out("".join("\t".join(map(str, line)) + "\n" for line in lines))
    return Outcome.DONE


def _table(rows: list[dict[str, object]]) -> Table:
    table = Table(*(rows[0] if rows else ("no rows",)))
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    return table


@contextmanager
def opened(file: str) -> Iterator[TextIO]:
    """The file, or standard input for -; bytes that are not UTF-8 show in their cell."""
    try:
        source: BinaryIO = sys.stdin.buffer if file == "-" else open(file, "rb")  # noqa: PTH123, SIM115 -- closed below
    except OSError as error:
        raise RegistryError(file, (f"cannot be read: {error.strerror}",)) from None
    with TextIOWrapper(source, "utf-8-sig", errors="surrogateescape", newline="") as lines:
        yield lines
