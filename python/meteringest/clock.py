"""Calendar time. Durations are trio's business; pure code and Rust get `now` as an argument."""

import time


class WallClock:
    """The machine's wall clock; a simulation or a test passes a subclass that answers otherwise."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000

    def now_s(self) -> int:
        """Whole seconds since 1970-01-01 UTC."""
        return self.now_ms() // 1_000
