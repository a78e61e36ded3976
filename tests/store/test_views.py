"""What readers see: completeness, conservation, the watermark, the registry without its keys."""

import numpy as np
from tests.store.blocks import Range, ledger_block, range_of, reads, rejects_block
from tests.store.conftest import Recorder

from meteringest.store.clickhouse import Store
from meteringest.store.insertion import insert_range

FIRST = 1 << 40
DAY = {"from": "2026-10-31 00:00:00", "to": "2026-11-01 00:00:00"}


def register(store: Store, meter: int, active: int = 1) -> None:
    row = f"({meter}, 'S{meter}', 'sealed', 1800, {active}, 1)"
    columns = "(meter, serial, encryption_key, interval_s, active, ver)"
    store.run(f"INSERT INTO m.meters {columns} VALUES {row}")  # noqa: S608


def test_missing_intervals_are_counted_by_meter(store: Store, recorder: Recorder) -> None:
    columns = {name: values[:90] for name, values in reads(FIRST, 2).items()}
    insert_range(store, 1, range_of(FIRST, columns), recorder)
    for meter in (1, 2, 3):
        register(store, meter)
    register(store, 4, active=0)
    within = "from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}"
    sql = f"SELECT meter, expected, stored, missing FROM m.completeness({within}) ORDER BY meter"  # noqa: S608
    assert store.ask(sql, DAY).rows == [(1, 48, 48, 0), (2, 48, 42, 6), (3, 48, 0, 48)]


def test_a_lost_frame_shows_as_missing(store: Store, recorder: Recorder) -> None:
    whole = ledger_block(FIRST, 10, 2)
    lossy = whole.replace(np.array([3], "u8").tobytes(), np.array([4], "u8").tobytes(), 1)
    assert lossy != whole
    insert_range(store, 1, Range(FIRST, FIRST + 1, [("m.intake_ledger", lossy)], 0), recorder)
    sql = "SELECT frames, frames_missing, reads_missing FROM m.conservation_v"
    assert store.ask(sql).rows == [(4, 1, 0)]


def test_the_watermark_is_each_nodes_own(store: Store, recorder: Recorder) -> None:
    for node, at in ((1, 0), (1, 1), (2, 0)):
        first = FIRST + at * 10_000
        insert_range(store, node, range_of(first, reads(first, 10)), recorder)
    rows = store.ask("SELECT node, stored, reads FROM m.watermark_v ORDER BY node").rows
    assert rows == [(1, FIRST + 10_481, 960), (2, FIRST + 481, 480)]


def test_two_nodes_with_the_same_positions_keep_their_rejects(
    store: Store, recorder: Recorder
) -> None:
    for node in (1, 2):
        at = rejects_block(FIRST, 2)
        dcu = at.index(b"\x03dcu\x06UInt32") + len(b"\x03dcu\x06UInt32")
        moved = at[:dcu] + np.full(2, node, "u4").tobytes() + at[dcu + 8 :]
        insert_range(store, node, Range(FIRST, FIRST + 2, [("m.rejects", moved)], 0), recorder)
    assert store.ask("SELECT count() FROM m.rejects_v").rows == [(4,)]


def test_the_registrys_view_has_no_keys(store: Store) -> None:
    register(store, 1)
    columns = store.ask("SELECT name FROM system.columns WHERE table = 'meters_v'").rows
    assert not {"encryption_key", "authentication_key"} & {str(name) for (name,) in columns}
    assert ("serial",) in columns
