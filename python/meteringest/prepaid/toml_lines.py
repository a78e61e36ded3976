"""Where in a TOML file a value stands: the parser tells no lines, a refusal needs one.

Rule 1: an answer is the value's own line, or that of the nearest table that holds it or is of it.
Rule 2: inline tables count as their line; the checks do not depend on any of this.
"""

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]
_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([\w.\"'-]+)\s*=")
_STEP = re.compile(r"\.([\w-]+)|\[(\d+|\.\.\.)\]")


def line_of(text: str, path: Path) -> int:
    """The line, from 1, of the value at `path`, or of what holds it."""
    best, line = 0, 1
    for number, here in _places(text):
        shared = min(len(here), len(path))
        if shared > best and path[:shared] == here[:shared]:
            best, line = shared, number
    return line


def _places(text: str) -> Iterator[tuple[int, Path]]:
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, written in enumerate(text.splitlines(), 1):
        heading = _TABLE.match(written)
        if heading:
            table = _table(heading[2], counts, is_array=heading[1] == "[[")
            yield number, table
        elif key := _KEY.match(written):
            yield number, (*table, *_names(key[1]))


def _table(name: str, counts: dict[Path, int], *, is_array: bool) -> Path:
    place: Path = ()
    for step in _names(name):
        place = (*place, step)
        if place in counts:
            place = (*place, counts[place] - 1)
    if is_array:
        place = place[:-1] if isinstance(place[-1], int) else place
        counts[place] = counts.get(place, 0) + 1
        place = (*place, counts[place] - 1)
    return place


def _names(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def path_of(words: str) -> Path:
    """The path msgspec prints, `$.slabs[0].rate`, as steps."""
    return tuple(
        name or (int(index) if index.isdigit() else 0) for name, index in _STEP.findall(words)
    )


def written_path(path: Path) -> str:
    """Steps as a person reads them."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).lstrip(".") or "the file"
