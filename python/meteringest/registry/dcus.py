"""Concentrators: their names and numbers.

Rule 1: a name is given its number on first sight, in a file of its own or in a meter's row, and
keeps it; a number that stands where a name may stand is taken as it is.
"""

from collections.abc import Iterable, Iterator

import msgspec

from meteringest.csv_rows import Imported, ImportPart, Problems, decoded
from meteringest.registry.rows import DCUS, Dcu, RegistryStore


class DcuNames:
    """Names to numbers, for those who take connections."""

    def __init__(self) -> None:
        """Empty until replaced."""
        self._numbers: dict[str, int] = {}

    def replace(self, rows: Iterable[tuple[object, ...]]) -> None:
        """Takes the place of what was known."""
        dcus = (Dcu(*row) for row in rows)  # type: ignore[arg-type]
        self._numbers = {dcu.name: dcu.dcu for dcu in dcus if dcu.active}

    def number(self, name: str, /) -> int | None:
        """The number of the concentrator in use called `name`."""
        return self._numbers.get(name)


class DcuNumbers:
    """All concentrators while an import runs, and those it adds."""

    def __init__(self) -> None:
        """Reads nothing yet."""
        self._by_name: dict[str, Dcu] = {}
        self._by_number: dict[int, Dcu] = {}
        self._new: list[Dcu] = []
        self.ver = 1

    def load(self, store: RegistryStore) -> None:
        """Reads them all: there are thousands, not millions."""
        for row in store.load(DCUS):
            dcu = Dcu(*row)  # type: ignore[arg-type]
            self._by_name[dcu.name] = self._by_number[dcu.dcu] = dcu
            self.ver = max(self.ver, dcu.ver + 1)

    def named(self, name: str) -> Dcu | None:
        """The concentrator called `name`."""
        return self._by_name.get(name)

    def numbered(self, number: int) -> Dcu | None:
        """The concentrator with `number`."""
        return self._by_number.get(number)

    def number(self, found: object) -> int:
        """A number as it is; a name's number, given now if it has none."""
        if isinstance(found, int):
            return found
        return (self.named(str(found)) or self.add(str(found), 0)).dcu

    def add(self, name: str, number: int) -> Dcu:
        """A new concentrator; `number` 0 takes the next one."""
        dcu = Dcu(number or max(self._by_number, default=0) + 1, name, ver=self.ver)
        self._by_name[name] = self._by_number[dcu.dcu] = dcu
        self._new.append(dcu)
        return dcu

    def save_new(self, store: RegistryStore) -> tuple[str, ...]:
        """Saves what was added and returns the names."""
        if self._new:
            store.save(DCUS, self._new)
        return tuple(dcu.name for dcu in self._new)


def import_dcus(parts: list[ImportPart], store: RegistryStore, problems_max: int) -> Imported:
    """All rows of one file of concentrators, or none."""
    known = DcuNumbers()
    known.load(store)
    problems = Problems(parts[0].file, problems_max)
    for row, given in decoded(parts):
        for fault in _faults(given, known):
            problems.add(row, fault)
    problems.check()
    rows = [given for _, given in decoded(parts)]
    # Numbers that the file itself gives go first, so that no other row is given one of them.
    rows.sort(key=lambda given: not given.get("dcu"))
    changed = [(known.named(str(given["name"])), _merged(given, known)) for given in rows]
    store_rows = [new for old, new in changed if new != old]
    if store_rows:
        store.save(DCUS, [msgspec.structs.replace(new, ver=known.ver) for new in store_rows])
    added = sum(old is None for old, _ in changed)
    return Imported(
        rows=len(rows),
        added=added,
        changed=len(store_rows) - added,
        unchanged=len(rows) - len(store_rows),
    )


def _faults(given: dict[str, object], known: DcuNumbers) -> Iterator[str]:
    number, name = given.get("dcu"), str(given["name"])
    if not isinstance(number, int) or not number:
        return
    old, holder = known.named(name), known.numbered(number)
    if old is not None and old.dcu != number:
        yield f"column dcu: found {number}; {name} has number {old.dcu} and keeps it"
    elif holder is not None and holder.name != name:
        yield f"column dcu: found {number}; that is the number of {holder.name}"


def _merged(given: dict[str, object], known: DcuNumbers) -> Dcu:
    name, number = str(given["name"]), given.get("dcu")
    base = known.named(name) or known.add(name, number if isinstance(number, int) else 0)
    said = {field: value for field, value in given.items() if field not in {"name", "dcu"}}
    return msgspec.structs.replace(base, **said)
