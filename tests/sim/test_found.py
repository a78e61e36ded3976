"""What the simulation found, each by itself and small, on the journal's simulated disk."""

from contextlib import suppress

import pytest
from tests.sim.clickhouse import SimulatedClickHouse
from tests.sim.client import Fence, SimulatedClient
from tests.sim.world import Trace, TracingObserver, World

from meteringest.app.backlog import JournalBacklog
from meteringest.app.checkpoints import CHECKPOINT, Checkpoints
from meteringest.errors import JournalCorrupt
from meteringest.intake.ports import Agreement
from meteringest.journal.group_commit import GroupCommit
from meteringest.native import Decoder, Journal, SimulatedDisk
from meteringest.offload import InlineOffload
from meteringest.store.clickhouse import Store
from meteringest.store.settings import StoreSettings
from meteringest.store.writer import Writer

RECORD = b"a record of nothing that the decoder knows"


def opened(disk: SimulatedDisk, *, salvage: bool = False) -> Journal:
    return disk.journal(node=1, segment_bytes=1 << 20, created_s=1, salvage=salvage)


def backlog_of(journal: Journal) -> JournalBacklog:
    observer = TracingObserver(World(0, Trace(kept=False)))
    observer.silent = True
    commit = GroupCommit(journal, InlineOffload(), observer)
    return JournalBacklog(journal, commit, kept_from=lambda: journal.first)


def damaged(disk: SimulatedDisk, records: int, spoilt: int) -> Journal:
    """A journal of `records` records of two rows, salvaged past one whose body is damaged."""
    journal = opened(disk)
    name, header = segment(disk)
    for _ in range(records):
        journal.append_record(RECORD, 2, 5)
    journal.sync()
    _, size = segment(disk)
    frame = (size - header - records * len(RECORD)) // (records + 1)  # the last is the sync's mark
    backlog_of(journal).plan(journal.first, journal.durable)
    disk.kill()
    assert disk.flip(name, 8 * (header + spoilt * (frame + len(RECORD)) + frame))
    with pytest.raises(JournalCorrupt):
        opened(disk)
    return opened(disk, salvage=True)


def segment(disk: SimulatedDisk) -> tuple[str, int]:
    ((name, size),) = [each for each in disk.files() if each[0].startswith("segment")]
    return name, size


def test_a_checkpoint_never_knows_more_than_the_journal() -> None:
    journal, agreement = opened(SimulatedDisk()), Agreement()
    decoder = Decoder(1, b"{}")
    checkpoints = Checkpoints(decoder, journal, agreement, every_s=1, recovered_to=journal.first)
    with suppress(RuntimeError), agreement.kept():
        raise RuntimeError
    assert checkpoints.write_last()
    assert journal.read_checkpoint(CHECKPOINT) is None


def test_a_range_that_a_salvage_took_rows_from_is_not_waited_for_to_the_row() -> None:
    journal = damaged(SimulatedDisk(), records=2, spoilt=0)
    assert journal.recovery["skipped"]
    assert backlog_of(journal).planned() is None


@pytest.mark.parametrize("records", [1, 3])
async def test_rows_given_up_at_the_end_are_passed(records: int) -> None:
    journal = damaged(SimulatedDisk(), records=records, spoilt=records - 1)
    backlog, world = backlog_of(journal), World(0, Trace(kept=False))
    server = SimulatedClickHouse(world)
    writer = Writer(
        Store("simulated", lambda: SimulatedClient(server, Fence())),  # type: ignore[arg-type,return-value]
        backlog,
        node=1,
        settings=StoreSettings(),
        offload=InlineOffload(),
        observer=TracingObserver(world),
    )
    backlog.advance(journal.recovery["skipped"][0][-2])
    assert backlog.stored() < backlog.durable()
    assert not await writer.store_next()
    assert backlog.stored() == backlog.durable()
