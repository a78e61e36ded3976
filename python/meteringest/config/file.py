"""The TOML file read: unknown fields, wrong types and missing secrets are named with their path.

Rule 1: the environment and settings files are read here and nowhere else.
Rule 2: this file knows no setting by name except the data folder; the schema says what exists.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

import msgspec
from msgspec.inspect import (
    DictType,
    EnumType,
    ListType,
    LiteralType,
    Metadata,
    StructType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)

from meteringest.config.schema import Config
from meteringest.errors import ConfigError
from meteringest.model import Secret

DEFAULT_FILE = Path("meteringest.toml")
SECRET_BYTES_MAX = 65_536


class UnusableError(ValueError):
    """A value that parses and still cannot be used; msgspec adds its path."""

    def __init__(self, found: str, problem: str) -> None:
        """`found` is the value, or only its name when it is a secret."""
        super().__init__(found, problem)

    def __str__(self) -> str:
        """The two in one line."""
        return " ".join(self.args)


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """The effective settings, and what of them the file itself said."""

    config: Config
    written: Mapping[str, object]
    file: Path | None


def load(file: Path | None = None) -> Loaded:
    """Reads `file`; without one ./meteringest.toml when it stands there, else only defaults.

    Relative paths in the file start at the file's own folder, so that a service finds the same
    data folder wherever it was started.
    """
    if file is None and not DEFAULT_FILE.exists():
        return Loaded(config=_convert({}, Path.cwd(), ""), written={}, file=None)
    file = file or DEFAULT_FILE
    written = _parse(file)
    problems = list(_unknown_fields(written, type_info(Config), "$"))
    if problems:
        raise ConfigError(str(file), "; ".join(problems))
    config = _convert(written, file.absolute().parent, str(file))
    return Loaded(config=config, written=written, file=file)


def _parse(file: Path) -> dict[str, object]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            str(file), "no such file; `meteringest config > FILE` writes one to start from"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), f"cannot be read: {error}") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(file), f"not TOML: {error}") from error


def _convert(written: Mapping[str, object], base: Path, file: str) -> Config:
    def decode(wanted: type, found: object) -> object:
        if wanted is Path and isinstance(found, str):
            return base / Path(found).expanduser()
        if wanted is Secret and isinstance(found, str):
            return _secret(found, base)
        raise UnusableError(type(found).__name__, "found where a string belongs")

    try:
        config = msgspec.convert(written, Config, dec_hook=decode)
    except msgspec.ValidationError as error:
        raise ConfigError(file, _reason(str(error))) from None
    return msgspec.structs.replace(config, data_dir=base / config.data_dir)


def _reason(words: str) -> str:
    """Says what msgspec said, and for a choice what could be chosen."""
    what, _, path = words.rpartition(" - at `")
    if not what:
        return words
    choices = _choices(path.rstrip("`")) if what.startswith("Invalid enum value") else []
    wanted = f"; wanted one of: {', '.join(choices)}" if choices else ""
    return f"{what} at `{path}{wanted}"


def _choices(path: str) -> list[str]:
    """What the setting at `path` may be, when that is a few words."""
    kinds: list[Type] = [type_info(Config)]
    for name in re.findall(r"\.(\w+)|\[[^]]+\]", path):
        inner = [
            _known(shape).get(name) if isinstance(shape, StructType) else _item(shape)
            for kind in kinds
            for shape in shapes(kind)
        ]
        kinds = [kind for kind in inner if kind is not None]
    return [word for kind in kinds for shape in shapes(kind) for word in _words(shape)]


def _words(shape: Type) -> list[str]:
    match shape:
        case LiteralType(values=values):
            return [str(value) for value in values]
        case EnumType(cls=choices):
            return [str(choice.value) for choice in choices]
        case _:
            return []


def _secret(written: str, base: Path) -> Secret:
    source, colon, name = written.partition(":")
    match source if colon else "":
        case "env":
            text = os.environ.get(name)
            if text is None:
                raise UnusableError(name, "is not set in the environment")
        case "file":
            text = _secret_file(base / Path(name).expanduser())
        case _:
            return Secret(written)
    if not text:
        raise UnusableError(written, "is empty")
    return Secret(text, written)


def _secret_file(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as lines:
            return lines.read(SECRET_BYTES_MAX).strip()
    except OSError as error:
        raise UnusableError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnusableError(str(path), "is not text") from None


def _unknown_fields(written: object, wanted: Type, path: str) -> Iterator[str]:
    """Every field the schema does not know, with the name that was probably meant."""
    for shape in shapes(wanted):
        known = _known(shape) if isinstance(shape, StructType) else None
        for step, name, value in _steps(written):
            inner = known.get(name) if known is not None else _item(shape)
            if inner is not None:
                yield from _unknown_fields(value, inner, path + step)
            elif known is not None:
                yield _unknown(name, list(known), path)


def shapes(wanted: Type) -> Iterator[Type]:
    """The types behind annotations and unions."""
    match wanted:
        case Metadata(type=inner):
            yield from shapes(inner)
        case UnionType(types=types):
            for each in types:
                yield from shapes(each)
        case _:
            yield wanted


def _steps(written: object) -> Iterator[tuple[str, str, object]]:
    """What stands one step further down: how the path goes on, the name, the value."""
    if isinstance(written, dict):
        yield from ((f".{name}", str(name), value) for name, value in written.items())
    elif isinstance(written, list):
        yield from ((f"[{index}]", str(index), value) for index, value in enumerate(written))


def _known(shape: StructType) -> dict[str, Type]:
    return {field.encode_name: field.type for field in shape.fields}


def _item(shape: Type) -> Type | None:
    match shape:
        case ListType(item_type=item) | VarTupleType(item_type=item):
            return item
        case DictType(value_type=value):
            return value
        case _:
            return None


def _unknown(name: str, known: list[str], path: str) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
    return f"unknown field `{name}` at `{path}`; {hint}"
