"""The pages of the store name every column of every table, with its type, and every view."""

import re
from pathlib import Path

import pytest

from meteringest.store.migrate import clauses, migrations
from meteringest.store.settings import StoreSettings

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("store.md", "money-tables.md", "read-contract.md")
PAGE = "\n".join((DOCS / name).read_text() for name in PAGES)
TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (m\.\w+)\s*\((.*?)\n\)\nENGINE", re.DOTALL)
VIEW = re.compile(r"CREATE OR REPLACE VIEW (m\.\w+)")
COLUMN = re.compile(r"^    (\w+) +(\w+(?:\((?:[^()]|\([^)]*\))*\))?)", re.MULTILINE)


def tables() -> list[tuple[str, str]]:
    words = clauses(StoreSettings(), embedded=True)
    statements = [text for each in migrations() for text in each.statements(words)]
    return [(found[1], found[2]) for text in statements if (found := TABLE.search(text))]


@pytest.mark.parametrize(("table", "body"), tables(), ids=[table for table, _ in tables()])
def test_every_column_is_described(table: str, body: str) -> None:
    section = re.split(r"^##+ ", PAGE, flags=re.MULTILINE)
    text = next(part for part in section if table in part.splitlines()[0])
    columns = [found for found in COLUMN.findall(body) if found[0] not in {"CONSTRAINT", "INDEX"}]
    assert len(columns) > 3
    for name, kind in columns:
        assert f"| `{name}` | {kind} | " in text, name


def test_every_view_is_named() -> None:
    views = [view for each in migrations() for view in VIEW.findall(each.text)]
    assert len(views) > 8
    assert [view for view in views if view not in PAGE] == []
