"""An inspected frame as indented lines for a person. Pure: answers in, text out."""

from collections.abc import Iterator
from typing import TypeAlias

from meteringest.obis_names import name_of, unit_of

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


INDENT = "  "
LOGICAL_NAME_BYTES = 6
CLOCK_BYTES = 12
YEARS = range(1970, 2106)


def readable(answer: dict[str, Json]) -> Iterator[str]:
    """The outcome first, then every APDU as a tree, then what was refused."""
    yield _plain(answer["outcome"])
    for apdu in _list(answer["apdus"]):
        if isinstance(apdu, dict):
            yield from _apdu(apdu, INDENT)
    for name, part in answer.items():
        if name not in ("id", "outcome", "apdus"):
            yield from _field(name, part, INDENT)


def _apdu(apdu: dict[str, Json], indent: str) -> Iterator[str]:
    for carrier in _list(apdu.get("carried_by")):
        if isinstance(carrier, dict):
            yield from _apdu(carrier, indent)
            indent += INDENT
    yield f"{indent}{apdu.get('apdu', '')}"
    for name, part in apdu.items():
        if name not in ("apdu", "carried_by"):
            yield from _field(name, part, indent + INDENT)


def _field(name: str, part: Json, indent: str) -> Iterator[str]:
    if isinstance(part, dict):
        yield from _record(name, part, indent)
    elif isinstance(part, list) and any(isinstance(each, (dict, list)) for each in part):
        yield f"{indent}{name}: {len(part)}"
        for number, each in enumerate(part, 1):
            yield from _field(str(number), each, indent + INDENT)
    elif isinstance(part, list):
        yield f"{indent}{name}: {', '.join(map(_plain, part))}"
    else:
        yield f"{indent}{name}: {_plain(part)}"


def _record(name: str, part: dict[str, Json], indent: str) -> Iterator[str]:
    """Data, an APDU inside another, a date-time, or fields that belong together."""
    match part:
        case {"t": str()}:
            yield from _tree(part, indent, f"{name}: ")
        case {"apdu": str()}:
            yield f"{indent}{name}:"
            yield from _apdu(part, indent + INDENT)
        case {"around": {"at": at, "before": str(before), "from": str(rest)}, **fields}:
            yield f"{indent}{name}: {_refusal(fields, at)}"
            yield f"{indent}{INDENT}{before} >> {rest or 'end'}"
        case {"raw": _, "local": local, "deviation_min": deviation, "status": status}:
            minutes = "unspecified" if deviation is None else f"{deviation} min"
            yield f"{indent}{name}: {local}  deviation {minutes}  status {status}"
        case _:
            yield f"{indent}{name}:"
            for inner, value in part.items():
                yield from _field(inner, value, indent + INDENT)


def _refusal(fields: dict[str, Json], at: Json) -> str:
    layer, offset, kind = (_plain(fields.get(name)) for name in ("layer", "offset", "kind"))
    there = "" if at is None else f", byte {_plain(at)} of what was given"
    return f"{kind} at offset {offset} of the {layer} layer{there}"


def _tree(node: dict[str, Json], indent: str, name: str = "") -> Iterator[str]:
    """A data tree: nested types with their count, others with their value and what it may mean."""
    kind, value = node["t"], node.get("v")
    if isinstance(value, list):
        yield f"{indent}{name}{kind} ({len(value)}){_scaled(value)}"
        for each in value:
            if isinstance(each, dict):
                yield from _tree(each, indent + INDENT)
    elif kind in ("octet-string", "date-time") and isinstance(value, str):
        yield f"{indent}{name}{kind} {value}{_hint(bytes.fromhex(value))}".rstrip()
    else:
        yield f"{indent}{name}{kind} {_plain(value) if value is not None else ''}".rstrip()


def _scaled(fields: list[Json]) -> str:
    """What a structure of a scaler and a unit says."""
    match fields:
        case [{"t": "integer", "v": int(scaler)}, {"t": "enum", "v": int(unit)}]:
            return f"  x 10^{scaler} {unit_of(unit)}"
        case _:
            return ""


def _hint(octets: bytes) -> str:
    """What an octet-string looks like: a logical name, a date-time, or text."""
    if len(octets) == LOGICAL_NAME_BYTES and octets[-1] == 0xFF:  # noqa: PLR2004 -- group F
        return f"  {'.'.join(map(str, octets))}  {name_of(octets)}".rstrip()
    if len(octets) == CLOCK_BYTES and int.from_bytes(octets[:2]) in YEARS:
        year, (month, day, _, hour, minute, second) = int.from_bytes(octets[:2]), octets[2:8]
        return f"  {year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
    text = octets.decode("latin-1")
    return f'  "{text}"' if text and text.isascii() and text.isprintable() else ""


def _plain(part: Json) -> str:
    match part:
        case None:
            return "-"
        case bool():
            return "yes" if part else "no"
        case _:
            return str(part)


def _list(part: Json) -> list[Json]:
    return part if isinstance(part, list) else []
