"""What may stand in each column of an import file, and what is said when something else does.

Rule 1: a cell is judged by itself here; what needs the registry is judged by the registrar.
Rule 2: of a column that holds a secret no message ever shows the cell.
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct

from meteringest.model import SecurityPolicy
from meteringest.registry.rows import DCUS, METERS

T = TypeVar("T")
Cell = Callable[[str], object]

SERIAL_BYTES_MAX = 23
TEXT_BYTES_MAX = 200
DAY_S = 86_400


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


def _text(least: int, most: int) -> Cell:
    def parse(cell: str) -> str:
        if not (cell.isprintable() and least <= len(cell.encode()) <= most):
            raise WantedError
        return cell

    return parse


def _whole(least: int, most: int, default: int | None = None) -> Cell:
    def parse(cell: str) -> int | None:
        if not cell:
            return default
        if not (cell.isascii() and cell.isdigit()) or not least <= int(cell) <= most:
            raise WantedError
        return int(cell)

    return parse


def _choice(choices: Mapping[str, T]) -> Callable[[str], T]:
    def parse(cell: str) -> T:
        if cell.lower() not in choices:
            raise WantedError
        return choices[cell.lower()]

    return parse


def _system_title(cell: str) -> str:
    if cell and not _TITLE.fullmatch(cell):
        raise WantedError
    return cell.upper()


def _key(cell: str) -> bytes:
    if cell and not _KEY.fullmatch(cell):
        raise WantedError(len(cell), sum(not _HEX_DIGIT.fullmatch(each) for each in cell))
    return bytes.fromhex(cell)


def _interval_s(cell: str) -> int | None:
    seconds = _whole(60, 43_200)(cell)
    if isinstance(seconds, int) and DAY_S % seconds:
        raise WantedError
    return seconds if isinstance(seconds, int) else None


def _time_policy(cell: str) -> str:
    if cell.lower() not in _TIME_POLICIES and not _FIXED.fullmatch(cell.lower()):
        raise WantedError
    return cell.lower() or "ist"


def _dcu(cell: str) -> int | str:
    """A number is a concentrator's number, anything else its name."""
    if cell.isascii() and cell.isdigit():
        return _number(cell)
    return str(_name(cell)) if cell else 0


def _dcu_name(cell: str) -> str:
    if cell.isdigit():
        raise WantedError
    return str(_text(1, TEXT_BYTES_MAX)(cell))


def _number(cell: str) -> int:
    number = _whole(0, 0xFFFF_FFFF)(cell)
    return number if isinstance(number, int) else 0


_TITLE = re.compile(r"[0-9a-fA-F]{16}")
_KEY = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")
_HEX_DIGIT = re.compile(r"[0-9a-fA-F]")
_FIXED = re.compile(r"fixed:[+-](0\d|1[0-4])[0-5]\d")
_TIME_POLICIES = frozenset({"", "ist", "standard", "indian"})
_name = _text(1, TEXT_BYTES_MAX)
_POLICIES: dict[str, str | None] = {"": None, **{each.value: each.value for each in SecurityPolicy}}
_YES_NO = {"": 1, "1": 1, "yes": 1, "true": 1, "y": 1, "0": 0, "no": 0, "false": 0, "n": 0}
_PHASES = {"": "1ph", "1": "1ph", "1ph": "1ph", "3": "3ph", "3ph": "3ph"}

METER_COLUMNS: dict[str, Column] = {
    "serial": Column(
        _text(1, SERIAL_BYTES_MAX), f"1 to {SERIAL_BYTES_MAX} printable bytes", required=True
    ),
    "system_title": Column(_system_title, "16 hex digits, or nothing"),
    "dcu": Column(_dcu, "a concentrator's name or number, or nothing"),
    "encryption_key": Column(_key, "32 or 64 hex digits, or nothing", secret=True),
    "authentication_key": Column(_key, "32 or 64 hex digits, or nothing", secret=True),
    "next_encryption_key": Column(_key, "32 or 64 hex digits, or nothing", secret=True),
    "next_authentication_key": Column(_key, "32 or 64 hex digits, or nothing", secret=True),
    "security": Column(_choice(_POLICIES), "encrypt+authenticate, authenticate, encrypt or none"),
    "layout": Column(_text(0, TEXT_BYTES_MAX), "the name of a profile layout, or nothing"),
    "interval_s": Column(_interval_s, "seconds from 60 to 43200 that divide a day"),
    "time_policy": Column(_time_policy, "ist, standard, indian or fixed:+0530"),
    "phase": Column(_choice(_PHASES), "1 or 3"),
    "sanctioned_load_w": Column(_whole(0, 0xFFFF_FFFF, 0), "whole watts"),
    "account": Column(_whole(0, 0xFFFF_FFFF_FFFF_FFFF, 0), "a whole number"),
    "feeder": Column(_text(0, TEXT_BYTES_MAX), f"at most {TEXT_BYTES_MAX} printable bytes"),
    "village": Column(_text(0, TEXT_BYTES_MAX), f"at most {TEXT_BYTES_MAX} printable bytes"),
    "active": Column(_choice(_YES_NO), "yes or no"),
}

DCU_COLUMNS: dict[str, Column] = {
    "name": Column(_dcu_name, "1 to 200 printable bytes, not only digits", required=True),
    "dcu": Column(_whole(1, 0xFFFF_FFFF), "a number from 1, or nothing to be given one"),
    "area": Column(_text(0, TEXT_BYTES_MAX), f"at most {TEXT_BYTES_MAX} printable bytes"),
    "active": Column(_choice(_YES_NO), "yes or no"),
}

COLUMNS = {METERS: METER_COLUMNS, DCUS: DCU_COLUMNS}
# No two rows of a file, and no two rows of the registry, may share one of these.
UNIQUE = {METERS: ("serial", "system_title"), DCUS: ("name", "dcu")}
