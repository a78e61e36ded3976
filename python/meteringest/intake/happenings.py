"""What can happen to links and batches; each is a log line and its counters at once."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from meteringest.events import Event, Level, labelled, seen_in


class Listening(Event, frozen=True, kw_only=True):
    """A port is open."""

    listener: str
    host: str
    port: int
    transport: str
    framing: str
    tls: bool


class AcceptFailed(Event, frozen=True, kw_only=True):
    """The machine has no descriptor or memory for another link; accepting goes on later."""

    level: ClassVar[Level] = Level.ERROR
    listener: str
    reason: str


class CertificatesKept(Event, frozen=True, kw_only=True):
    """A listener's certificate files cannot be used as they are now; those read before count on."""

    level: ClassVar[Level] = Level.ERROR
    listener: str
    reason: str


class LinkOpened(Event, frozen=True, kw_only=True):
    """A peer is connected and, where asked for, identified."""

    level: ClassVar[Level] = Level.DEBUG
    listener: str
    peer: str
    link: int
    dcu: int

    def tally(self) -> Mapping[str, float]:
        """One link of this listener."""
        return {labelled("links_opened_total", listener=self.listener): 1}


class LinkRefused(Event, frozen=True, kw_only=True):
    """A peer was turned away before any of its frames was taken."""

    level: ClassVar[Level] = Level.WARNING
    listener: str
    peer: str
    rule: str
    detail: str

    def tally(self) -> Mapping[str, float]:
        """By the rule that refused it."""
        return {labelled("links_refused_total", listener=self.listener, rule=self.rule): 1}


class LinkClosed(Event, frozen=True, kw_only=True):
    """A link is over; everything it brought is in the journal."""

    level: ClassVar[Level] = Level.DEBUG
    listener: str
    peer: str
    link: int
    dcu: int
    rule: str
    detail: str
    received_bytes: int

    def tally(self) -> Mapping[str, float]:
        """By why it ended, and the bytes it brought."""
        return {
            labelled("links_closed_total", listener=self.listener, rule=self.rule): 1,
            labelled("received_bytes_total", listener=self.listener): self.received_bytes,
        }


class LinkLost(LinkClosed, frozen=True, kw_only=True):
    """A link ended because its peer broke a rule: someone should look at that peer."""

    level: ClassVar[Level] = Level.WARNING


class DatagramDropped(Event, frozen=True, kw_only=True):
    """A datagram went no further: a budget was spent, or its answer has no way to its sender."""

    level: ClassVar[Level] = Level.WARNING
    listener: str
    peer: str
    rule: str
    detail: str

    def tally(self) -> Mapping[str, float]:
        """By the rule that dropped it."""
        return {labelled("datagrams_dropped_total", listener=self.listener, rule=self.rule): 1}


class LinkFailed(Event, frozen=True, kw_only=True):
    """A fault of ours while serving one link; the others go on."""

    level: ClassVar[Level] = Level.ERROR
    listener: str
    peer: str
    reason: str


class UplinkAhead(Event, frozen=True, kw_only=True):
    """A concentrator was told more than our journal knows: the journal was lost or replaced."""

    level: ClassVar[Level] = Level.ERROR
    dcu: int
    known: int
    resume: int


class BatchAppended(Event, frozen=True, kw_only=True):
    """Frames of some links are in the journal, not yet synced."""

    level: ClassVar[Level] = Level.DEBUG
    links: int
    frame_bytes: int
    rows: int
    position: int
    decode_s: float
    counts: Mapping[str, int | Mapping[str, int]]

    def tally(self) -> Mapping[str, float]:
        """Batches, bytes, and the decoder's own counts by outcome and kind."""
        tally: dict[str, float] = {
            "batches_total": 1,
            "frame_bytes_total": self.frame_bytes,
            "decode_seconds_total": self.decode_s,
        }
        tally.update(_series(self.counts))
        return tally


class WrongKey(Event, frozen=True, kw_only=True):
    """A meter's frames keep failing under its key: look at its keys, or for who forges them."""

    level: ClassVar[Level] = Level.WARNING
    meter: int
    frames_in_a_row: int

    def tally(self) -> Mapping[str, float]:
        """How often it was said."""
        return {"wrong_key_alarms_total": 1}


class BatchDurable(Event, frozen=True, kw_only=True):
    """A batch is synced and what it owes is on its way to the peers.

    `wait_s` counts from when its oldest frame was received.
    """

    level: ClassVar[Level] = Level.DEBUG
    position: int
    links_owed: int
    wait_s: float

    def tally(self) -> Mapping[str, float]:
        """How long its acknowledgements took, if it owes any."""
        if not self.links_owed:
            return {"batches_durable_total": 1}
        return {
            "batches_durable_total": 1,
            **seen_in("ack_latency_seconds", self.wait_s, ACK_BOUNDS_S),
        }


class IntakeHeld(Event, frozen=True, kw_only=True):
    """The line is full: no socket is read until the journal has caught up."""

    pending_bytes: int

    level: ClassVar[Level] = Level.WARNING


class JournalFullHeld(Event, frozen=True, kw_only=True):
    """The disk has no room for a batch: nothing more is acknowledged until it has."""

    level: ClassVar[Level] = Level.ERROR
    reason: str


class JournalRoomFound(Event, frozen=True, kw_only=True):
    """The disk took the batch that had to wait; intake goes on."""

    level: ClassVar[Level] = Level.WARNING
    waited_s: float


class IntakeDrained(Event, frozen=True, kw_only=True):
    """Stopped: everything received is in the journal and acknowledged."""

    took_s: float


class DrainCut(Event, frozen=True, kw_only=True):
    """Stopped at the deadline: what is left is not acknowledged, so its senders repeat it."""

    level: ClassVar[Level] = Level.WARNING
    batches_unsynced: int
    links: int


WRONG_KEYS = "wrong_keys"
ACK_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


def _series(counts: Mapping[str, int | Mapping[str, int]]) -> Iterator[tuple[str, float]]:
    for name, count in counts.items():
        if name == WRONG_KEYS:
            continue  # said by an event for each meter
        if isinstance(count, int):
            yield f"{name}_total", count
        else:
            yield from ((labelled(f"{name}_total", kind=k), n) for k, n in count.items())
