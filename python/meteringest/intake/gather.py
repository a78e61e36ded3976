"""Frames of all links, gathered: one batch is decoded and appended while the next one comes in.

Rule 1: what is pending in all, and therefore whether any socket is read, is decided here.
Rule 2: per batch, never per frame: nothing here looks at a frame.

    fed -> waiting links -> decode (thread) -> append -> unsynced -> durable -> connections pay
"""

from collections import deque
from collections.abc import Mapping
from math import inf
from typing import NamedTuple, Protocol

import trio

from meteringest.errors import JournalFull
from meteringest.intake.happenings import (
    WRONG_KEYS,
    BatchAppended,
    BatchDurable,
    IntakeHeld,
    JournalFullHeld,
    JournalRoomFound,
    WrongKey,
)
from meteringest.intake.ports import Batch, Line, Link
from meteringest.intake.session import Session
from meteringest.intake.settings import IntakeSettings


class Member(Protocol):
    """A connection, as far as gathering is concerned."""

    @property
    def link(self) -> Link:
        """Where its frames wait."""
        ...

    @property
    def session(self) -> Session:
        """What it owes."""
        ...

    def moved(self) -> None:
        """Something it may have waited for has happened."""

    def pay(self, position: int) -> None:
        """Everything before `position` is durable: say what is due."""


class Unsynced(NamedTuple):
    """A batch in the journal that is not known to be safe yet."""

    position: int
    members: tuple[Member, ...]
    answers: int
    since: float


