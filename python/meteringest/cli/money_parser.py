"""The commands about money, their arguments and examples."""

import argparse
import getpass
from collections.abc import Callable
from pathlib import Path

from meteringest.cli import accounts, payments, records, rules
from meteringest.cli.arguments import account_number, add_span, count, day, word
from meteringest.prepaid.ledger.entries import Book, EntryKind
from meteringest.prepaid.ledger.forms import ACCOUNTS, FORMS, LINKS, PAYMENTS
from meteringest.prepaid.money import PPM, InexactError, figure, percent_ppm

Made = argparse.ArgumentParser
Command = Callable[..., Made]
Examples = Callable[..., str]
REVERSIBLE = (
    EntryKind.PAYMENT,
    EntryKind.REFUND,
    EntryKind.ADJUSTMENT,
    EntryKind.TRANSFER,
)


def add_money_commands(
    command: Command, examples: Examples, everywhere: Callable[[Made], None]
) -> None:
    """`accounts`, `payments`, `adjust`, `transfer`, `refund` and `reverse`."""
    _Money(command, examples, everywhere).add()


def add_load(actions: "argparse._SubParsersAction[Made]", examples: Examples, group: str) -> Made:
    """`load`, of tariffs and of policies alike."""
    loaded = actions.add_parser(
        "load",
        help="files of rules into the store: all of them, or none",
        description="Tariffs, calendars, fuel notices and policies; each file says which it is.\n"
        "A version is never changed: the same content again is nothing new.",
        epilog=examples(f"{group} load *.toml", f"{group} load calendar.toml rules.toml --json"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    loaded.add_argument("files", metavar="FILE", nargs="+", type=Path)
    loaded.add_argument("--json", action="store_true", help="one JSON object a line")
    add_author(loaded)
    loaded.set_defaults(run=rules.load_rules)
    return loaded


def add_author(made: Made) -> None:
    """Who does it: the account one is logged in with, unless said."""
    made.add_argument("--author", type=word, default=_login(), help="who enters it (%(default)s)")


class _Money:
    def __init__(
        self, command: Command, examples: Examples, everywhere: Callable[[Made], None]
    ) -> None:
        self._command = command
        self._examples = examples
        self._everywhere = everywhere

    def add(self) -> None:
        """All of them."""
        self._accounts()
        self._payments()
        self._orders()

    def _accounts(self) -> None:
        group = self._command(
            "accounts",
            "Accounts: import, list, show, statement, convert.",
            "accounts import accounts.csv",
            "accounts show 1234",
        )
        actions = group.add_subparsers(metavar="ACTION", required=True)
        for name, table, what in (
            ("import", ACCOUNTS, "terms of accounts, and balances they come with"),
            ("meters", LINKS, "which meter serves an account, and when"),
        ):
            made = self._action(
                actions,
                name,
                f"{what}, from a CSV file: all rows, or none",
                f"accounts {name} {table}.csv",
                more=f"\nColumns: {', '.join(FORMS[table].columns)}.",
            )
            made.add_argument("file", metavar="FILE", help="with a heading line; - is stdin")
            add_author(made)
            made.set_defaults(run=records.import_file, table=table)
        made = self._action(actions, "list", "accounts with their balances", "accounts list UP/")
        made.add_argument(
            "match", nargs="?", default="", help="a number, or text in tariff, class or area"
        )
        made.add_argument(
            "--limit", metavar="N", type=count(), default=1_000, help="at most so many (1000)"
        )
        self._json(made, accounts.list_accounts)
        made = self._action(
            actions, "show", "one account: terms, balance, units and hours left", "accounts show 12"
        )
        self._json(self._account(made), accounts.show)
        made = self._action(
            actions,
            "statement",
            "opening, every entry, charge and correction, closing",
            "accounts statement 12 --from 2026-11-01 --to 2026-11-30",
        )
        self._account(made)
        add_span(made, "last day (today)")
        made.add_argument(
            "--intervals",
            action="store_true",
            help="each day charged again, interval by interval, and held against what was posted",
        )
        self._json(made, accounts.statement)
        self._convert(actions)

    def _convert(self, actions: "argparse._SubParsersAction[Made]") -> None:
        made = self._action(
            actions,
            "convert",
            "another way of paying from a day on, with the balance",
            "accounts convert 12 prepaid --from 2026-12-01 --credit 100 --recover-percent 40 "
            "--reference C-77 --reason 'smart meter installed'",
        )
        self._account(made)
        made.add_argument("to", choices=("prepaid", "postpaid"))
        made.add_argument("--from", dest="from_day", metavar="DAY", type=day, required=True)
        made.add_argument("--credit", default="0", help="given into the new book (0)")
        made.add_argument("--tariff", default="", help="another tariff from that day on")
        made.add_argument("--recover-percent", type=_share, help="of every recharge to arrears")
        made.add_argument("--recover-month", metavar="AMOUNT", help="a month to arrears")
        self._order(made, payments.convert)

    def _payments(self) -> None:
        group = self._command(
            "payments",
            "Payments: take one, or import a file of them.",
            "payments import upi-2026-11-20.csv",
            "payments take 12 500 --origin upi --reference 4471",
        )
        actions = group.add_subparsers(metavar="ACTION", required=True)
        made = self._action(
            actions, "take", "one payment", "payments take 12 500 --origin upi --reference 4471"
        )
        self._account(made).add_argument("amount", metavar="AMOUNT")
        made.add_argument("--origin", type=word, required=True, help="the gateway")
        made.add_argument("--reference", type=word, required=True, help="its number there")
        self._json(made, payments.take)
        made = self._action(
            actions,
            "import",
            "a gateway's file, as often as you like: each reference counts once",
            "payments import upi-2026-11-20.csv",
            more=f"\nColumns: {', '.join(FORMS[PAYMENTS].columns)}.",
        )
        made.add_argument("file", metavar="FILE", help="with a heading line; - is stdin")
        self._json(made, payments.import_file)

    def _orders(self) -> None:
        made = self._command(
            "adjust",
            "A signed amount into an account's book.",
            "adjust 12 -35.50 --reference A-9 --reason 'read of 3 Nov was wrong'",
        )
        self._account(made).add_argument("amount", metavar="AMOUNT")
        made.add_argument(
            "--book", choices=[each.value for each in Book], help="(the one it pays by)"
        )
        self._order(made, payments.adjust)
        made = self._command(
            "transfer",
            "Money from one account to another.",
            "transfer 12 13 100 --reference T-1 --reason 'moved house'",
        )
        self._account(made).add_argument("to", metavar="TO", type=account_number)
        made.add_argument("amount", metavar="AMOUNT")
        self._order(made, payments.transfer)
        made = self._command(
            "refund",
            "Money paid back to a consumer; never more than there is.",
            "refund 12 100 --reference R-1 --reason 'account closed'",
        )
        self._account(made).add_argument("amount", metavar="AMOUNT")
        self._order(made, payments.refund)
        made = self._command(
            "reverse",
            "Takes a whole payment, adjustment, transfer or refund back.",
            "reverse payment --origin upi --reference 4471 --reason 'charged back by the bank'",
        )
        made.add_argument("kind", choices=[each.value for each in REVERSIBLE])
        self._order(made, payments.reverse)

    def _action(
        self,
        actions: "argparse._SubParsersAction[Made]",
        name: str,
        what: str,
        *examples: str,
        more: str = "",
    ) -> Made:
        made = actions.add_parser(
            name,
            help=what,
            description=f"{what[:1].upper()}{what[1:]}.{more}",
            epilog=self._examples(*examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self._everywhere(made)
        return made

    def _account(self, made: Made) -> Made:
        made.add_argument("account", metavar="ACCOUNT", type=account_number)
        return made

    def _json(self, made: Made, run: Callable[[argparse.Namespace], int]) -> None:
        made.add_argument("--json", action="store_true", help="JSON instead of text")
        made.set_defaults(run=run)

    def _order(self, made: Made, run: Callable[[argparse.Namespace], int]) -> None:
        made.add_argument(
            "--origin",
            type=word,
            default="office",
            help="who counts the reference (office)",
        )
        made.add_argument(
            "--reference",
            type=word,
            required=True,
            help="its number there: the same counts once",
        )
        made.add_argument("--reason", type=word, required=True)
        add_author(made)
        self._json(made, run)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for the number one runs as
        return "unknown"


def _share(text: str) -> int:
    try:
        share = percent_ppm(figure(text))
    except InexactError:
        share = -1
    if not 0 <= share <= PPM:
        reason = f"{text!r}; wanted 0 to 100, at most 4 decimals"
        raise argparse.ArgumentTypeError(reason)
    return share
