"""What can happen to the listener of those who watch."""

from collections.abc import Mapping
from typing import ClassVar

from meteringest.events import Event, Level, labelled


class WatchListening(Event, frozen=True, kw_only=True):
    """The port for metrics and health is open."""

    host: str
    port: int


class WatchRefused(Event, frozen=True, kw_only=True):
    """A watcher was turned away."""

    level: ClassVar[Level] = Level.DEBUG
    rule: str

    def tally(self) -> Mapping[str, float]:
        """By why."""
        return {labelled("watch_refused_total", rule=self.rule): 1}
