"""What the store tells an observer: each is a log line and a counter."""

from typing import Protocol

from msgspec import Struct


class RangeStored(Struct, frozen=True, tag=True):
    """A range of the journal stands in the store."""

    first: int
    next: int
    reads: int
    rows: int
    duration_s: float


class StoreWaited(Struct, frozen=True, tag=True):
    """The store did not take a range now; the journal keeps it."""

    first: int
    next: int
    reason: str
    wait_s: float


class BlockCut(Struct, frozen=True, tag=True):
    """A block spanned more days than one insert may and was cut."""

    table: str
    blocks: int


class EndpointRefused(Struct, frozen=True, tag=True):
    """The endpoint said no to a request."""

    user: str
    code: int
    reason: str


StoreEvent = RangeStored | StoreWaited | BlockCut | EndpointRefused


class Observer(Protocol):
    """Where events go."""

    def emit(self, event: StoreEvent) -> None:
        """Takes one event; never raises, never blocks."""
        ...
