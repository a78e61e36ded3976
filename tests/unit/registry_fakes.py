"""A registry store and a decoder's book in memory, and files as a person writes them."""

from collections.abc import Iterator, Sequence
from io import StringIO

from meteringest.csv_rows import CsvRows, Imported, ImportPart
from meteringest.registry.columns import FORMS
from meteringest.registry.meters import Defaults
from meteringest.registry.registrar import Registrar
from meteringest.registry.rows import (
    DCU_FIELDS,
    DCUS,
    METER_FIELDS,
    METERS,
    Dcu,
    DecoderRow,
    Meter,
    NextKeys,
    OtherKeys,
)
from meteringest.registry.sealing import MasterKey

LAYOUTS = frozenset({"one", "three", "other"})
DEFAULTS = Defaults(
    security="encrypt+authenticate",
    interval_s=1_800,
    layout_1ph="one",
    layout_3ph="three",
    layouts=LAYOUTS,
    problems_max=100,
)
MASTER = MasterKey(bytes(range(32)))
HEAD = "serial,system_title,dcu,encryption_key,authentication_key"
KEY = "000102030405060708090A0B0C0D0E0F"
KEY_2 = "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"


class MemoryStore:
    """Keeps every version; loads the newest, as the table does."""

    def __init__(self) -> None:
        self.saved: dict[str, list[Meter] | list[Dcu]] = {METERS: [], DCUS: []}

    def load(self, table: str) -> Iterator[tuple[object, ...]]:
        fields = METER_FIELDS if table == METERS else DCU_FIELDS
        newest: dict[object, Meter | Dcu] = {}
        for row in sorted(self.saved[table], key=lambda row: row.ver):
            newest[getattr(row, fields[0])] = row
        for number in sorted(newest, key=lambda number: int(str(number))):
            yield tuple(getattr(newest[number], name) for name in fields)

    def save(self, table: str, rows: Sequence[Meter] | Sequence[Dcu]) -> None:
        self.saved[table].extend(rows)  # type: ignore[arg-type]

    def meters(self) -> dict[str, Meter]:
        return {meter.serial: meter for meter in (Meter(*row) for row in self.load(METERS))}

    def dcus(self) -> dict[str, Dcu]:
        return {dcu.name: dcu for dcu in (Dcu(*row) for row in self.load(DCUS))}


class Book:
    """What the decoder was told."""

    def __init__(self) -> None:
        self.rows: dict[int, DecoderRow] = {}
        self.next: dict[int, NextKeys] = {}
        self.other: dict[int, OtherKeys] = {}

    def upsert_meters(self, rows: list[DecoderRow], /) -> None:
        self.rows.update({row[0]: row for row in rows})

    def set_next_keys(self, rows: list[NextKeys], /) -> None:
        self.next.update({row[0]: row for row in rows})

    def set_other_keys(self, rows: list[OtherKeys], /) -> None:
        self.other.update({row[0]: row for row in rows})

    def remove_meters(self, ids: list[int], /) -> None:
        for number in ids:
            self.rows.pop(number, None)


def parts(text: str, table: str = METERS, problems_max: int = 100) -> list[ImportPart]:
    rows = CsvRows(FORMS[table], "file.csv", problems_max=problems_max)
    return list(rows.parts(StringIO(text, newline=""), lambda _: None))


class Desk:
    """A registrar on memory."""

    def __init__(self, master_key: MasterKey | None = MASTER) -> None:
        self.store = MemoryStore()
        self.book = Book()
        self.registrar = Registrar(self.store, self.book, DEFAULTS, master_key)

    def take(self, *lines: str, table: str = METERS) -> Imported:
        return self.registrar.import_rows(parts("\n".join(lines) + "\n", table))
