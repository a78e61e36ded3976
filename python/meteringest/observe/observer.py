"""The service's observer: every event is counted, those loud enough are told."""

from collections.abc import Callable

from meteringest.events import Event
from meteringest.observe.catalogue import unmoved
from meteringest.observe.counters import Counters
from meteringest.observe.log import LogLines


class ServiceObserver:
    """Joins log and counters, so that they cannot tell different stories."""

    def __init__(self, log: LogLines, counters: Counters | None = None) -> None:
        """Shows the log's own losses among the counters, and what nothing has moved yet as 0."""
        self._log = log
        self._counters = counters or Counters()
        self._counters.add(dict.fromkeys(unmoved(), 0.0))
        self.gauge("log_lines_left_out_total", lambda: log.lines_left_out)
        self.gauge("log_write_errors_total", lambda: log.write_errors)

    def emit(self, event: Event) -> None:
        """Counts `event`, and tells it if it is loud enough."""
        self._counters.add(event.tally())
        self._log.tell(event)

    def gauge(self, name: str, ask: Callable[[], float]) -> None:
        """Shows what `ask` answers as `name` in every snapshot."""
        self._counters.gauge(name, ask)

    def counters(self) -> dict[str, float]:
        """Every counter and gauge, by name; keys with labels are written as Prometheus does."""
        return self._counters.snapshot()
