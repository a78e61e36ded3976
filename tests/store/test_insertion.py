"""A range goes in once in effect, whatever is repeated; what the engine refuses is heard."""

from datetime import UTC, datetime

import numpy as np
import pytest
from tests.store.blocks import Range, block, range_of, reads
from tests.store.conftest import Recorder

from meteringest.errors import InvariantError
from meteringest.store.backlog import Range as Name
from meteringest.store.clickhouse import Store
from meteringest.store.faults import EngineRefused, EngineUnavailable
from meteringest.store.happenings import BlockCut
from meteringest.store.insertion import PoisonBlock, insert_range
from meteringest.store.queries import figures, reads_in, stored

FIRST = 1 << 40


def visible(store: Store) -> int:
    count = store.ask("SELECT count() FROM m.reads_v").rows[0][0]
    assert isinstance(count, int)
    return count


def test_a_range_is_visible_whole(store: Store, recorder: Recorder) -> None:
    columns = reads(FIRST, 100)
    insert_range(store, 1, range_of(FIRST, columns, rejects=3), recorder)
    assert visible(store) == 4_800
    total = store.ask("SELECT sum(imp_wh), min(ver), max(ver) FROM m.reads_v").rows[0]
    assert tuple(total) == (int(columns["imp_wh"].sum()), FIRST, FIRST + 4_799)
    seen = figures(store)
    assert seen.stored == {1: FIRST + 4_804}
    assert seen.reads == 4_800
    assert seen.rejects == {"framing/bad_value": 3}
    assert stored(store, 1) == FIRST + 4_804
    assert stored(store, 2) == 0


def test_times_and_quality_come_back_as_sent(store: Store, recorder: Recorder) -> None:
    insert_range(store, 1, range_of(FIRST, reads(FIRST, 1)), recorder)
    row = store.ask("SELECT interval_start, deviation_min FROM m.reads_v ORDER BY 1 LIMIT 1").rows[
        0
    ]
    assert row[0] in {datetime(2026, 10, 31, tzinfo=UTC), datetime(2026, 10, 31)}  # noqa: DTZ001
    assert row[1] == 330
    store.run("INSERT INTO m.reads SELECT * REPLACE(4 AS quality, ver + 1 AS ver) FROM m.reads")
    assert visible(store) == 0


def test_a_repeated_range_changes_nothing(store: Store, recorder: Recorder) -> None:
    gathered = range_of(FIRST, reads(FIRST, 20), rejects=2)
    for _ in range(3):
        insert_range(store, 1, gathered, recorder)
    assert store.ask("SELECT count() FROM m.reads").rows[0][0] == 960
    assert store.ask("SELECT count() FROM m.rejects").rows[0][0] == 2
    assert store.ask("SELECT count() FROM m.batches FINAL").rows[0][0] == 1
    assert reads_in(store, FIRST, gathered.next) == 960


