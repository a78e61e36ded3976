"""How fast something counts, over the last stretch of time."""

from collections import deque

WINDOW_S = 60.0
SAMPLES_MAX = 120


class Rate:
    """Samples of a rising count; the rate is that of the window they span."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        """Nothing was counted yet."""
        self._window_s = window_s
        self._samples: deque[tuple[float, float]] = deque(maxlen=SAMPLES_MAX)

    def sample(self, now: float, count: float) -> None:
        """The count as it stands at `now` (s); older samples than the window are let go."""
        while self._samples and self._samples[0][0] < now - self._window_s:
            self._samples.popleft()
        self._samples.append((now, count))

    def per_s(self) -> float:
        """0 until two samples span some time."""
        if not self._samples:
            return 0.0
        (began, first), (ended, last) = self._samples[0], self._samples[-1]
        return (last - first) / (ended - began) if ended > began else 0.0
