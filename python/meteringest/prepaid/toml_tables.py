"""The text of a file of rules as tables; no text makes the reading itself fail.

Rule 1: figures are decimals exactly as written; a float never comes to be.
Rule 2: whole numbers are of 64 bits, as TOML promises; a larger one is somebody's slip.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation

from meteringest.errors import RulesError
from meteringest.prepaid.toml_lines import Path, line_of, written_path

WHOLE = range(-(2**63), 2**63)
TOO_LARGE = "is too large to be meant"
# Python turns no longer run of digits into a whole number.
_ENDLESS = re.compile(r"[0-9][0-9_]{4299,}")
_BEYOND_REASON = Decimal("1e999999")


def tables(text: str, file: str) -> dict[str, object]:
    """What the text holds, or a refusal."""
    try:
        found = tomllib.loads(text, parse_float=_decimal)
    except tomllib.TOMLDecodeError as error:
        raise RulesError(file, (f"{file}: not TOML: {error}",)) from error
    except RecursionError:
        raise RulesError(file, (f"{file}: not TOML: nested too deep to be meant",)) from None
    except ValueError:
        problem = f"{file}:{_endless_line(text)}: a whole number {TOO_LARGE}"
        raise RulesError(file, (problem,)) from None
    too_large = [path for path, number in _whole_numbers(found) if number not in WHOLE]
    if too_large:
        raise RulesError(file, tuple(_placed(text, file, path) for path in too_large))
    return found


def _decimal(written: str) -> Decimal:
    """An exponent no decimal holds is refused where its field is known, like any large one."""
    try:
        return Decimal(written)
    except InvalidOperation:
        return _BEYOND_REASON


def _endless_line(text: str) -> int:
    found = _ENDLESS.search(text)
    return 1 if found is None else text.count("\n", 0, found.start()) + 1


def _placed(text: str, file: str, path: Path) -> str:
    return f"{file}:{line_of(text, path)}: {written_path(path)}: {TOO_LARGE}"


def _whole_numbers(found: Mapping[str, object]) -> Iterator[tuple[Path, int]]:
    """Each with its place, in the order of the file; by a list of its own: tables nest deep."""
    waiting: list[tuple[Path, object]] = [((), found)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += reversed([((*path, key), each) for key, each in value.items()])
        elif isinstance(value, list):
            waiting += reversed([((*path, index), each) for index, each in enumerate(value)])
        elif isinstance(value, int):
            yield path, value
