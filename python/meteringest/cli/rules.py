"""Commands on files of rules: tariffs and policies, checked and shown without any store."""

import argparse

from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out


def check_tariff(args: argparse.Namespace) -> int:
    """One line for a good file; every problem of a bad one."""
    from meteringest.prepaid import command  # noqa: PLC0415 -- loads numpy

    write_out(command.tariffs_check(args.file))
    return Outcome.DONE


def show_tariff(args: argparse.Namespace) -> int:
    """The tariff as it was understood, and what sample months come to."""
    from meteringest.prepaid import command  # noqa: PLC0415 -- as above

    write_out(command.tariffs_show(args.file, args.calendar))
    return Outcome.DONE


def check_policy(args: argparse.Namespace) -> int:
    """The policy's clauses as they were understood."""
    from meteringest.prepaid import command  # noqa: PLC0415 -- as above

    write_out(command.policy_check(args.file))
    return Outcome.DONE
