"""Commands on files of rules: checked and shown without any store, and loaded into it."""

import argparse

import msgspec

from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.cli.reach import reach
from meteringest.config import load
from meteringest.control.money import AskLoadRules


def check_tariff(args: argparse.Namespace) -> int:
    """One line for a good file of any kind that `load` takes; every problem of a bad one."""
    from meteringest.prepaid import command  # noqa: PLC0415 -- loads numpy

    write_out(command.tariffs_check(args.file))
    return Outcome.DONE


def show_tariff(args: argparse.Namespace) -> int:
    """The tariff as it was understood, and what sample months come to."""
    from meteringest.prepaid import command  # noqa: PLC0415 -- as above

    write_out(command.tariffs_show(args.file, args.calendar))
    return Outcome.DONE


def check_policy(args: argparse.Namespace) -> int:
    """The same; of a policy its clauses as they were understood."""
    from meteringest.prepaid import command  # noqa: PLC0415 -- as above

    write_out(command.policy_check(args.file))
    return Outcome.DONE


def load_rules(args: argparse.Namespace) -> int:
    """All files into the store, or none; what stands there already is nothing new."""
    from meteringest.prepaid.ledger.loading import Loaded, RuleFile  # noqa: PLC0415 -- as above
    from meteringest.prepaid.rules_file import read_text  # noqa: PLC0415

    files = [RuleFile(str(file), read_text(file)) for file in args.files]
    asked = AskLoadRules(files=files, author=args.author)
    with reach(load(args.config).config) as service:
        loaded = service.money(asked, list[Loaded])
    if args.json:
        write_out(b"".join(msgspec.json.encode(each) + b"\n" for each in loaded))
        return Outcome.DONE
    for each in loaded:
        word = "loaded" if each.new else "stood already"
        until = f" to {each.effective_to}" if each.effective_to is not None else ""
        write_out(
            f"{each.file}: {each.kind} {each.name} version {each.id}, "
            f"from {each.effective_from}{until}: {word}\n"
        )
        write_out("".join(f"  {notice}\n" for notice in each.notices))
    return Outcome.DONE
