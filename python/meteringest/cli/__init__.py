"""The command line: the only reader of argv, and where every error becomes one line and a status.

Rule 1: a command parses its arguments, calls one function of a part and prints what came back.
Rule 2: what a person can cause ends in a line that says what to do; a traceback is our bug.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from meteringest.cli.outcome import Outcome, leaves, outcome_of
from meteringest.cli.parser import parser
from meteringest.errors import MeterIngestError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    args = parser().parse_args(argv)
    try:
        return _run(args)
    except BrokenPipeError:
        # Whoever read our output left (`| head`): nothing to say, and nowhere to say it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Outcome.BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 -- the last line of defence, and it exits
        if args.debug:
            traceback.print_exception(error)
        _say(f"internal error: {type(error).__name__}: {error} (--debug shows where)")
        return Outcome.BUG


def _run(args: argparse.Namespace) -> int:
    status: int = Outcome.FAILED
    try:
        status = args.run(args)
        sys.stdout.flush()
    except* KeyboardInterrupt:
        status = Outcome.INTERRUPTED
    except* MeterIngestError as caught:
        if args.debug:
            traceback.print_exception(caught)
        for error in leaves(caught):
            status = outcome_of(error)
            _say(f"error: {error}")
    return status


def _say(line: str) -> None:
    sys.stderr.write(f"meteringest: {line}\n")
