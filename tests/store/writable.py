"""A policy that lets everything through, INSERT with its block included.

It makes the endpoint a stand-in for a ClickHouse server, so that the store's HTTP side can be
tried without one. Never part of the service.
"""

import re
from pathlib import Path
from tempfile import NamedTemporaryFile

from meteringest.store.face.policy import STREAMED_FORMATS, Task, quoted
from meteringest.store.face.question import Question


class Writable:
    """Takes any statement; a body after `INSERT … FORMAT x` goes through a file, as chDB wants."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def allow(self, question: Question) -> Task:
        found = _INSERT.match(question.sql)
        sets = ", ".join(f"{name} = {quoted(value)}" for name, value in question.settings.items())
        sql = self._insert(found, question.sql) if found else question.sql.decode()
        form = re.search(r"\bFORMAT\s+(\w+)\s*;?\s*$", sql)
        name = form[1] if form else question.default_format
        reads = bool(re.match(r"\s*(SELECT|WITH|SHOW|EXPLAIN|EXISTS|DESC)", sql, re.IGNORECASE))
        return Task(
            prepare=(
                *((f"USE {question.database}",) if question.database else ()),
                *((f"SET {sets}",) if sets else ()),
            ),
            sql=sql,
            format=name,
            parameters=question.parameters,
            reads=reads,
            streamed=reads and not question.whole and name in STREAMED_FORMATS,
        )

    def _insert(self, found: re.Match[bytes], sql: bytes) -> str:
        with NamedTemporaryFile(dir=self._folder, delete=False) as file:
            file.write(sql[found.end() :])
        return f"{found[1].decode()} FROM INFILE '{file.name}' FORMAT {found[2].decode()}"


_INSERT = re.compile(rb"\s*(INSERT INTO [\w.]+(?: \([^)]*\))?) FORMAT (\w+)\r?\n", re.DOTALL)
