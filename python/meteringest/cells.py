"""What may stand in a cell of an import file, and what is said when something else does.

Rule 1: a cell is judged by itself here; what needs the store is judged by whoever takes the rows.
Rule 2: of a column that holds a secret no message ever shows the cell.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")
Cell = Callable[[str], object]
YES_NO = {"": 1, "1": 1, "yes": 1, "true": 1, "y": 1, "0": 0, "no": 0, "false": 0, "n": 0}


class WantedError(ValueError):
    """A cell that cannot be taken."""

    def __init__(self, characters: int = 0, strange: int = 0) -> None:
        """Of a secret: how long it is, and how much of it is no hex digit."""
        super().__init__(characters, strange)
        self.characters = characters
        self.strange = strange


class Column(Struct, frozen=True):
    """How a cell is read. `parse` gets stripped text and raises WantedError."""

    parse: Cell
    wanted: str
    required: bool = False
    secret: bool = False


def text(least: int, most: int) -> Cell:
    """Printable, of so many bytes."""

    def parse(cell: str) -> str:
        if not (cell.isprintable() and least <= len(cell.encode()) <= most):
            raise WantedError
        return cell

    return parse


def whole(least: int, most: int, default: int | None = None) -> Cell:
    """A whole number between two, or `default` for nothing."""

    def parse(cell: str) -> int | None:
        if not cell:
            return default
        if not (cell.isascii() and cell.isdigit()) or not least <= int(cell) <= most:
            raise WantedError
        return int(cell)

    return parse


def choice(choices: Mapping[str, T]) -> Callable[[str], T]:
    """One of these words, in any case."""

    def parse(cell: str) -> T:
        if cell.lower() not in choices:
            raise WantedError
        return choices[cell.lower()]

    return parse


class Form(Struct, frozen=True):
    """One kind of import file: its columns, and those of which no two rows may share a value."""

    table: str
    columns: Mapping[str, Column]
    unique: tuple[str, ...] = ()
