"""What beside the block load a push may hold: profiles of registers, and what event codes mean.

Rule 1: a file is checked for shape here, with its name and path; what its columns and units mean
is checked once more by the decoder, which knows them.
Rule 2: a meaning says what a code is, never what to do about it.
"""

import tomllib
from importlib.resources import files
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from meteringest.errors import ConfigError

PACKAGE = "meteringest"
CODES_FOLDER = "event_codes"

Obis = Annotated[str, Meta(pattern=r"^\d{1,3}(\.\d{1,3}){5}$")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class ProfileField(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """One element of a row."""

    obis: Obis
    column: Literal["clock", "register", "time", "event", "alert", "ignored"]
    interface_class: Annotated[int, Meta(ge=0, le=65_535)] = msgspec.field(default=3, name="class")
    attribute: Annotated[int, Meta(ge=-128, le=127)] = 2
    scaler: Annotated[int, Meta(ge=-128, le=127)] = 0
    unit: str | None = None


class Profile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the rows of a profile of registers or events mean."""

    name: Name
    source: str
    profile: Name
    body: Literal["push", "buffer", "flat"]
    logical_names: tuple[Obis, ...]
    fields: Annotated[tuple[ProfileField, ...], Meta(min_length=1)]
    goes_with: tuple[str, ...] = ()
    period_s: Annotated[int, Meta(ge=0, le=31 * 86_400)] = 0


class EventCodes(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Meanings by number: bits of an alert, and codes of event logs."""

    source: str
    bits: dict[Annotated[int, Meta(ge=0, le=65_535)], Name]
    codes: dict[Annotated[int, Meta(ge=0, lt=1 << 32)], Name]


def load_event_codes() -> EventCodes:
    """All built-in meanings, of every file together; raises ConfigError with file and place."""
    bits: dict[int, str] = {}
    codes: dict[int, str] = {}
    sources: list[str] = []
    folder = files(PACKAGE) / CODES_FOLDER
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".toml"):
            continue
        try:
            read = msgspec.convert(
                tomllib.loads(file.read_text(encoding="utf-8")), EventCodes, strict=False
            )
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise ConfigError(f"{CODES_FOLDER}/{file.name}", str(error)) from None
        bits.update(read.bits)
        codes.update(read.codes)
        sources.append(read.source)
    return EventCodes(source="; ".join(sources), bits=bits, codes=codes)
