"""Commands that need no service: decode, config, keygen, version."""

import argparse
import os
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.config import load, printed, reference
from meteringest.errors import ConfigError
from meteringest.registry.sealing import new_master_key


def add_decode_arguments(parser: argparse.ArgumentParser) -> None:
    """A frame for a person, or nothing for lines of JSON."""
    parser.add_argument("hex", metavar="HEX", nargs="*", help="one frame; spaces do not matter")
    parser.add_argument("--key", metavar="HEX", help="encryption key, 32 or 64 hex digits")
    parser.add_argument("--auth-key", metavar="HEX", help="authentication key, likewise")
    parser.add_argument("--title", metavar="HEX", help="system title, for frames that name none")


def decode(args: argparse.Namespace) -> int:
    """Prints trees for HEX, else one JSON line for each JSON line on standard input."""
    from meteringest.inspect import run_hex, run_lines  # noqa: PLC0415 -- loads the native core

    if args.hex:
        return run_hex(
            "".join(args.hex),
            encryption_key=args.key,
            authentication_key=args.auth_key,
            system_title=args.title,
            sink=sys.stdout,
        )
    # A buffer of our own: unbuffered, Python's stdout would cut long lines short.
    with open(sys.stdout.fileno(), "wb", closefd=False) as sink:
        return run_lines(sys.stdin.buffer, sink)


def config(args: argparse.Namespace) -> int:
    """Settings as they are in effect, or all there are."""
    write_out(reference() if args.reference else printed(load(args.config)))
    return Outcome.DONE


def keygen(args: argparse.Namespace) -> int:
    """To standard output, or to a new file with mode 0600."""
    key = new_master_key() + "\n"
    if args.out is None:
        write_out(key)
        return Outcome.DONE
    try:
        made = os.open(args.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(str(args.out), f"not written: {error.strerror}") from None
    with os.fdopen(made, "w") as out:
        out.write(key)
    return Outcome.DONE


def version(_: argparse.Namespace) -> int:
    """This program, and the engine and driver it was installed with."""
    for package in ("meteringest", "chdb", "clickhouse-connect", "trio"):
        write_out(f"{package} {_version(package)}\n")
    return Outcome.DONE


def _version(package: str) -> str:
    try:
        return version_of(package)
    except PackageNotFoundError:
        return "(run from its source tree)"
