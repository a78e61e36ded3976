"""Rows the store refuses for what is in them wait on disk; everything around them goes on."""

from pathlib import Path

import numpy as np
import pytest
from tests.store.blocks import range_of, reads
from tests.store.conftest import Recorder

from meteringest.errors import StoreUnavailable
from meteringest.store import insertion
from meteringest.store.aside import Aside, Kept
from meteringest.store.clickhouse import Store
from meteringest.store.happenings import AsideTaken, BlockSetAside
from meteringest.store.insertion import PoisonBlock, insert_range, offer_again
from meteringest.store.queries import reads_in, stored
from meteringest.store.shelf import FolderShelf

FIRST = 1 << 40
BAD = (17, 1_000, 4_799)
DROP = "ALTER TABLE m.reads DROP CONSTRAINT whole_minutes"


@pytest.fixture
def aside(tmp_path: Path) -> Aside:
    return Aside(FolderShelf(tmp_path / "aside"), bytes_max=1 << 20)


def poisoned(bad: tuple[int, ...] = BAD) -> dict[str, np.ndarray]:
    columns = reads(FIRST, 100)
    columns["interval_start"] = columns["interval_start"].copy()
    columns["interval_start"][list(bad)] += np.uint32(7)
    return columns


def there(store: Store) -> int:
    count = store.ask("SELECT count() FROM m.reads FINAL").rows[0][0]
    assert isinstance(count, int)
    return count


def rows(kept: tuple[Kept, ...]) -> int:
    return sum(each.rows for each in kept)


def test_only_the_bad_rows_wait_and_the_reason_with_them(
    store: Store, recorder: Recorder, aside: Aside
) -> None:
    for _ in range(2):  # as after a crash: the same rows in the same files
        insert_range(store, 3, range_of(FIRST, poisoned(), rejects=2), recorder, aside)
    kept = aside.kept()
    assert len(kept) == rows(kept) == len(BAD)
    assert {(each.table, each.node, each.first) for each in kept} == {("m.reads", 3, FIRST)}
    assert all("whole_minutes" in each.reason for each in kept)
    assert there(store) == 4_800 - len(BAD)
    assert store.ask("SELECT count() FROM m.rejects FINAL").rows == [(2,)]
    assert stored(store, 3) == FIRST + 4_803
    assert len(recorder.of(BlockSetAside)) == 2 * len(BAD)


def test_it_is_taken_once_the_reason_is_gone(
    store: Store, recorder: Recorder, aside: Aside
) -> None:
    insert_range(store, 3, range_of(FIRST, poisoned()), recorder, aside)
    assert offer_again(store, aside, recorder) == len(BAD)
    store.run(DROP)
    assert offer_again(store, aside, recorder) == 0
    assert there(store) == 4_800
    assert aside.kept() == ()
    assert aside.bytes_kept() == 0
    assert sum(each.rows for each in recorder.of(AsideTaken)) == len(BAD)


def test_a_read_that_comes_late_is_kept_beside_what_replaced_it(
    store: Store, recorder: Recorder, aside: Aside
) -> None:
    insert_range(store, 3, range_of(FIRST, poisoned(bad=(17,))), recorder, aside)
    row = {name: values[17:18].copy() for name, values in poisoned(bad=(17,)).items()}
    late = int(row["ver"][0])
    row["ver"] += np.uint64(10_000)
    store.run(DROP)
    insert_range(store, 3, range_of(FIRST + 10_000, row), recorder, aside)
    assert offer_again(store, aside, recorder) == 0
    store.run("OPTIMIZE TABLE m.reads FINAL")
    assert reads_in(store, late, late + 1) == 1


def test_a_store_that_takes_nothing_is_waited_for(
    store: Store, recorder: Recorder, aside: Aside
) -> None:
    gathered = range_of(FIRST, reads(FIRST, 1))
    store.run("RENAME TABLE m.reads TO m.elsewhere")
    with pytest.raises(PoisonBlock):
        insert_range(store, 3, gathered, recorder, aside)
    assert aside.kept() == ()
    store.run("RENAME TABLE m.elsewhere TO m.reads")
    insert_range(store, 3, gathered, recorder, aside)
    assert there(store) == 48


def test_a_long_search_ends_and_keeps_the_neighbours(
    store: Store, recorder: Recorder, aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insertion, "CUTS_MAX", 3)
    insert_range(store, 3, range_of(FIRST, poisoned(bad=(17,))), recorder, aside)
    (kept,) = aside.kept()
    assert kept.rows == 600
    assert there(store) == 4_200


@pytest.mark.parametrize("bytes_max", [0, 300])
def test_no_room_to_set_aside_stops_the_line(
    store: Store, recorder: Recorder, tmp_path: Path, bytes_max: int
) -> None:
    small = Aside(FolderShelf(tmp_path / "aside"), bytes_max=bytes_max)
    with pytest.raises(PoisonBlock, match="whole_minutes"):
        insert_range(store, 3, range_of(FIRST, poisoned()), recorder, small)
    assert small.bytes_kept() <= bytes_max
    assert stored(store, 3) == 0


def test_a_folder_that_cannot_be_written_is_waited_for(
    store: Store, recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "aside").write_text("a file where the folder should be")
    with pytest.raises(StoreUnavailable, match="cannot be set aside"):
        insert_range(
            store,
            3,
            range_of(FIRST, poisoned()),
            recorder,
            Aside(FolderShelf(tmp_path / "aside"), bytes_max=1 << 20),
        )
