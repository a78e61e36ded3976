"""The commands about bills, arrears, decisions and the outbox: arguments and examples."""

import argparse
from collections.abc import Callable

from meteringest.cli import bills, decided
from meteringest.cli.arguments import account_number, add_span, count, day, instant
from meteringest.cli.money_parser import add_author

Made = argparse.ArgumentParser
BILLS_MAX = 1_200
"""Of one account: a hundred years of months."""
Command = Callable[..., Made]
Examples = Callable[..., str]
Everywhere = Callable[[Made], None]
Run = Callable[[argparse.Namespace], int]


def add_decided_commands(command: Command, examples: Examples, everywhere: Everywhere) -> None:
    """`bills`, `arrears` and `outbox`."""
    _Decided(command, examples, everywhere).add()


def add_dry_run(actions: "argparse._SubParsersAction[Made]", examples: Examples) -> Made:
    """`policy dry-run`."""
    made = actions.add_parser(
        "dry-run",
        help="who would be cut at that time, who not, and by which clause",
        description="Who would be cut at that time, who not, and for each the clause.\n"
        "Balances are those of that time; rules are those that are loaded. Nothing is written.",
        epilog=examples(
            "policy dry-run --at 2026-11-23T11:00",
            "policy dry-run --at 2026-11-23T11:00 --area UP/Lucknow --only cut --json",
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--at",
        metavar="TIME",
        type=instant,
        help="like 2026-11-23T11:00, Indian time unless it has an offset (now)",
    )
    made.add_argument("--area", default="", help="only this area and those below it")
    made.add_argument("--account", type=account_number, default=0, help="only this account")
    made.add_argument("--only", choices=tuple(decided.WORDS), help="only these")
    made.add_argument("--json", action="store_true", help="one JSON object a line")
    made.set_defaults(run=decided.dry_run)
    return made


class _Decided:
    def __init__(self, command: Command, examples: Examples, everywhere: Everywhere) -> None:
        self._command = command
        self._examples = examples
        self._everywhere = everywhere

    def add(self) -> None:
        """All of them."""
        self._bills()
        self._arrears()
        self._outbox()

    def _bills(self) -> None:
        group = self._command(
            "bills",
            "Bills of postpaid accounts: issue, list, show.",
            "bills issue",
            "bills list --account 1207",
        )
        actions = group.add_subparsers(metavar="ACTION", required=True)
        made = self._action(
            actions,
            "issue",
            "every bill that is due to be made or corrected; again changes nothing",
            "bills issue",
            "bills issue --on 2026-12-01 --account 1207 --json",
        )
        made.add_argument("--on", metavar="DAY", type=day, help="day of issue (today)")
        made.add_argument("--account", type=account_number, default=0, help="only this account")
        made.add_argument(
            "--unsafe-too",
            action="store_true",
            help="also periods with days that may still change; they are corrected later",
        )
        add_author(made)
        self._json(made, bills.issue)
        made = self._action(
            actions, "list", "bills that count", "bills list", "bills list --on 2026-11-15"
        )
        made.add_argument("--account", type=account_number, default=0, help="only of this account")
        made.add_argument("--on", metavar="DAY", type=day, help="of the period with this day")
        made.add_argument("--all", action="store_true", help="also versions that were corrected")
        made.add_argument(
            "--limit", metavar="N", type=count(), default=10_000, help="at most so many (10000)"
        )
        self._json(made, bills.list_bills)
        made = self._action(
            actions, "show", "one bill with all its versions", "bills show 1207-20261101"
        )
        made.add_argument("bill", metavar="BILL", help="its number")
        self._json(made, bills.show_bill)

    def _arrears(self) -> None:
        group = self._command(
            "arrears",
            "Unpaid bills: who is behind, and what came in.",
            "arrears list",
            "arrears recovery --from 2026-11-01 --to 2026-11-30",
        )
        actions = group.add_subparsers(metavar="ACTION", required=True)
        made = self._action(
            actions,
            "list",
            "accounts with consecutive unpaid bills",
            "arrears list",
            "arrears list --unpaid 1 --on 2026-11-15 --json",
        )
        made.add_argument("--on", metavar="DAY", type=day, help="as of this day (today)")
        made.add_argument(
            "--unpaid",
            metavar="N",
            type=count(BILLS_MAX),
            default=2,
            help="at least so many bills (2)",
        )
        self._json(made, bills.list_arrears)
        made = self._action(
            actions,
            "recovery",
            "day by day: disconnects, reconnects, and what was paid of overdue bills",
            "arrears recovery --from 2026-11-01 --to 2026-11-30",
        )
        add_span(made, required=True)
        self._json(made, bills.recovery)

    def _outbox(self) -> None:
        group = self._command(
            "outbox",
            "What is to be told or switched, and why.",
            "outbox list --kind disconnect",
        )
        actions = group.add_subparsers(metavar="ACTION", required=True)
        made = self._action(
            actions,
            "list",
            "notices, disconnects, reconnects and matters for an operator, the newest first",
            "outbox list",
            "outbox list --kind notice --since 2026-11-20 --json",
        )
        made.add_argument("--account", type=account_number, default=0, help="only of this account")
        kinds = ("notice", "disconnect", "reconnect", "operator")
        made.add_argument("--kind", choices=kinds, help="only of this kind")
        made.add_argument("--since", metavar="TIME", type=instant, help="only from then on")
        made.add_argument(
            "--limit", metavar="N", type=count(), default=1_000, help="at most so many (1000)"
        )
        self._json(made, decided.list_outbox)

    def _action(
        self,
        actions: "argparse._SubParsersAction[Made]",
        name: str,
        what: str,
        *examples: str,
    ) -> Made:
        made = actions.add_parser(
            name,
            help=what,
            description=f"{what[:1].upper()}{what[1:]}.",
            epilog=self._examples(*examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self._everywhere(made)
        return made

    def _json(self, made: Made, run: Run) -> None:
        made.add_argument("--json", action="store_true", help="one JSON object a line")
        made.set_defaults(run=run)
