"""Commands that show accounts: lists, one account on a page, its statement."""

import argparse

import msgspec

from meteringest.cli.account_text import account_text, day_text, list_text, statement_text
from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.cli.reach import Service, reach
from meteringest.config import load
from meteringest.control.money import AskAccount, AskAccounts, AskDay, AskStatement
from meteringest.prepaid.ledger.statement import Statement
from meteringest.prepaid.showing.pages import AccountListed, AccountShown, DayAgain


def list_accounts(args: argparse.Namespace) -> int:
    """A line each, tab-separated; JSON lines when asked."""
    asked = AskAccounts(match=args.match, limit=args.limit)
    with reach(load(args.config).config) as service:
        found = service.money(asked, list[AccountListed])
    if args.json:
        write_out(b"".join(msgspec.json.encode(each) + b"\n" for each in found))
    else:
        write_out(list_text(found))
    return Outcome.DONE


def show(args: argparse.Namespace) -> int:
    """Terms, balance, what is left of it, meters."""
    with reach(load(args.config).config) as service:
        found = service.money(AskAccount(args.account), AccountShown)
    write_out(msgspec.json.encode(found) + b"\n" if args.json else account_text(found))
    return Outcome.DONE if found.known else Outcome.FAILED


def statement(args: argparse.Namespace) -> int:
    """Opening, every line, closing."""
    asked = AskStatement(account=args.account, first=args.first, last=args.last)
    with reach(load(args.config).config) as service:
        found = service.money(asked, Statement)
        days = _days_again(service, found) if args.intervals else []
    if args.json:
        write_out(b"".join(msgspec.json.encode(each) + b"\n" for each in (found, *days)))
    else:
        write_out(statement_text(found) + "".join(map(day_text, days)))
    good = found.known and not any(each.differs for each in days)
    return Outcome.DONE if good else Outcome.FAILED


def _days_again(service: Service, found: Statement) -> list[DayAgain]:
    charged = sorted({each.of_day for each in found.lines if each.components})
    within = [each for each in charged if found.first <= each <= found.last]
    return [service.money(AskDay(found.account, each), DayAgain) for each in within]
