"""A store that a plain receiver filled reconciles with the report; a touched one does not."""

# ruff: noqa: S608 (numbers and names of our own)

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from tests.unit.sim_receiver import Receiver

from meteringest.store.clickhouse import Store
from meteringest_sim.account import total
from meteringest_sim.faults import Fault
from meteringest_sim.fleet import CHANNELS, FleetSpec
from meteringest_sim.plan import Break, Cut, Plan, Send
from meteringest_sim.reconcile import LEDGER, Query, Seen, arrived, differences, look
from meteringest_sim.report import DcuReport, Report

NOW = datetime(2026, 11, 20, 12, 0, 0)  # noqa: DTZ001 (the receiver's clocks have no zone)
NOW_S = int(NOW.replace(tzinfo=UTC).timestamp())
SPEC = FleetSpec(seed=31, meters=80, dcus=2)
SLOTS, PER_PUSH = 8, 4
FIRST_NUMBER = 1_000
"""The registry numbers meters in its own way."""


@pytest.fixture
def query(store: Store) -> Query:
    return lambda sql: store.ask(sql).rows


@pytest.fixture
def report(store: Store) -> Report:
    """Two concentrators' pushes through two receivers into the tables."""
    fleet = SPEC.build()
    first = fleet.slot_at(NOW_S) - SLOTS
    plans = {}
    for dcu in (1, 2):
        plan = Plan(SPEC, fleet, dict.fromkeys(Fault, 0.04), Random(dcu))  # noqa: S311
        receiver = Receiver(fleet.registry_csv(), NOW, timedelta(minutes=30))
        for slot in range(first, first + SLOTS, PER_PUSH):
            frames = fleet.frames(dcu, slot, PER_PUSH, PER_PUSH)
            for step in plan.steps(frames, slot, PER_PUSH):
                match step:
                    case Send(octets) | Break(octets):
                        receiver.feed(bytes(octets))
                    case Cut(octets, length):
                        receiver.feed(octets[:length])
                        receiver.feed(octets)
        fill(store, dcu, receiver)
        plans[dcu] = plan
    register(store)
    accounts = [plan.account for plan in plans.values()]
    return Report(
        fleet=SPEC,
        first_slot=first,
        slots=SLOTS,
        per_push=PER_PUSH,
        complete=True,
        problems=(),
        seconds=1.0,
        bytes_sent=1,
        total=total(accounts),
        dcus=tuple(
            DcuReport(
                dcu=dcu, uplink=False, account=plan.account, confirms=0, acked=0, connections=1
            )
            for dcu, plan in plans.items()
        ),
        changes=tuple(change for plan in plans.values() for change in plan.changes),
    )


def number(serial: str) -> int:
    return FIRST_NUMBER + 7 * int(serial[3:])


def register(store: Store) -> None:
    fleet = SPEC.build()
    serials = [fleet.meter(meter)[0] for meter in range(1, SPEC.end_meter)]
    rows = [str((number(serial), serial, 1)) for serial in serials]
    rows.append(str((1, "PNP00000001/A", 1)))  # nobody of the fleet
    store.run(f"INSERT INTO m.meters (meter, serial, ver) VALUES {', '.join(rows)}")


def fill(store: Store, dcu: int, seen: Receiver) -> None:
    names = ["meter", "interval_start", "dcu", "ver", "present", *CHANNELS]
    rows = []
    for (serial, start), read in seen.stored.items():
        start_s = int(start.replace(tzinfo=UTC).timestamp())
        present = sum(1 << CHANNELS.index(name) for name in read)
        values = [read.get(name, 0) for name in CHANNELS]
        rows.append(str((number(serial), start_s, dcu, 2, present, *values)))
    store.run(f"INSERT INTO m.reads ({', '.join(names)}) VALUES {', '.join(rows)}")
    for index in range(seen.reads["changed"]):
        store.run(
            "INSERT INTO m.read_history (meter, interval_start, ver) "
            f"VALUES ({dcu * 1000 + index}, 0, 1)"
        )
    rejects = [
        str((dcu * 100_000 + index, 0, dcu, kind))
        for index, kind in enumerate(seen.rejected.elements())
    ]
    store.run(f"INSERT INTO m.rejects (position, at, dcu, kind) VALUES {', '.join(rejects)}")
    counts = (
        seen.frames.total(),
        *(seen.frames[fate] for fate in ("accepted", "quarantined", "duplicate")),
        seen.reads.total(),
        seen.reads["stored"] + seen.reads["changed"],
        *(seen.reads[fate] for fate in ("quarantined", "duplicate", "changed")),
    )
    row = ("2026-11-20", dcu, dcu, *counts)
    store.run(f"INSERT INTO m.intake_ledger (day, dcu, position, {', '.join(LEDGER)}) VALUES {row}")


def test_what_was_received_by_the_rules_reconciles(report: Report, query: Query) -> None:
    assert report.total.rejected
    assert report.changes
    assert differences(report, query) == []
    assert arrived(report, look(query))


