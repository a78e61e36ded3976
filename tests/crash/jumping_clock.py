"""`meteringest` whose wall clock jumps: python -m tests.crash.jumping_clock SECONDS ASKED COMMAND.

From the ASKED-th question on the clock is SECONDS off, as when a time server corrects it.
"""

import sys
from itertools import count

from meteringest.cli import main
from meteringest.clock import WallClock


def jump(seconds: int, asked: int) -> None:
    """Shifts what the clock says."""
    turns = count()
    right = WallClock.now_ms

    def now_ms(self: WallClock) -> int:
        return right(self) + (seconds * 1000 if next(turns) >= asked else 0)

    WallClock.now_ms = now_ms  # type: ignore[method-assign]


if __name__ == "__main__":
    jump(int(sys.argv[1]), int(sys.argv[2]))
    sys.exit(main(sys.argv[3:]))
