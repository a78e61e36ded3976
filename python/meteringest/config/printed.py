"""The effective settings as TOML a person can read, change and load again.

Rule 1: every field stands with its meaning, its default and whether the file set it.
Rule 2: no secret is printed; a `file:` or `env:` reference is, a literal is not.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec.inspect import Field, Metadata, StructType, type_info

from meteringest.config.file import Loaded
from meteringest.model import Secret

WIDTH = 96


def printed(loaded: Loaded) -> str:
    """The whole file, ready to be loaded."""
    source = loaded.file or "no settings file: every value below is its default"
    head = [f"# meteringest: effective settings ({source})"]
    return "\n".join([*head, *_struct(loaded.config, loaded.written, "")]) + "\n"


def _struct(value: msgspec.Struct, written: object, path: str) -> Iterator[str]:
    """Plain fields first, then the tables: TOML has no way back out of a table."""
    said = written if isinstance(written, Mapping) else {}
    tables: list[str] = []
    for field in _fields(type(value)):
        name = field.encode_name
        now = getattr(value, field.name)
        if _is_table(now):
            tables.extend(_table(field, now, said.get(name), f"{path}{name}"))
        else:
            yield from _field(field, now, set_here=name in said)
    yield from tables


def _table(field: Field, now: object, written: object, path: str) -> Iterator[str]:
    meaning = meaning_of(field)
    if isinstance(now, msgspec.Struct):
        yield from ("", *_comment(meaning or _summary(now)), f"[{path}]")
        yield from _struct(now, written, f"{path}.")
    elif isinstance(now, Mapping):
        yield from ("", *_comment(meaning), f"[{path}]")
        for name, value in now.items():
            yield _pair(json.dumps(name), value)
    elif isinstance(now, list | tuple):
        rows = written if isinstance(written, list) else [{}] * len(now)
        for index, (value, said) in enumerate(zip(now, rows, strict=True)):
            yield from ("", *_comment(meaning if index == 0 else ""), f"[[{path}]]")
            yield from _struct(value, said, f"{path}.")


def _field(field: Field, now: object, *, set_here: bool) -> Iterator[str]:
    origin = "default"
    if set_here:
        origin = "set" if field.required else f"set; default {toml(default_of(field))}"
    yield from ("", *_comment(meaning_of(field)))
    yield f"{_pair(field.encode_name, now)}  # {origin}"


def _pair(name: str, value: object) -> str:
    if value is None or (isinstance(value, Secret) and not value.reference):
        return f"# {name} = {toml(value)}"
    return f"{name} = {toml(value)}"


def toml(value: object) -> str:
    """A value as TOML writes it, or a word in brackets where TOML has none."""
    text = str(value)
    if value is None:
        text = "(not set)"
    elif isinstance(value, bool):
        text = text.lower()
    elif isinstance(value, Secret):
        text = json.dumps(value.reference) if value.reference else "(set, not shown)"
    elif isinstance(value, Path | str):
        text = json.dumps(str(value), ensure_ascii=False)
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(toml(each) for each in value) + "]"
    return text


def _is_table(value: object) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and isinstance(value[0], msgspec.Struct)
    return isinstance(value, msgspec.Struct | Mapping)


def _fields(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    kind = type_info(struct)
    return kind.fields if isinstance(kind, StructType) else ()


def default_of(field: Field) -> object:
    """What the field is when nobody says."""
    if field.default_factory is not msgspec.NODEFAULT:
        made: object = field.default_factory()
        return made
    default: object = field.default
    return default


def meaning_of(field: Field) -> str:
    """The description given beside the type, where it stands anywhere around it."""
    kind = field.type
    while isinstance(kind, Metadata):
        described = (kind.extra_json_schema or {}).get("description")
        if described:
            return str(described)
        kind = kind.type
    return ""


def _summary(value: msgspec.Struct) -> str:
    return (type(value).__doc__ or "").strip().split("\n")[0]


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH)]
