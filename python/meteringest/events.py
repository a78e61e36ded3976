"""What can happen, as types: one event is at once a log line and its counters.

Rule 1: a part states what happened and never how it is shown; only observe/ writes and counts.
Rule 2: keys, tokens and plaintext are never fields. A part's own events stand in its own folder.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import cache
from re import sub
from typing import ClassVar, Protocol

from msgspec import Struct


class Level(IntEnum):
    """How loudly an event is told; the words are those of the log_level setting."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened; its fields are its words."""

    level: ClassVar[Level] = Level.INFO

    def tally(self) -> Mapping[str, float]:
        """The counters this event moves, and by how much: one of its own name unless it says."""
        return {f"{event_name(type(self))}_total": 1}


class Observer(Protocol):
    """Where events go."""

    def emit(self, event: Event) -> None:
        """Counts `event` and tells it if its level is to be told; never raises, never blocks."""
        ...


@cache
def event_name(kind: type[Event]) -> str:
    """LinkRefused -> link_refused."""
    return sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()


def labelled(name: str, **labels: str) -> str:
    """A counter's key with labels, as Prometheus writes it: `frames_total{dcu="7"}`."""
    pairs = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
    return f"{name}{{{pairs}}}"


def seen_in(name: str, value: float, bounds: Sequence[float]) -> dict[str, float]:
    """How one `value` moves the series of the histogram `name`."""
    buckets = {labelled(f"{name}_bucket", le=f"{bound:g}"): value <= bound for bound in bounds}
    whole = labelled(f"{name}_bucket", le="+Inf")
    return {**buckets, whole: 1, f"{name}_sum": value, f"{name}_count": 1}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
