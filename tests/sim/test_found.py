"""What the simulation found, each by itself and small, on the journal's simulated disk."""

import struct
from contextlib import suppress

import pytest
from tests.sim.clickhouse import SimulatedClickHouse
from tests.sim.client import Fence, SimulatedClient
from tests.sim.world import Trace, TracingObserver, World

from meteringest.app.backlog import JournalBacklog
from meteringest.app.checkpoints import CHECKPOINT, Checkpoints, recover
from meteringest.errors import JournalCorrupt
from meteringest.intake.ports import Agreement
from meteringest.journal.group_commit import GroupCommit
from meteringest.native import Decoder, Journal, SimulatedDisk
from meteringest.offload import InlineOffload
from meteringest.store.backlog import Ahead
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


class Recalling:
    """A decoder as far as coming back goes, and the journal it comes back from."""

    first = 10

    def __init__(self, journal: Journal, checkpoint: int | None) -> None:
        self.recovery = journal.recovery
        self.checkpoint = checkpoint
        self.steps: list[tuple[str, int]] = []

    def read_checkpoint(self, _name: str) -> bytes | None:
        return None if self.checkpoint is None else struct.pack(">Q", self.checkpoint)

    def restore(self, snapshot: bytes) -> None:
        self.steps.append(("restored", len(snapshot)))

    def replay_into(self, decoder: "Recalling", first: int) -> None:
        decoder.steps.append(("replayed", first))

    def records_lost(self, now_s: int) -> None:
        self.steps.append(("told", now_s))


@pytest.mark.parametrize("rows_after", [None, 0, 1, 2])
def test_the_decoder_is_told_of_what_a_salvage_went_past_after_its_checkpoint(
    rows_after: int | None,
) -> None:
    journal = damaged(SimulatedDisk(), records=4, spoilt=1)
    ((*_, lost_from, _),) = journal.recovery["skipped"]
    checkpoint = None if rows_after is None else lost_from + rows_after
    recalling = Recalling(journal, checkpoint)
    recover(recalling, recalling, now_s=60)  # type: ignore[arg-type]
    complete = rows_after == 2
    assert recalling.steps[-1] == (("replayed", checkpoint) if complete else ("told", 60))


def test_a_range_that_a_salvage_took_rows_from_is_not_waited_for_to_the_row() -> None:
    journal = damaged(SimulatedDisk(), records=2, spoilt=0)
    assert journal.recovery["skipped"]
    assert backlog_of(journal).planned() is None


def writer_of(backlog: JournalBacklog, world: World) -> Writer:
    server = SimulatedClickHouse(world)
    return Writer(
        Store("simulated", lambda: SimulatedClient(server, Fence())),  # type: ignore[arg-type,return-value]
        backlog,
        node=1,
        settings=StoreSettings(),
        offload=InlineOffload(),
        observer=TracingObserver(world),
    )


@pytest.mark.parametrize("records", [1, 3])
async def test_rows_given_up_at_the_end_are_passed(records: int) -> None:
    journal = damaged(SimulatedDisk(), records=records, spoilt=records - 1)
    backlog = backlog_of(journal)
    writer = writer_of(backlog, World(0, Trace(kept=False)))
    backlog.advance(journal.recovery["skipped"][0][-2])
    assert backlog.stored() < backlog.durable()
    assert not await writer.store_next()
    assert backlog.stored() == backlog.durable()


async def test_rows_given_up_beneath_what_was_stored_ahead_are_passed() -> None:
    journal = damaged(SimulatedDisk(), records=4, spoilt=1)
    backlog = backlog_of(journal)
    ((*_, lost_from, lost_until),) = journal.recovery["skipped"]
    backlog.advance(lost_from)
    backlog.note_ahead(Ahead(first=lost_until, next=backlog.durable()))
    assert await writer_of(backlog, World(0, Trace(kept=False))).store_next()
    assert backlog.stored() == backlog.durable()
    assert backlog.ahead() is None
