"""Profile layouts: the built-in TOML files, and a folder of one's own beside them.

A file with `table = "registers"` is a profile of registers or events (see profiles.py); the others
are layouts of interval reads, which meters are registered with.

Rule 1: a file is checked for shape here, with its name and path; what its columns and units mean
is checked once more by the decoder, which knows them.
Rule 2: a layout of one's own may not take the name of a built-in one: reads would change meaning.
"""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from meteringest.errors import ConfigError
from meteringest.registry.profiles import PACKAGE, Obis, Profile

FOLDER = "layouts"
REGISTERS = "registers"


class Field(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One element of a row."""

    obis: Obis
    column: Annotated[str, Meta(min_length=1)]
    attribute: Annotated[int, Meta(ge=-128, le=127)] = 2
    scaler: Annotated[int, Meta(ge=-128, le=127)] = 0
    unit: str | None = None


class Layout(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the rows of a profile mean."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    source: str
    body: Literal["push", "buffer", "flat"]
    logical_names: tuple[Obis, ...]
    fields: Annotated[tuple[Field, ...], Meta(min_length=1)]


class Layouts(Struct, frozen=True):
    """All layouts of this service."""

    layouts: tuple[Layout, ...]
    profiles: tuple[Profile, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """What a meter's `layout` may say."""
        return frozenset(layout.name for layout in self.layouts)

    def json(self) -> bytes:
        """As the decoder takes them."""
        return msgspec.json.encode(self.layouts)

    def profiles_json(self) -> bytes:
        """Profiles of registers and events, as the decoder takes them."""
        return msgspec.json.encode(self.profiles)


def load_layouts(own: Path | None = None) -> Layouts:
    """The built-in layouts and those in `own`; raises ConfigError with file and place."""
    taken: dict[str, str] = {}
    layouts: list[Layout] = []
    profiles: list[Profile] = []
    for file, text in (*_built_in(), *_own(own)):
        layout = _parse(file, text)
        if layout.name in taken:
            raise ConfigError(file, f"the layout {layout.name} stands in {taken[layout.name]} too")
        taken[layout.name] = file
        if isinstance(layout, Profile):
            profiles.append(layout)
        else:
            layouts.append(layout)
    return Layouts(tuple(layouts), tuple(profiles))


def _built_in() -> Iterator[tuple[str, str]]:
    folder = files(PACKAGE) / FOLDER
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            yield f"{FOLDER}/{file.name}", file.read_text(encoding="utf-8")


def _own(folder: Path | None) -> Iterator[tuple[str, str]]:
    if folder is None:
        return
    if not folder.is_dir():
        raise ConfigError("registry.layouts_dir", f"{folder} is no folder")
    for file in sorted(folder.glob("*.toml")):
        try:
            yield str(file), file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(str(file), f"cannot be read: {error}") from None


def _parse(file: str, text: str) -> Layout | Profile:
    try:
        written = tomllib.loads(text)
        if written.get("table") == REGISTERS:
            del written["table"]
            return msgspec.convert(written, Profile)
        return msgspec.convert(written, Layout)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, f"not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(file, str(error).replace(" - at `", " at `")) from None
