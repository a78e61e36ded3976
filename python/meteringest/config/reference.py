"""Every setting as a Markdown table, for docs/configuration.md; a test holds the page to it."""

from collections.abc import Iterator

import msgspec
from msgspec.inspect import DictType, Field, ListType, StructType, Type, VarTupleType, type_info

from meteringest.config.file import shapes
from meteringest.config.printed import default_of, meaning_of, toml
from meteringest.config.schema import Config


def reference() -> str:
    """Tables in the order of the schema, each after the one that holds it."""
    kind = type_info(Config)
    return "\n".join(_table(kind, "", "")) + "\n" if isinstance(kind, StructType) else ""


def _table(struct: StructType, path: str, meaning: str) -> Iterator[str]:
    about = meaning or (struct.cls.__doc__ or "").strip().split("\n")[0]
    yield from (f"### {path or 'Top level'}", "", about, "")
    yield from ("| setting | default | meaning |", "|---|---|---|")
    nested: list[str] = []
    for field in struct.fields:
        inner = _inner(field.type)
        name = field.encode_name
        if inner is None:
            yield f"| `{name}` | {_default(field)} | {_cell(meaning_of(field))} |"
        else:
            struct_inside, brackets = inner
            deeper = brackets.format(f"{path.strip('[]')}.{name}".strip("."))
            nested.extend(_table(struct_inside, deeper, meaning_of(field)))
    yield ""
    yield from nested


def _inner(kind: Type) -> tuple[StructType, str] | None:
    """The struct a field holds, and how its table is written."""
    for shape in shapes(kind):
        match shape:
            case StructType():
                return shape, "[{}]"
            case ListType(item_type=StructType() as item):
                return item, "[[{}]]"
            case VarTupleType(item_type=StructType() as item):
                return item, "[[{}]]"
            case _:
                continue
    return None


def _default(field: Field) -> str:
    if field.required:
        return "required"
    value = default_of(field)
    if value is None:
        return "not set"
    if any(isinstance(shape, DictType) for shape in shapes(field.type)):
        return "empty" if not value else f"`{msgspec.json.encode(value).decode()}`"
    return f"`{toml(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
