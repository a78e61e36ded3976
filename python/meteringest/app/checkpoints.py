"""The decoder's memory across restarts: a checkpoint, and the journal from there on.

Rule 1: a checkpoint holds exactly what the journal says up to its position, never more: it is
taken between two batches and written once that position is durable. A counter that moved for a
frame nobody journaled would turn its repetition away.
Rule 2: what cannot be restored is rebuilt from the journal or stops the start; it is not guessed.
"""

import struct

from meteringest.errors import JournalFull
from meteringest.intake.ports import Agreement
from meteringest.native import Batch, Decoder, Journal

CHECKPOINT = "decoder"
_POSITION = struct.Struct(">Q")


def recover(decoder: Decoder, journal: Journal, now_s: int) -> int:
    """Restores and replays; returns the position from which a restart would replay again.

    What a salvage went past after the checkpoint is in nobody's memory: the decoder is told.
    """
    checkpoint = journal.read_checkpoint(CHECKPOINT)
    position = journal.first
    if checkpoint is not None:
        (position,) = _POSITION.unpack_from(checkpoint)
        decoder.restore(checkpoint[_POSITION.size :])
    journal.replay_into(decoder, position)
    if any(until > position for *_, until in journal.recovery["skipped"]):
        decoder.records_lost(now_s)
    return position


class Checkpoints:
    """Takes one every so often, on the way of an append."""

    def __init__(
        self,
        decoder: Decoder,
        journal: Journal,
        agreement: Agreement,
        *,
        every_s: float,
        recovered_to: int,
    ) -> None:
        """The first is due `every_s` after the first append, the last while the two agree."""
        self.position = recovered_to
        self._decoder = decoder
        self._journal = journal
        self._agreement = agreement
        self._every_ms = every_s * 1000
        self._due_ms: float | None = None
        self._taken: tuple[int, bytes] | None = None

    def append(self, batch: Batch, now_ms: int) -> int:
        """Appends; the decoder rests meanwhile, so that its state and the position agree."""
        position = self._journal.append(batch, now_ms)
        if self._due_ms is None:
            self._due_ms = now_ms + self._every_ms
        if now_ms >= self._due_ms and self._taken is None and not self._agreement.broken:
            self._due_ms = now_ms + self._every_ms
            self._taken = (position, self._decoder.snapshot())
        return position

    def write(self, durable: int) -> bool:
        """Writes what was taken, once it is durable; blocks. False when the disk has no room.

        The last one stays good then: a restart replays more, and the next one is soon due.
        """
        if self._taken is None or self._taken[0] > durable:
            return True
        position, snapshot = self._taken
        self._taken = None
        try:
            self._journal.write_checkpoint(CHECKPOINT, _POSITION.pack(position) + snapshot)
        except JournalFull:
            return False
        self.position = position
        return True

    def write_last(self) -> bool:
        """At a clean end: everything is durable and nobody decodes, so the next start is quick.

        A batch that was decoded and never appended is in the decoder's memory all the same: then
        the checkpoint before stays the last.
        """
        if self._agreement.broken:
            return True
        self._taken = (self._journal.appended, self._decoder.snapshot())
        return self.write(self._journal.durable)