class Gatherer:
    """Two tasks: `run` decodes and appends, `acknowledge` follows the durable position."""

    def __init__(self, line: Line, settings: IntakeSettings) -> None:
        """Nothing waits yet."""
        self._line = line
        self._settings = settings
        self._members: dict[int, Member] = {}
        self._waiting: dict[int, Member] = {}
        self._held: dict[int, Member] = {}
        self._unsynced: deque[Unsynced] = deque()
        self._moved = trio.Event()
        self._paid = trio.Event()
        self._in_batch = False
        self._waits = False
        self.no_room = ""
        """Why the batch at hand cannot be appended; nothing when it can."""
        self.pending_bytes = 0
        self.cut = 0

    def join(self, member: Member) -> None:
        """`member` will bring frames."""
        self._members[member.session.link_id] = member

    def leave(self, member: Member) -> None:
        """`member` is over; what it still had pending is forgotten (it was never acknowledged)."""
        self._members.pop(member.session.link_id, None)
        self._waiting.pop(member.session.link_id, None)
        self._held.pop(member.session.link_id, None)
        self.pending_bytes -= member.session.waiting
        self.cut += not member.session.stored()
        self._release()

    @property
    def full(self) -> bool:
        """Whether no socket is to be read."""
        return self.pending_bytes >= self._settings.pending_bytes_max

    @property
    def members(self) -> int:
        """How many links bring frames."""
        return len(self._members)

    @property
    def unsynced(self) -> int:
        """How many batches are appended and not known to be durable."""
        return len(self._unsynced)

    @property
    def unsynced_since(self) -> float | None:
        """When the oldest frame that is not known to be durable was received."""
        return self._unsynced[0].since if self._unsynced else None

    @property
    def held(self) -> str:
        """Why nothing is taken in, or nothing when it is."""
        if self.no_room:
            return self.no_room
        return "the journal is behind" if self.full else ""

    def chunk_bytes(self) -> int:
        """How much one receive may take, so that all links together stay within one limit more."""
        share = self._settings.pending_bytes_max // max(1, len(self._members))
        return min(CHUNK_BYTES_MAX, max(CHUNK_BYTES_MIN, share))

    def fed(self, member: Member, waiting: int, now: float) -> None:
        """`member`'s link has `waiting` bytes of whole frames."""
        self.pending_bytes += waiting - member.session.waiting
        member.session.received(waiting, now)
        if waiting and member.session.link_id not in self._waiting:
            self._waiting[member.session.link_id] = member
            self._moved.set()

    def hold(self, member: Member) -> None:
        """`member` waits for room; it is told by `moved`."""
        if self.full and not self._held:
            self._line.observer.emit(IntakeHeld(pending_bytes=self.pending_bytes))
        self._held[member.session.link_id] = member

    async def run(self) -> None:
        """Decodes and appends what waits, one batch at a time, for ever."""
        while True:
            await self._until_ready()
            await self._batch()

    async def acknowledge(self) -> None:
        """Follows the durable position, for ever."""
        journal = self._line.journal
        position = journal.durable
        while True:
            self._pay(position)
            position = await journal.durable_after(position)

    async def drained(self) -> None:
        """Waits until all that came in is durable, also what nobody is owed an answer for."""
        while self._waiting or self._in_batch or self._unsynced:
            self._paid = trio.Event()
            await self._paid.wait()

    async def _until_ready(self) -> None:
        while not self._waiting or len(self._unsynced) >= self._settings.batches_unsynced_max:
            self._moved = trio.Event()
            # Blocks that wait for more time out in a batch, and there may never be another.
            with trio.move_on_after(LOOK_AGAIN_S if self._waits else inf) as look:
                await self._moved.wait()
            if look.cancelled_caught and not self._unsynced:
                return

    async def _batch(self) -> None:
        members = self._take()
        self._in_batch = True
        taken = sum(member.session.in_batch for member in members)
        began = trio.current_time()
        since = min((member.session.waiting_since for member in members), default=began)
        now_ms = self._line.clock.now_ms()
        links = [member.link for member in members]
        async with self._line.turn:
            with self._line.agreement.kept():
                batch = await self._line.offload(self._line.decoder.decode, links, now_ms)
                decoded = trio.current_time()
                position = await self._append(batch, now_ms)
        self._in_batch = False
        self._waits = batch.waits
        self.pending_bytes -= taken
        self._line.observer.emit(
            BatchAppended(
                links=len(members),
                frame_bytes=taken,
                rows=batch.rows,
                position=position,
                decode_s=decoded - began,
                counts=batch.counts,
            )
        )
        self._warn(batch.counts)
        self._owe(members, batch, position, since)
        self._resume(members)

    def _take(self) -> list[Member]:
        """The links that have waited longest, up to one batch."""
        members: list[Member] = []
        room = self._settings.batch_bytes_max
        while self._waiting and room > 0:
            link_id = next(iter(self._waiting))
            member = self._waiting.pop(link_id)
            room -= member.session.taken()
            members.append(member)
        return members

    def _warn(self, counts: Mapping[str, int | Mapping[str, int]]) -> None:
        failing = counts.get(WRONG_KEYS)
        if isinstance(failing, Mapping):
            for meter, frames in failing.items():
                self._line.observer.emit(WrongKey(meter=int(meter), frames_in_a_row=frames))

    async def _append(self, batch: Batch, now_ms: int) -> int:
        journal = self._line.journal
        if not batch.rows:
            return journal.appended
        full_since: float | None = None
        while True:
            try:
                position = await self._line.offload(journal.append, batch, now_ms)
            except JournalFull as error:
                self.no_room = str(error)
                if full_since is None:
                    full_since = trio.current_time()
                    self._line.observer.emit(JournalFullHeld(reason=str(error)))
                # A disk tells nobody when it has room again, so it is asked.
                await trio.sleep(self._settings.journal_full_retry_s)
            else:
                break
        if full_since is not None:
            self.no_room = ""
            waited_s = trio.current_time() - full_since
            self._line.observer.emit(JournalRoomFound(waited_s=waited_s))
        return position

    def _owe(self, members: list[Member], batch: Batch, position: int, since: float) -> None:
        """Notes who is to be told what once `position` is durable.

        Who brought frames and wants no answer waits for it too: the end of its connection is one.
        """
        replies: dict[int, list[bytes]] = {}
        for link_id, reply in batch.replies:
            replies.setdefault(link_id, []).append(reply)
        sequences = dict(batch.uplink)
        owed: list[Member] = []
        answered = self._members.keys() & (replies.keys() | sequences.keys())
        for link_id in answered | {member.session.link_id for member in members}:
            if member := self._members.get(link_id):
                reply = b"".join(replies.get(link_id, ()))
                member.session.appended(position, reply, sequences.get(link_id))
                owed.append(member)
        self._unsynced.append(Unsynced(position, tuple(owed), len(answered), since))
        self._pay(self._line.journal.durable)

    def _resume(self, members: list[Member]) -> None:
        """What came in during the batch waits for the next one."""
        for member in members:
            if member.session.link_id in self._members:
                waiting = member.link.waiting
                self.pending_bytes += waiting - member.session.waiting
                member.session.decoded(waiting)
                self._waiting.pop(member.session.link_id, None)
                if waiting:
                    self._waiting[member.session.link_id] = member
            member.moved()
        self._release()

    def _pay(self, position: int) -> None:
        while self._unsynced and self._unsynced[0].position <= position:
            batch = self._unsynced.popleft()
            for member in batch.members:
                member.pay(position)
            self._line.observer.emit(
                BatchDurable(
                    position=batch.position,
                    links_owed=batch.answers,
                    wait_s=trio.current_time() - batch.since,
                )
            )
        self._moved.set()
        self._paid.set()

    def _release(self) -> None:
        if not self.full and self._held:
            held, self._held = self._held, {}
            for member in held.values():
                member.moved()


LOOK_AGAIN_S = 5.0
CHUNK_BYTES_MAX = 262_144
CHUNK_BYTES_MIN = 4_096
