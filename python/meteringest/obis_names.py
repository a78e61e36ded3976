"""What logical names and unit codes are called, for people: from a file, looked up by parts.

Rule 1: a name that is not in the file has none: nothing is guessed from its neighbours.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

FILE = "obis_names.toml"
GROUPS = 6
ELECTRICITY = 1


class _Names(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file."""

    source: str
    objects: Mapping[str, str]
    quantities: Mapping[int, str]
    kinds: Mapping[int, str]
    units: Mapping[int, str]


def name_of(obis: bytes) -> str:
    """What the object of that logical name is; empty when nobody wrote it down."""
    if len(obis) != GROUPS:
        return ""
    a, b, c, d, e, _ = obis
    names = _names()
    for key in (f"{a}.{b}.{c}.{d}.{e}", f"{a}.*.{c}.{d}.{e}", f"{a}.*.{c}.{d}.*"):
        if key in names.objects:
            return names.objects[key]
    quantity, kind = names.quantities.get(c), names.kinds.get(d)
    if a != ELECTRICITY or quantity is None or kind is None:
        return ""
    return f"{quantity}, {kind}" + (f", tariff {e}" if e else "")


def unit_of(code: int) -> str:
    """A unit's symbol; its code where it has none here."""
    return _names().units.get(code, f"unit {code}")


@cache
def _names() -> _Names:
    text = (files("meteringest") / FILE).read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _Names, strict=False)
