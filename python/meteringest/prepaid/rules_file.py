"""A file of rules read: TOML into a struct, and every problem with its file, line and path.

Rule 1: what the file says is judged elsewhere; here it is only found.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from meteringest.errors import RulesError
from meteringest.prepaid import toml_lines
from meteringest.prepaid.calendar import FIRST_DAY, LAST_DAY
from meteringest.prepaid.money import (
    AMOUNT_MAX,
    MICRO,
    MICRO_DECIMALS,
    PPM,
    SHOWN_CHARACTERS_MAX,
    InexactError,
    micro,
    percent_ppm,
)
from meteringest.prepaid.toml_tables import TOO_LARGE, tables

Written = TypeVar("Written", bound=Struct)
FILE_BYTES_MAX = 1 << 20
MINUTES = 1_440
REVISION_MAX = 2**32 - 1
DAYS_MAX = 366
"""Longer than anybody waits for a payment, a read or a cut, and short enough to reckon dates."""
HOURS_MAX = 24 * DAYS_MAX
RATE_MAX = 1_000_000 * MICRO
"""Per kWh, kW, kVA or day: beyond it charges come near what the store cannot hold."""
MONTH_AMOUNT_MAX = 100 * RATE_MAX
"""Per connection and month."""
PERCENT_MAX = 1_000
NAME_BYTES_MAX = 100
_NAME = f"1 to {NAME_BYTES_MAX} printable bytes, without blanks around them"
_NO_NUMBER = "wanted a number, without quotes"
_CLOCK = re.compile(r"\d\d:\d\d")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")


class Figure(Decimal):
    """A number as TOML writes it; a text is none, whatever it looks like."""


class Problems:
    """What is wrong with one file; found all at once, told all at once."""

    def __init__(self, *, standing: bool = False) -> None:
        """Starts with none. `standing`: the rule was loaded once, and what was good then still is.

        One rule refused today would keep all others from being charged and decided by.
        """
        self.found: list[tuple[toml_lines.Path, str]] = []
        self._standing = standing

    def add(self, path: toml_lines.Path, reason: str) -> None:
        """One more."""
        self.found.append((path, reason))

    def unless_standing(self, path: toml_lines.Path, reason: str) -> None:
        """One more, which earlier releases did not know."""
        if not self._standing:
            self.add(path, reason)

    def whole(self, written: int, path: toml_lines.Path, most: int, least: int = 0) -> int:
        """The number; the nearer end, and a problem, when it lies outside."""
        if not least <= written <= most:
            self.unless_standing(path, f"{written}; wanted {least} to {most}")
        return min(max(written, least), most)

    def names(self, written: Iterable[tuple[toml_lines.Path, str]]) -> None:
        """A problem with each that a person could not read, type or tell from another."""
        for path, name in written:
            if name.strip() != name or not name.isprintable() or not _fits(name):
                shown = repr(name[:SHOWN_CHARACTERS_MAX])
                self.unless_standing(path, f"{shown}; wanted {_NAME}")

    def micro(
        self,
        written: Decimal,
        path: toml_lines.Path,
        decimals: int = MICRO_DECIMALS,
        most: int = AMOUNT_MAX,
    ) -> int:
        """The amount in micro-units, not below zero; 0 and a problem when it cannot be."""
        amount = self.signed_micro(written, path, decimals, most)
        if amount < 0:
            self.add(path, f"{written} has the wrong sign; wanted zero or more")
        return amount

    def signed_micro(
        self,
        written: Decimal,
        path: toml_lines.Path,
        decimals: int = MICRO_DECIMALS,
        most: int = AMOUNT_MAX,
    ) -> int:
        """The amount in micro-units with its sign; 0 and a problem when it cannot be."""
        try:
            amount = micro(written, decimals)
        except InexactError as error:
            self.add(path, str(error))
            return 0
        if abs(amount) > most:
            self.unless_standing(path, f"{written} {TOO_LARGE}; wanted {most // MICRO} at the most")
        return amount

    def ppm(self, written: Decimal, path: toml_lines.Path) -> int:
        """A percent as parts per million; 0 and a problem when it cannot be."""
        try:
            share = percent_ppm(written)
        except InexactError as error:
            self.add(path, str(error))
            return 0
        if abs(share) > PERCENT_MAX * PPM // 100:
            self.unless_standing(path, f"{written} {TOO_LARGE}; wanted {PERCENT_MAX} at the most")
        return share

    def minute(self, written: str, path: toml_lines.Path) -> int:
        """HH:MM as a minute of the day; 24:00 is the end of it."""
        hours, _, minutes = written.partition(":")
        reason = f"'{written}' is no time of day; wanted HH:MM from 00:00 to 24:00"
        if _CLOCK.fullmatch(written):
            if not written.isascii():
                self.unless_standing(path, reason)
            minute = int(hours) * 60 + int(minutes)
            if int(minutes) < 60 and minute <= MINUTES:  # noqa: PLR2004
                return minute
        self.add(path, reason)
        return 0

    def day(self, written: date | None, path: toml_lines.Path, instead: str = "") -> None:
        """A problem when the store cannot hold the day; `instead` says what may be written."""
        if written is not None and not FIRST_DAY <= written <= LAST_DAY:
            self.add(path, f"{written}; wanted {FIRST_DAY} to {LAST_DAY}{instead}")

    def last_day(self, written: date | None, path: toml_lines.Path) -> None:
        """The same of the end of a span, for which people like to write a day far away."""
        self.day(written, path, ", the last day there is")

    def revision(self, written: int) -> None:
        """A problem when the store cannot hold it."""
        if not 0 <= written <= REVISION_MAX:
            self.add(("revision",), f"{written}; wanted 0 to {REVISION_MAX}")

    def refuse(self, file: str, text: str) -> None:
        """Raises when there is anything wrong, one line each in the order of the file."""
        lines = sorted(
            (toml_lines.line_of(text, path), toml_lines.written_path(path), reason)
            for path, reason in self.found
        )
        if lines:
            raise RulesError(
                file,
                tuple(
                    f"{file}:{line}: {_printable(f'{path}: {why}')}" for line, path, why in lines
                ),
            )


def read_text(file: Path) -> str:
    """The file as text, or a refusal."""
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(FILE_BYTES_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise RulesError(str(file), (f"{file}: cannot be read: {error}",)) from error
    if len(text) > FILE_BYTES_MAX:
        raise RulesError(str(file), (f"{file}: larger than {FILE_BYTES_MAX} bytes",))
    return text


def convert(text: str, wanted: type[Written], file: str, *, standing: bool = False) -> Written:
    """The text as `wanted`; a typo, a wrong type or a missing field is refused with its line."""
    found = tables(text, file)
    try:
        return msgspec.convert(found, wanted, dec_hook=_any_figure if standing else _figure)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `")
        unknown = _UNKNOWN.search(what)
        path = toml_lines.path_of(where.rstrip("`")) + ((unknown[1],) if unknown else ())
        line, shown = toml_lines.line_of(text, path), toml_lines.written_path(path)
        raise RulesError(file, (f"{file}:{line}: {_printable(f'{shown}: {what}')}",)) from None


def _fits(name: str) -> bool:
    return 1 <= len(name.encode()) <= NAME_BYTES_MAX


def _printable(problem: str) -> str:
    """What the file holds is shown, but never acted upon by a terminal."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in problem
    )


def _figure(wanted: type, found: object) -> Figure:
    if wanted is not Figure or isinstance(found, bool) or not isinstance(found, int | Decimal):
        raise TypeError(_NO_NUMBER)
    return Figure(found)


def _any_figure(wanted: type, found: object) -> Figure:
    """Earlier releases took numbers in quotes; rules written so stand."""
    return Figure(found) if isinstance(found, str) else _figure(wanted, found)


def duplicates(names: Sequence[str]) -> list[int]:
    """The places at which a name stands that stood before."""
    return [index for index, name in enumerate(names) if name in names[:index]]
