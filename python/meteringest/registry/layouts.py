"""Profile layouts: the built-in TOML files, and a folder of one's own beside them.

A file with `table = "registers"` is a profile of registers or events (see profiles.py), one with
"model" a meter model (models.py), one with "zones" holds time zones (time_policies.py); the others
are layouts of interval reads, which meters are registered with.

Rule 1: a file is checked for shape here, with its name and path; what its columns and units mean
is checked once more by the decoder, which knows them.
Rule 2: a layout of one's own may not take the name of a built-in one: reads would change meaning.
"""

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from meteringest.errors import ConfigError
from meteringest.registry.models import Model
from meteringest.registry.profiles import PACKAGE, Obis, Profile
from meteringest.registry.time_policies import Zones

CaptureObject = Annotated[str, Meta(pattern=r"^\d{1,5}/\d{1,3}(\.\d{1,3}){5}/-?\d{1,3}$")]

FOLDERS = ("layouts", "zones")


class Field(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One element of a row."""

    obis: Obis
    column: Annotated[str, Meta(min_length=1)]
    attribute: Annotated[int, Meta(ge=-128, le=127)] = 2
    scaler: Annotated[int, Meta(ge=-128, le=127)] = 0
    unit: str | None = None


class Scaler(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a captured register's numbers are multiplied with, and their unit."""

    unit: str
    scaler: Annotated[int, Meta(ge=-128, le=127)] = 0


class Layout(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the rows of a profile mean."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    source: str
    body: Literal["push", "buffer", "flat"]
    logical_names: tuple[Obis, ...]
    fields: tuple[Field, ...] = ()
    capture_objects: tuple[CaptureObject, ...] = ()
    scalers: dict[Obis, Scaler] = {}

    def __post_init__(self) -> None:
        """What a row holds is said in one of two ways."""
        if bool(self.fields) == bool(self.capture_objects):
            raise ValueError("either fields or capture_objects must say what a row holds")  # noqa: TRY003 -- msgspec names the place


class Layouts(Struct, frozen=True):
    """All layouts of this service."""

    layouts: tuple[Layout, ...]
    profiles: tuple[Profile, ...] = ()
    models: Mapping[str, Model] = {}
    zones: Mapping[str, str] = {}

    @property
    def names(self) -> frozenset[str]:
        """What a meter's `layout` may say."""
        return frozenset(layout.name for layout in self.layouts)

    def json(self) -> bytes:
        """As the decoder takes them."""
        return msgspec.json.encode(self.layouts)

    def families_json(self) -> bytes:
        """The layouts of each model by the name they have together, as the decoder takes them."""
        models = self.models.values()
        return msgspec.json.encode({each.family: each.layouts for each in models if each.layouts})

    def profiles_json(self) -> bytes:
        """Profiles of registers and events, as the decoder takes them."""
        return msgspec.json.encode(self.profiles)


Part = Layout | Profile | Model


def load_layouts(own: Path | None = None) -> Layouts:
    """The built-in layouts and those in `own`; raises ConfigError with file and place."""
    taken: dict[tuple[type, str], str] = {}
    read: list[tuple[str, Part]] = []
    zones: dict[str, str] = {}
    for file, text in (*_built_in(), *_own(own)):
        part = _parse(file, text)
        if isinstance(part, Zones):
            zones.update(part.zones)
            continue
        kind = Model if isinstance(part, Model) else Layout
        if (kind, part.name) in taken:
            other = taken[kind, part.name]
            raise ConfigError(file, f"the {_NAMES[kind]} {part.name} stands in {other} too")
        taken[kind, part.name] = file
        read.append((file, part))
    return _checked(read, zones)


def _checked(read: list[tuple[str, Part]], zones: Mapping[str, str]) -> Layouts:
    layouts = Layouts(
        tuple(part for _, part in read if isinstance(part, Layout)),
        tuple(part for _, part in read if isinstance(part, Profile)),
        {part.name: part for _, part in read if isinstance(part, Model)},
        zones,
    )
    for file, part in read:
        if isinstance(part, Model):
            part.check(file, layouts.names, zones)
    return layouts


def _built_in() -> Iterator[tuple[str, str]]:
    for name in FOLDERS:
        folder = files(PACKAGE) / name
        for file in sorted(folder.iterdir(), key=lambda each: each.name):
            if file.name.endswith(".toml"):
                yield f"{name}/{file.name}", file.read_text(encoding="utf-8")


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


def _parse(file: str, text: str) -> Part | Zones:
    try:
        written = tomllib.loads(text)
        table = str(written.pop("table", "zones" if file.startswith("zones/") else ""))
        if table not in _TABLES:
            wanted = ", ".join(f'"{each}"' for each in sorted(_TABLES) if each)
            raise ConfigError(file, f"no table {table!r}: wanted {wanted}, or none for a layout")
        return msgspec.convert(written, _TABLES[table])
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, f"not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(file, str(error).replace(" - at `", " at `")) from None


_TABLES: dict[str, type[Part | Zones]] = {
    "": Layout,
    "registers": Profile,
    "model": Model,
    "zones": Zones,
}
_NAMES: dict[type, str] = {Model: "model", Layout: "layout"}
