"""What the ledger needs of a store."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Protocol

from meteringest.prepaid.money import micro

Row = tuple[object, ...]


class Answer(Protocol):
    """What a question comes back with."""

    @property
    def rows(self) -> Sequence[Row]:
        """All rows."""
        ...


class Engine(Protocol):
    """ClickHouse, embedded or served."""

    def ask(self, sql: str, parameters: Mapping[str, object] | None = None, /) -> Answer:
        """A question and its whole answer."""
        ...

    def insert(self, table: str, block: bytes, token: str, /) -> int:
        """One Native block; the same token twice inserts once."""
        ...


def whole(value: object) -> int:
    """A number of an answer."""
    return int(str(value))


def money(value: object) -> int:
    """An amount of an answer in micro-units."""
    return micro(value if isinstance(value, Decimal) else Decimal(str(value)))


def day(value: object) -> date:
    """A Date of an answer."""
    return value if isinstance(value, date) else date.fromisoformat(str(value))
