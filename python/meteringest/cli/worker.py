"""Commands about charging: a worker of its own, and charges made again."""

import argparse
import re
from collections.abc import Callable

import msgspec

from meteringest.cli.arguments import account_number, day
from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.cli.reach import reach
from meteringest.config import load
from meteringest.control.charging import AskCharging, AskRecompute, AskSweep, Recharged
from meteringest.prepaid.worker.settings import SWEEP_DAYS_MAX
from meteringest.prepaid.worker.shards import SHARDS

Made = argparse.ArgumentParser
_NUMBER = re.compile(r"[0-9]{1,9}")
_SHARE = re.compile(r"(\d{1,2})/(\d{1,2})")


def add_worker_commands(
    command: Callable[..., Made], examples: Callable[..., str], everywhere: Callable[[Made], None]
) -> None:
    """`worker` and `charges`."""
    made = command(
        "worker",
        "Charge accounts in a process of its own, on a ClickHouse server.",
        "worker",
        "worker --shard 2/3    # the second of three that share the accounts",
    )
    made.add_argument(
        "--shard",
        metavar="I/N",
        type=_share,
        default=(1, 1),
        help=f"part I of N of all accounts, N at most {SHARDS} (1/1); the same part may run twice",
    )
    made.set_defaults(run=work)
    group = command(
        "charges",
        "Charges made again: what a sweep finds, or what you name.",
        "charges sweep --days 35",
        "charges recompute --account 1207 --from 2026-11-01",
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    swept = actions.add_parser(
        "sweep",
        help="find charges that were not made from what the store holds, and mend them",
        description="Compares the charges of the last days with what they were made from.",
        epilog=examples("charges sweep", "charges sweep --days 35 --json"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    swept.add_argument(
        "--days", type=_days, default=35, help=f"so many days back (35), at most {SWEEP_DAYS_MAX}"
    )
    swept.set_defaults(run=sweep)
    again = actions.add_parser(
        "recompute",
        help="charge again from a day on",
        description="Charges accounts again from a local day on; equal inputs, equal charges.",
        epilog=examples(
            "charges recompute --account 1207 --from 2026-11-01",
            "charges recompute --all --from 2026-11-01",
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = again.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--account",
        dest="accounts",
        metavar="ACCOUNT",
        type=account_number,
        action="append",
        default=[],
    )
    which.add_argument("--all", action="store_true", help="every account")
    again.add_argument("--from", dest="first", metavar="DAY", type=day, required=True)
    again.set_defaults(run=recompute)
    for each in (swept, again):
        each.add_argument("--json", action="store_true", help="one JSON object")
        everywhere(each)


def work(args: argparse.Namespace) -> int:
    """Runs until told to stop."""
    config = load(args.config).config
    from meteringest.app import work as run  # noqa: PLC0415 -- the engine loads slowly

    run(config, *args.shard)
    return Outcome.DONE


def sweep(args: argparse.Namespace) -> int:
    """Of the running service, or of the store when none runs."""
    return _tell(args, AskSweep(args.days))


def recompute(args: argparse.Namespace) -> int:
    """The same for what is named."""
    return _tell(args, AskRecompute(accounts=args.accounts, first=args.first))


def _tell(args: argparse.Namespace, asked: AskCharging) -> int:
    with reach(load(args.config).config) as service:
        done = service.money(asked, Recharged)
    if args.json:
        write_out(msgspec.json.encode(done) + b"\n")
        return Outcome.DONE
    found = f"{done.found:,} days found that were not as they should be\n" if done.found else ""
    write_out(
        f"{found}{done.days:,} days of {done.accounts:,} accounts charged again, "
        f"{done.changed:,} of them differ\n"
    )
    return Outcome.DONE


def _days(text: str) -> int:
    days = int(text) if _NUMBER.fullmatch(text) else -1
    if not 0 <= days <= SWEEP_DAYS_MAX:
        reason = f"{text!r}; wanted a number of days from 0 to {SWEEP_DAYS_MAX}"
        raise argparse.ArgumentTypeError(reason)
    return days


def _share(text: str) -> tuple[int, int]:
    found = _SHARE.fullmatch(text)
    index, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= index <= count <= SHARDS:
        reason = f"{text!r}; wanted I/N with I from 1 to N and N at most {SHARDS}"
        raise argparse.ArgumentTypeError(reason)
    return index, count
