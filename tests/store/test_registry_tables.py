"""The registry on the real engine: what is saved comes back, the newest version of each row."""

import pytest
from tests.unit.registry_fakes import DEFAULTS, HEAD, KEY, KEY_2, MASTER, Book, parts

from meteringest.registry import tables
from meteringest.registry.registrar import Registrar
from meteringest.registry.rows import DCUS, METERS, Dcu, Meter
from meteringest.registry.tables import RegistryTables
from meteringest.store.clickhouse import Store


def full(number: int, ver: int) -> Meter:
    return Meter(
        *(number, f"S{number}", "4D4D4D0000000001", 2**32 - 1, "1:ab:x" * 50, "", "none"),
        *("one", 1_800, "fixed:+0530", "3ph", 2**32 - 1, 2**64 - 1, "F\t'1'", "पानीपत", 1, ver),
    )


def test_every_column_comes_back_as_it_went_in(store: Store) -> None:
    registry = RegistryTables(store)
    meters, dcus = [full(1, 1), full(2**32 - 1, 1)], [Dcu(7, "DCU 7", "north", 0, 2**64 - 1)]
    registry.save(METERS, meters)
    registry.save(DCUS, dcus)
    assert [Meter(*row) for row in registry.load(METERS)] == meters  # type: ignore[arg-type]
    assert [Dcu(*row) for row in registry.load(DCUS)] == dcus  # type: ignore[arg-type]


def test_pages_lose_and_repeat_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "PAGE_ROWS", 7)
    registry = RegistryTables(store)
    for ver in (1, 2):
        registry.save(METERS, [full(number, ver) for number in range(1, 51)])
    rows = [Meter(*row) for row in registry.load(METERS)]  # type: ignore[arg-type]
    assert [(row.meter, row.ver) for row in rows] == [(number, 2) for number in range(1, 51)]


def test_an_import_survives_a_restart(store: Store) -> None:
    book = Book()
    registrar = Registrar(RegistryTables(store), book, DEFAULTS, MASTER)
    registrar.import_rows(parts(f"{HEAD}\nS1,4D4D4D0000000001,DCU-A,{KEY},{KEY_2}\n"))
    registrar.import_rows(parts("serial,village\nS1,Kabri\n"))
    again = Book()
    restarted = Registrar(RegistryTables(store), again, DEFAULTS, MASTER)
    assert restarted.load_book() == 1
    assert again.rows == book.rows
    assert restarted.dcus.number("DCU-A") == 1
    assert restarted.import_rows(parts("serial,security\nS2,none\n")).added == 1
    assert sorted(again.rows) == [1, 2]
