"""Bugs put in on purpose, each by a patch: the simulation finds every one within so many seeds.

Rule 1: a patch is what a careless change of that one line would do, and touches nothing else.
Rule 2: the seed that finds it finds nothing once the patch is gone.
"""

import itertools
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from tests.sim.run import simulate
from tests.sim.shelf import SimulatedShelf

from meteringest.app import core
from meteringest.app.backlog import JournalBacklog
from meteringest.app.checkpoints import Checkpoints
from meteringest.app.line import DurableJournal
from meteringest.errors import StoreUnavailable
from meteringest.intake.ports import Agreement
from meteringest.native import Batch, Decoder, Journal
from meteringest.store import insertion, writer
from meteringest.store.ahead import Place
from meteringest.store.backlog import Gathered, Range
from meteringest.store.clickhouse import Store
from meteringest.store.writer import Writer

Patch = pytest.MonkeyPatch


def ack_before_sync(patch: Patch) -> None:
    patch.setattr(DurableJournal, "durable", property(lambda line: line._journal.appended))


def release_before_store(patch: Patch) -> None:
    insert = Writer._insert

    async def released_first(self: Writer, gathered: Gathered) -> None:
        await self._noted(gathered, self._backlog.advance, gathered.next)
        await insert(self, gathered)

    patch.setattr(Writer, "_insert", released_first)


def new_token_for_a_retry(patch: Patch) -> None:
    tries = itertools.count()
    patch.setattr(Range, "token", lambda self, table: f"{self.first}-{table}-{next(tries)}")


def range_not_noted_before_it_is_sent(patch: Patch) -> None:
    patch.setattr(JournalBacklog, "plan", lambda *_: None)


def rejects_dropped(patch: Patch) -> None:
    insert = insertion.insert_range

    def insert_range(store: Store, node: int, gathered: Gathered, *more: Any) -> None:  # noqa: ANN401
        insert(store, node, WithoutRejects(gathered), *more)

    patch.setattr(writer, "insert_range", insert_range)


def counters_not_restored(patch: Patch) -> None:
    def recover(_decoder: Decoder, journal: Journal, _now_s: int) -> int:
        return journal.first

    patch.setattr(core, "recover", recover)


def checkpoint_before_its_position_is_durable(patch: Patch) -> None:
    append = Checkpoints.append

    def appended_and_written(self: Checkpoints, batch: Batch, now_ms: int) -> int:
        position = append(self, batch, now_ms)
        self.write(position)
        return position

    patch.setattr(Checkpoints, "append", appended_and_written)


def answer_taken_for_granted(patch: Patch) -> None:
    """A store that does not answer is believed to have stored."""
    insert = insertion.insert_range

    def insert_range(*all_of_it: Any) -> None:  # noqa: ANN401
        with suppress(StoreUnavailable):
            insert(*all_of_it)

    patch.setattr(writer, "insert_range", insert_range)


def checkpoint_of_what_was_never_appended(patch: Patch) -> None:
    patch.setattr(Agreement, "kept", lambda _: nullcontext())


def aside_before_it_is_safe(patch: Patch) -> None:
    patch.setattr(SimulatedShelf, "sync", lambda _: None)


def set_aside_without_being_kept(patch: Patch) -> None:
    patch.setattr(insertion, "_set_aside", lambda *_: None)


def newest_first_called_stored(patch: Patch) -> None:
    """A stretch ahead gets its row in m.batches at once, as if nothing lay below it."""
    patch.setattr(insertion, "mark_ahead", lambda *_: None)
    insert = insertion.insert_range

    def insert_range(*given: Any) -> None:  # noqa: ANN401
        insert(*given[:-1], Place.NEXT)

    patch.setattr(writer, "insert_range", insert_range)


@dataclass
class WithoutRejects:
    """A range as a writer that forgets the rejects would see it."""

    whole: Gathered

    @property
    def first(self) -> int:
        return self.whole.first

    @property
    def next(self) -> int:
        return self.whole.next

    @property
    def reads(self) -> int:
        return self.whole.reads

    @property
    def changed(self) -> Sequence[tuple[int, int]]:
        return self.whole.changed

    @property
    def received_ms(self) -> tuple[int, int]:
        return self.whole.received_ms

    @property
    def blocks(self) -> Sequence[tuple[str, bytes]]:
        return [each for each in self.whole.blocks if each[0] != "m.rejects"]


BUGS = {
    ack_before_sync: 5,
    release_before_store: 5,
    new_token_for_a_retry: 20,
    range_not_noted_before_it_is_sent: 50,
    rejects_dropped: 10,
    counters_not_restored: 10,
    checkpoint_before_its_position_is_durable: 20,
    answer_taken_for_granted: 20,
    checkpoint_of_what_was_never_appended: 200,
    aside_before_it_is_safe: 50,
    set_aside_without_being_kept: 30,
    newest_first_called_stored: 20,
}
"""The bug, and the seeds within which it must be found."""


@pytest.mark.parametrize(("bug", "seeds"), BUGS.items(), ids=[bug.__name__ for bug in BUGS])
def test_a_seeded_bug_is_found(
    bug: Callable[[Patch], None], seeds: int, monkeypatch: Patch
) -> None:
    bug(monkeypatch)
    outcomes = map(simulate, range(seeds))
    found = next((outcome for outcome in outcomes if outcome.violations), None)
    assert found is not None, f"{bug.__name__} stays hidden for {seeds} seeds"
    monkeypatch.undo()
    assert simulate(found.seed).violations == (), "it was the bug that was found"
