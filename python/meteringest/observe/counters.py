"""Numbers since the start, and numbers as they stand now."""

from collections.abc import Callable, Mapping

SERIES_MAX = 10_000


class Counters:
    """Counters only rise; gauges are asked when someone looks.

    Not locked: the trio loop is the only writer and the only reader.
    """

    def __init__(self, series_max: int = SERIES_MAX) -> None:
        """`series_max` bounds what labels made of a peer's words can cost."""
        self._series_max = series_max
        self._counts: dict[str, float] = {}
        self._gauges: dict[str, Callable[[], float]] = {}

    def add(self, tally: Mapping[str, float]) -> None:
        """Adds each amount to its counter; a new series past the limit goes into one of its own."""
        for key, amount in tally.items():
            if key in self._counts:
                self._counts[key] += amount
            elif len(self._counts) < self._series_max:
                self._counts[key] = amount
            else:
                dropped = "metric_series_dropped_total"
                self._counts[dropped] = self._counts.get(dropped, 0) + 1

    def gauge(self, name: str, ask: Callable[[], float]) -> None:
        """Shows what `ask` answers as `name` from now on."""
        self._gauges[name] = ask

    def snapshot(self) -> dict[str, float]:
        """Every counter and gauge, by name."""
        now = dict(self._counts)
        now.update((name, ask()) for name, ask in self._gauges.items())
        return dict(sorted(now.items()))
