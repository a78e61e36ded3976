"""`meteringest` that kills itself at a named step.

python -m tests.crash.stepped STEP NTH COMMAND …

The real program with nothing changed but this: around one of its own calls stands a kill -9.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from itertools import count
from types import ModuleType

from meteringest.app.backlog import JournalBacklog
from meteringest.app.checkpoints import Checkpoints
from meteringest.cli import main
from meteringest.intake.session import Session
from meteringest.journal.group_commit import GroupCommit
from meteringest.store import insertion
from meteringest.store.clickhouse import Store

STEPS: dict[str, tuple[type | ModuleType, str]] = {
    "append": (Checkpoints, "append"),
    "sync": (GroupCommit, "_sync"),
    "ack": (Session, "durable"),
    "said": (Session, "sent"),
    "plan": (JournalBacklog, "plan"),
    "insert": (Store, "insert"),
    "mark": (insertion, "_mark_stored"),
    "release": (JournalBacklog, "advance"),
    "checkpoint": (Checkpoints, "write"),
}
WHENS = ("before", "after")


def names() -> list[str]:
    """Every step that can be asked for."""
    return [f"{when}-{step}" for step in STEPS for when in WHENS]


def arm(name: str, nth: int) -> None:
    """Kills this process at the nth time of the step."""
    when, _, step = name.partition("-")
    owner, call = STEPS[step]
    setattr(owner, call, _armed(getattr(owner, call), when, nth))


def _armed(call: Callable[..., object], when: str, nth: int) -> Callable[..., object]:
    turns = count(1)

    def die(now: str, turn: int) -> None:
        if now == when and turn == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    @wraps(call)
    def called(*args: object, **named: object) -> object:
        turn = next(turns)
        die("before", turn)
        done = call(*args, **named)
        die("after", turn)
        return done

    @wraps(call)
    async def awaited(*args: object, **named: object) -> object:
        turn = next(turns)
        die("before", turn)
        done = await call(*args, **named)  # type: ignore[misc]
        die("after", turn)
        return done

    return awaited if iscoroutinefunction(call) else called


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    sys.exit(main(sys.argv[3:]))
