"""What one link owes its peer, and whether it may go on: acknowledgements only for the durable.

Rule 1: every rule about when an acknowledgement may leave, and when a link is read, held back or
given up, lives here.
Rule 2: this file knows no trio, no socket and no clock; the time now is an argument.
"""

from collections import deque
from enum import Enum, auto
from typing import NamedTuple

from meteringest.errors import InvariantError
from meteringest.intake.uplink import Ack, packed


class Verdict(Enum):
    """What the connection should do next."""

    READ = auto()
    WAIT = auto()
    CLOSE = auto()


class Owed(NamedTuple):
    """What must be said once everything before `position` is durable."""

    position: int
    replies: bytes
    sequence: int | None


class Due(NamedTuple):
    """What may be said now, and up to where an uplink is acknowledged by it."""

    bytes: bytes
    acked: int | None


class Session:
    """One link's frames on their way, and its debts."""

    def __init__(
        self,
        link_id: int,
        now: float,
        *,
        idle_timeout_s: float,
        waiting_bytes_max: int,
        unsent_bytes_max: int,
        acked: int = 0,
    ) -> None:
        """Starts the idle period at `now`; `acked` is where an uplink goes on."""
        self.link_id = link_id
        self._idle_timeout_s = idle_timeout_s
        self._waiting_bytes_max = waiting_bytes_max
        self._unsent_bytes_max = unsent_bytes_max
        self._heard_at = now
        self._owed: deque[Owed] = deque()
        self._acked = acked
        self.waiting = 0
        self.waiting_since = now
        self.in_batch = 0
        self.unsent = 0
        self.over = False

    def heard(self, now: float) -> None:
        """Patience starts again."""
        self._heard_at = now

    def received(self, waiting: int, now: float) -> None:
        """A chunk was fed, and `waiting` bytes of whole frames stand in the link.

        Only a whole frame earns patience: a peer that drips single bytes runs out of it.
        """
        if waiting > 0 and waiting != self.waiting:
            self._heard_at = now
        if not self.waiting:
            self.waiting_since = now
        self.waiting = waiting

    def taken(self) -> int:
        """The decoder takes what is waiting; returns how much that is."""
        self.in_batch, self.waiting = self.waiting, 0
        return self.in_batch

    def decoded(self, waiting: int) -> None:
        """The batch is appended; what came in meanwhile is still waiting."""
        self.in_batch, self.waiting = 0, waiting

    def appended(self, position: int, replies: bytes = b"", sequence: int | None = None) -> None:
        """What came in is in a batch that ends at `position`; answers wait until it is durable."""
        if self._owed and position < self._owed[-1].position:
            raise InvariantError("I5", f"appended {position} after {self._owed[-1].position}")
        self._owed.append(Owed(position, replies, sequence))

    def durable(self, position: int) -> Due:
        """Everything before `position` survives a crash; returns what may be said now."""
        replies: list[bytes] = []
        acked: int | None = None
        while self._owed and self._owed[0].position <= position:
            owed = self._owed.popleft()
            replies.append(owed.replies)
            if owed.sequence is not None and owed.sequence > self._acked:
                acked = self._acked = owed.sequence
            elif owed.sequence is not None:
                acked = self._acked  # a repeat of what was acked: the peer is told again
        due = b"".join(replies)
        if acked is not None:
            due += packed(Ack(acked))
        self.unsent += len(due)
        return Due(due, acked)

    def sent(self, length: int) -> None:
        """The peer's socket took `length` bytes of what was due."""
        self.unsent -= length

    def settled(self) -> bool:
        """All that this link brought is durable, and every answer for it is said."""
        return self.stored() and not self.unsent

    def stored(self) -> bool:
        """All that this link brought is durable."""
        return not (self.waiting or self.in_batch or self._owed)

    def idle_until(self) -> float:
        """When patience ends."""
        return self._heard_at + self._idle_timeout_s

    def verdict(self, now: float, *, line_full: bool) -> Verdict:
        """Whether to read on, to hold back, or to give the link up."""
        if self.over:
            return Verdict.CLOSE
        if line_full or self._is_full():
            return Verdict.WAIT
        if now >= self.idle_until():
            return Verdict.CLOSE
        return Verdict.READ

    def _is_full(self) -> bool:
        behind = self.waiting + self.in_batch
        return behind >= self._waiting_bytes_max or self.unsent >= self._unsent_bytes_max
