"""A day counted again in the tables: whole to the read, and every row that goes is missed."""

# ruff: noqa: S608 (numbers and names of our own)

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from msgspec import structs
from tests.store.blocks import DAY0, Arrays, Range, block, ledger_block, range_of, reads
from tests.store.conftest import Recorder

from meteringest.errors import StoreRefused
from meteringest.store.clickhouse import Store
from meteringest.store.conservation import Conservation, DcuDay, Waiting, conservation
from meteringest.store.insertion import insert_range

DAY = date(2026, 10, 31)
BASE = DAY0 << 20
METERS = 20


def of_one_dcu(columns: Arrays) -> Arrays:
    columns["dcu"][:] = 1
    return columns


def put(store: Store, within: Range, node: int = 1) -> None:
    insert_range(store, node, within, Recorder())


@pytest.fixture
def filled(store: Store) -> Store:
    """Three ranges of one day; the third corrects some reads of the first."""
    first = BASE
    for at in range(2):
        within = range_of(first, of_one_dcu(reads(first, METERS, day=at)), rejects=at * 3)
        put(store, within)
        first = within.next
    columns = of_one_dcu(reads(first, METERS))
    kept = np.arange(METERS * 48) % 7 == 0
    columns = {name: values[kept] for name, values in columns.items()}
    columns["ver"] = (first + np.arange(kept.sum())).astype("u8")
    columns["flags"][:] = 1
    keys = zip(columns["meter"].tolist(), columns["interval_start"].tolist(), strict=True)
    put(store, range_of(first, columns, changed=sorted(keys)))
    return store


def one(report: Conservation) -> DcuDay:
    (dcu,) = report.dcus
    return dcu


def test_a_day_that_is_whole(filled: Store) -> None:
    report = conservation(filled, DAY)
    assert report.problems == ()
    (span,) = report.ranges
    assert span[0] == BASE
    dcu = one(report)
    corrected = len(range(0, METERS * 48, 7))
    assert dcu.day.reads_stored == dcu.reads_found == 2 * METERS * 48 + corrected
    assert dcu.day.frames == dcu.day.frames_accepted + dcu.day.frames_quarantined == 6
    assert (dcu.rejects_promised, dcu.rejects_found, dcu.rejects_missing) == (3, 3, 0)
    assert (dcu.reads_missing, dcu.day.frames_missing, dcu.day.reads_missing) == (0, 0, 0)


def test_what_waits_in_the_journal_is_named_to_the_row(filled: Store) -> None:
    ((_, end),) = conservation(filled, DAY).ranges
    waiting = Waiting(node=1, first=end - 10, next=end + 100, ahead=(end + 40, end + 100))
    report = conservation(filled, DAY, waiting=waiting)
    assert report.problems == ()
    (left,) = report.waiting
    assert (left.first, left.next, left.ahead) == (end, end + 100, (end + 40, end + 100))
    assert "(100 rows) wait" in str(left)
    assert "(60 rows) are in the tables" in str(left)
    done = structs.replace(waiting, next=end, ahead=None)
    assert conservation(filled, DAY, waiting=done).waiting == ()


def test_another_day_has_nothing(filled: Store) -> None:
    report = conservation(filled, date(2026, 11, 1))
    assert (report.dcus, report.ranges, report.problems) == ((), (), ())


def delete(table: str, where: str) -> Callable[[Store], None]:
    return lambda store: store.run(f"DELETE FROM {table} WHERE {where}")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (delete("m.reads", "meter = 3 AND interval_start = '2026-10-31 05:00:00'"), "1 reads are"),
        (delete("m.reads", f"ver < {BASE + 10}"), "reads are in no table"),
        (delete("m.read_history", f"ver = {BASE + 7}"), "1 reads are in no table"),
        (delete("m.rejects", f"position = {BASE + 2 * 960 + 2}"), "1 rejects are in no table"),
        (delete("m.batches", f"first = {BASE + 961}"), "(964 rows) are in no stored range"),
        (delete("m.intake_ledger", f"position = {BASE + 960}"), "-960 reads are in no table"),
    ],
)
def test_whatever_is_deleted_is_missed(
    filled: Store, harm: Callable[[Store], None], said: str
) -> None:
    harm(filled)
    problems = conservation(filled, DAY).problems
    assert any(said in problem for problem in problems), problems


def test_a_ledger_that_does_not_add_up_is_said(filled: Store) -> None:
    filled.run(
        "INSERT INTO m.intake_ledger (position, day, dcu, frames, frames_accepted) "
        f"VALUES ({BASE + 5}, '{DAY}', 1, 5, 4)"
    )
    problems = conservation(filled, DAY).problems
    assert problems == ("concentrator 1: 1 frames of the ledger are in none of its sums",)


def test_what_is_not_marked_stored_is_not_looked_at(filled: Store) -> None:
    first = BASE + 10**6
    filled.insert("m.reads", block(of_one_dcu(reads(first, 2, day=9))), "no-batch")
    filled.insert("m.intake_ledger", ledger_block(first + 96, 96, 0), "no-ledger")
    assert conservation(filled, DAY).problems == ()


def test_a_journal_begun_anew_leaves_no_gap(filled: Store) -> None:
    first = (DAY0 + 40) << 20
    late = range_of(first, of_one_dcu(reads(first, 2, day=3)))
    put(filled, structs.replace(late, received_ms=((DAY0 + 60) * 1_000, (DAY0 + 61) * 1_000)))
    report = conservation(filled, DAY)
    assert report.gaps == report.problems == ()
    assert len(report.ranges) == 2


def test_two_nodes_may_have_positions_in_common(filled: Store) -> None:
    first = BASE + 500
    columns = reads(first, METERS, day=5, from_meter=5_000)
    columns["dcu"][:] = 2
    count = len(columns["ver"])
    ledger = _ledger_of(first + count, count, dcu=2)
    blocks = [("m.reads", block(columns)), ("m.intake_ledger", ledger)]
    other = Range(first, first + count + 1, blocks, count)
    put(filled, other, node=2)
    report = conservation(filled, DAY)
    assert report.problems == ()
    assert [(each.dcu, each.reads_found) for each in report.dcus][1] == (2, count)
    filled.run(f"DELETE FROM m.reads WHERE dcu = 2 AND ver = {first + 3}")
    assert conservation(filled, DAY).problems == ("concentrator 2: 1 reads are in no table",)
    assert conservation(filled, DAY, "1").problems == ()


def _ledger_of(position: int, count: int, *, dcu: int) -> bytes:
    whole = ledger_block(position, count, 0)
    one_row = np.array([1], "u4").tobytes()
    at = whole.index(b"\x03dcu\x06UInt32") + len(b"\x03dcu\x06UInt32")
    assert whole[at : at + 4] == one_row
    return whole[:at] + np.array([dcu], "u4").tobytes() + whole[at + 4 :]


def test_a_concentrator_that_nobody_knows_is_refused(filled: Store) -> None:
    with pytest.raises(StoreRefused, match="no concentrator 'nowhere'"):
        conservation(filled, DAY, "nowhere")