def test_what_stood_there_before_is_none_of_the_runs_business(
    report: Report, store: Store, query: Query
) -> None:
    assert not arrived(report, look(query).since(look(query)))
    store.run("INSERT INTO m.rejects (position, kind) VALUES (1, 'bad_tag')")
    store.run(
        "INSERT INTO m.intake_ledger (day, dcu, position, frames, frames_quarantined) "
        "VALUES ('2026-11-19', 1, 9, 5, 5)"
    )
    store.run("INSERT INTO m.read_history (meter, interval_start, ver) VALUES (9, 0, 1)")
    assert differences(report, query)
    before = Seen(
        ledger={1: {**dict.fromkeys(LEDGER, 0), "frames": 5, "frames_quarantined": 5}},
        rejected={"bad_tag": 1},
        history=1,
    )
    assert differences(report, query, before) == []


TAMPERED = {
    "a read is gone": (
        (
            "ALTER TABLE m.reads DELETE WHERE (meter, interval_start) IN "
            "(SELECT meter, interval_start FROM m.reads LIMIT 1) SETTINGS mutations_sync = 2"
        ),
        "reads in m.reads_v",
    ),
    "one watt-hour more": (
        (
            "INSERT INTO m.reads SELECT * REPLACE (imp_wh + 1 AS imp_wh, ver + 1 AS ver) "
            "FROM m.reads LIMIT 1"
        ),
        "imp_wh in m.reads_v",
    ),
    "a read of one meter stands under another": (
        (
            "INSERT INTO m.reads SELECT * REPLACE ((SELECT max(meter) FROM m.reads) AS meter, "
            "9 AS ver) FROM (SELECT * FROM m.reads ORDER BY meter LIMIT 1)"
        ),
        "in m.reads_v",
    ),
    "a read too many": (
        (
            "INSERT INTO m.reads (meter, interval_start, dcu, ver) "
            "SELECT min(meter), min(interval_start) + 60, 1, 9 FROM m.reads"
        ),
        "reads in m.reads_v",
    ),
    "a reject is gone": (
        (
            "ALTER TABLE m.rejects DELETE WHERE position IN (SELECT min(position) FROM m.rejects) "
            "SETTINGS mutations_sync = 2"
        ),
        "rejects of kind",
    ),
    "a reject of another kind": (
        "INSERT INTO m.rejects (position, kind) VALUES (1, 'bad_tag')",
        "rejects of kind bad_tag: 0 wanted, 1 there",
    ),
    "a frame that went nowhere": (
        "INSERT INTO m.intake_ledger (day, dcu, position, frames) VALUES ('2026-11-20', 1, 9, 1)",
        "frames_accepted + frames_quarantined + frames_duplicate",
    ),
    "a duplicate counted as accepted": (
        (
            "INSERT INTO m.intake_ledger SELECT * REPLACE "
            "(frames_accepted + 1 AS frames_accepted, frames_duplicate - 1 AS frames_duplicate) "
            "FROM m.intake_ledger WHERE dcu = 2"
        ),
        "dcu 2: frames_duplicate in the ledger",
    ),
    "history is forgotten": (
        "TRUNCATE TABLE m.read_history",
        "versions in m.read_history",
    ),
    "a meter is not registered": (
        (
            "ALTER TABLE m.meters DELETE WHERE meter IN (SELECT max(meter) FROM m.meters) "
            "SETTINGS mutations_sync = 2"
        ),
        "meters registered: 80 wanted, 79 there",
    ),
}


def test_whatever_is_touched_is_found(report: Report, store: Store, query: Query) -> None:
    """One after the other in one store: each must add to what was found."""
    before: set[str] = set()
    for tampering, (sql, words) in TAMPERED.items():
        store.run(sql)
        found = {*differences(report, query)} - before
        before |= found
        assert any(words in each for each in found), tampering


def test_frames_are_not_compared_when_concentrators_had_to_send_again(
    report: Report, store: Store, query: Query
) -> None:
    store.run(
        "INSERT INTO m.intake_ledger (day, dcu, position, frames, frames_duplicate) "
        "VALUES ('2026-11-20', 1, 9, 5, 5)"
    )
    assert differences(report, query)
    assert differences(report, query, exact_frames=False) == []


def test_a_sample_finds_what_sums_cannot(report: Report, store: Store, query: Query) -> None:
    store.run(
        "INSERT INTO m.reads SELECT * REPLACE "
        "(imp_wh + if(meter % 2 = 0, 1, -1) AS imp_wh, ver + 1 AS ver) FROM m.reads_v "
        "WHERE imp_wh > 0 AND interval_start IN (SELECT min(interval_start) FROM m.reads) "
        "ORDER BY meter"
    )
    found = differences(report, query, exact_frames=False)
    assert any(each.startswith("read (meter, start)") for each in found)
