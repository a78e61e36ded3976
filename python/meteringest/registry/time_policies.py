"""How a time policy is written, and the zones it may name.

    ist | standard | indian | ZONED | standard+ZONED | indian+ZONED
    ZONED = fixed:+0530 | civil:Europe/Zurich | standard-time:Europe/Oslo

Rule 1: the decoder knows no zones, only rules (IEEE 1003.1, TZ): names are replaced here.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

WANTED = "ist, standard, indian, fixed:+0530, civil:Europe/Zurich or standard-time:Europe/Oslo"
DEFAULT = "ist"

_NAME = r"<[A-Za-z0-9+-]{3,}>|[A-Za-z]{3,}"
_OFFSET = r"[+-]?\d{1,2}(?::[0-5]\d)?"
_DAY = r"M(?:[1-9]|1[0-2])\.[1-5]\.[0-6](?:/-?\d{1,3}(?::[0-5]\d)?)?"
RULE = rf"^(?:{_NAME}){_OFFSET}(?:(?:{_NAME})(?:{_OFFSET})?,{_DAY},{_DAY})?$"

_ZONED = r"(?:fixed:[+-](?:0\d|1[0-4])[0-5]\d|(?:civil|standard-time):[A-Za-z0-9_+/-]+)"
_WRITTEN = re.compile(rf"ist|standard|indian|(?:(?:standard|indian)\+)?{_ZONED}")
_IN_ZONE = re.compile(r"(civil|standard-time):(.+)")

Rule = Annotated[str, Meta(pattern=RULE)]


class Zones(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Zones by name, each with its rule."""

    source: str
    zones: dict[Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+/-]+$")], Rule]


def policy_of(cell: str) -> str | None:
    """The policy as it is kept, or None when it is none; nothing stays nothing."""
    head, colon, zone = cell.partition(":")
    policy = head.lower() + colon + zone
    return policy if not policy or _WRITTEN.fullmatch(policy) else None


def unknown_zone(policy: str, zones: Mapping[str, str]) -> str:
    """What is wrong with the zone a policy names; nothing when it is right."""
    named = _IN_ZONE.search(policy)
    if named is None or named[2] in zones:
        return ""
    near = get_close_matches(named[2], zones, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f'no zone {named[2]!r}: add it to a file with table = "zones"{hint}'


def ruled(policy: str, zones: Mapping[str, str]) -> str:
    """The policy as the decoder takes it: with its zone's rule in place of the name."""
    return _IN_ZONE.sub(lambda named: f"{named[1]}:{zones[named[2]]}", policy or DEFAULT)


def zones_of(written: object) -> Zones:
    """A file's zones; raises msgspec.ValidationError with the place."""
    return msgspec.convert(written, Zones)