def test_a_repeated_range_changes_nothing_once_its_token_is_forgotten(
    store: Store, recorder: Recorder
) -> None:
    gathered = range_of(FIRST, reads(FIRST, 20), rejects=2)
    insert_range(store, 1, gathered, recorder)
    for table in ("m.reads", "m.rejects", "m.intake_ledger"):
        store.run(f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 0")
    insert_range(store, 1, gathered, recorder)
    assert visible(store) == 960
    assert store.ask("SELECT sum(frames), sum(frames_missing) FROM m.conservation_v").rows == [
        (3, 0)
    ]
    assert figures(store).rejects == {"framing/bad_value": 2}


def test_a_replaced_version_is_in_the_history_first(store: Store, recorder: Recorder) -> None:
    columns = reads(FIRST, 2)
    insert_range(store, 1, range_of(FIRST, columns), recorder)
    again = reads(FIRST + 1_000, 1)
    keys = [(1, int(start)) for start in again["interval_start"]]
    changed = range_of(FIRST + 1_000, again, changed=keys)
    for _ in range(2):
        insert_range(store, 1, changed, recorder)
    assert visible(store) == 96
    history = store.ask("SELECT imp_wh, ver FROM m.read_history_v ORDER BY ver").rows
    assert [tuple(row) for row in history] == [
        (int(wh), FIRST + at) for at, wh in enumerate(columns["imp_wh"][:48])
    ]
    assert reads_in(store, FIRST, changed.next) == 96 + 48


def test_more_keys_than_one_statement_holds(store: Store, recorder: Recorder) -> None:
    columns = reads(FIRST, 400)
    insert_range(store, 1, range_of(FIRST, columns), recorder)
    keys = list(zip(columns["meter"].tolist(), columns["interval_start"].tolist(), strict=True))
    later = {**columns, "ver": columns["ver"] + np.uint64(50_000)}
    insert_range(store, 1, range_of(FIRST + 50_000, later, changed=keys), recorder)
    assert store.ask("SELECT count() FROM m.read_history_v").rows[0][0] == 19_200


def test_a_block_over_many_days_is_cut(store: Store, recorder: Recorder) -> None:
    days = 130
    parts = [reads(FIRST + day * 4, 2, day=day, slots=2) for day in range(days)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((columns["interval_start"], columns["meter"]))
    columns = {name: values[order] for name, values in columns.items()}
    gathered = range_of(FIRST, columns)
    for _ in range(2):
        insert_range(store, 1, gathered, recorder)
    assert recorder.of(BlockCut) == [BlockCut(table="m.reads", blocks=3)] * 2
    assert store.ask("SELECT count(), sum(imp_wh) FROM m.reads").rows == [
        (days * 4, int(columns["imp_wh"].sum()))
    ]


def test_a_violated_check_stops_with_the_range_and_the_engines_code(
    store: Store, recorder: Recorder
) -> None:
    columns = reads(FIRST, 1)
    columns["interval_start"] = columns["interval_start"] + np.uint32(7)
    with pytest.raises(PoisonBlock, match="whole_minutes") as refused:
        insert_range(store, 3, range_of(FIRST, columns), recorder)
    assert refused.value.table == "m.reads"
    assert refused.value.within == Name(3, FIRST, FIRST + 49)
    assert isinstance(refused.value.__cause__, EngineRefused)
    assert refused.value.__cause__.code == 469
    assert visible(store) == 0
    assert stored(store, 3) == 0


@pytest.mark.parametrize("fault", ["misspelt", "missing", "wrong type"])
def test_a_block_that_does_not_fit_is_our_bug(store: Store, recorder: Recorder, fault: str) -> None:
    raw = block(reads(FIRST, 1))
    broken = {
        "misspelt": raw.replace(b"\x06imp_wh", b"\x06imp_hw"),
        "missing": block({k: v for k, v in reads(FIRST, 1).items() if k != "imp_wh"}),
        "wrong type": raw.replace(b"\x06imp_wh\x06UInt32", b"\x06imp_wh\x05Int32"),
    }[fault]
    with pytest.raises(InvariantError):
        insert_range(store, 1, Range(FIRST, FIRST + 48, [("m.reads", broken)], 48), recorder)
    assert visible(store) == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"\x06imp_wh\x06UInt32", b"\x06imp_hw\x06UInt32"), (b"\x06UInt32", b"\x05Int32")],
)
def test_the_engine_itself_refuses_what_it_would_drop_or_wrap(
    store: Store, old: bytes, new: bytes
) -> None:
    with pytest.raises(EngineRefused):
        store.insert("m.reads", block(reads(FIRST, 1)).replace(old, new, 1), "t")
    assert visible(store) == 0


def test_too_many_parts_is_waited_for(store: Store) -> None:
    store.run(
        "ALTER TABLE m.reads MODIFY SETTING parts_to_throw_insert = 2, parts_to_delay_insert = 2"
    )

    def insert_many() -> None:
        for at in range(20):
            first = FIRST + at * 48
            store.insert("m.reads", block(reads(first, 1, from_meter=at + 1)), f"t{at}")

    with pytest.raises(EngineUnavailable) as waiting:
        insert_many()
    assert waiting.value.code == 252


def test_all_channels_fit(store: Store) -> None:
    columns = reads(FIRST, 1)
    columns["curr_b_ma"][:] = 77
    assert store.insert("m.reads", block(columns, optional=True), "t") == 48
    assert store.ask("SELECT sum(curr_b_ma) FROM m.reads_v").rows == [(77 * 48,)]
