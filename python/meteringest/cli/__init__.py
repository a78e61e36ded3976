"""The command line: the only reader of argv, and where every error becomes one line and a status.

Rule 1: a command parses its arguments, calls one function of a part and prints what came back.
Rule 2: what a person can cause ends in a line that says what to do; a traceback is our bug.
"""

import os
import sys
import traceback
from collections.abc import Sequence

from meteringest import arenas
from meteringest.cli.outcome import Outcome, leaves, outcome_of
from meteringest.cli.parser import parser
from meteringest.errors import MeterIngestError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    arenas.few()
    typed = sys.argv[1:] if argv is None else argv
    debug = "--debug" in typed
    try:
        return _run(typed, debug=debug)
    except BrokenPipeError:
        # Whoever read our output left (`| head`): nothing to say, and nowhere to say it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Outcome.BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 -- the last line of defence, and it exits
        if debug:
            traceback.print_exception(error)
        _say(f"internal error: {type(error).__name__}: {error} (--debug shows where)")
        return Outcome.BUG


def _run(typed: Sequence[str], *, debug: bool) -> int:
    status: int = Outcome.FAILED
    try:
        args = parser().parse_args(typed)
        status = args.run(args)
        sys.stdout.flush()
    except* KeyboardInterrupt:
        status = Outcome.INTERRUPTED
    except* MeterIngestError as caught:
        if debug:
            traceback.print_exception(caught)
        for error in leaves(caught):
            status = outcome_of(error)
            _say(f"error: {error}")
    return status


def _say(line: str) -> None:
    sys.stderr.write(f"meteringest: {line}\n")
