"""Commands that move money: each an order with a reference, sent again until it is answered."""

import argparse
from collections.abc import Sequence

import msgspec

from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.cli.reach import Service, reach
from meteringest.cli.records import FORMS, opened
from meteringest.config import load
from meteringest.control.money import AskEnter
from meteringest.csv_rows import CsvRows, decoded
from meteringest.prepaid.ledger.entries import Book, EntryKind
from meteringest.prepaid.ledger.forms import PAYMENTS
from meteringest.prepaid.ledger.orders import (
    ALREADY,
    TAKEN,
    Adjust,
    Convert,
    Entered,
    Order,
    Refund,
    Reverse,
    TakePayment,
    Transfer,
)
from meteringest.prepaid.tariff import Payment
from meteringest.progress import progress

ORDERS_SENT_MAX = 1_000


def take(args: argparse.Namespace) -> int:
    """One payment."""
    order = TakePayment(
        account=args.account, amount=args.amount, origin=args.origin, reference=args.reference
    )
    return _enter(args, order)


def adjust(args: argparse.Namespace) -> int:
    """A signed amount."""
    book = Book(args.book) if args.book else None
    return _enter(
        args, Adjust(account=args.account, amount=args.amount, book=book, **_reasons(args))
    )


def transfer(args: argparse.Namespace) -> int:
    """From one account to another."""
    return _enter(
        args, Transfer(account=args.account, to=args.to, amount=args.amount, **_reasons(args))
    )


def refund(args: argparse.Namespace) -> int:
    """Money that went out."""
    return _enter(args, Refund(account=args.account, amount=args.amount, **_reasons(args)))


def reverse(args: argparse.Namespace) -> int:
    """A whole transaction taken back."""
    return _enter(args, Reverse(of=EntryKind(args.kind), **_reasons(args)))


def convert(args: argparse.Namespace) -> int:
    """Another way of paying from a day on."""
    share = args.recover_percent
    order = Convert(
        account=args.account,
        to=Payment(args.to),
        from_day=args.from_day,
        credit=args.credit,
        tariff=args.tariff,
        recover_ppm=share,
        recover_month=args.recover_month,
        **_reasons(args),
    )
    return _enter(args, order)


def import_file(args: argparse.Namespace) -> int:
    """Every row is read before the first is sent; what is refused is told with its row."""
    config = load(args.config).config
    name = "standard input" if args.file == "-" else args.file
    rows = CsvRows(FORMS[PAYMENTS], name, problems_max=config.registry.import_problems_max)
    with opened(args.file) as lines, progress(f"reading {name}") as advance:
        numbered = [
            (line, _payment(given)) for line, given in decoded(list(rows.parts(lines, advance)))
        ]
    with reach(config) as service, progress("entering") as advance:
        done = []
        for at in range(0, len(numbered), ORDERS_SENT_MAX):
            some = numbered[at : at + ORDERS_SENT_MAX]
            done += _sent(service, [order for _, order in some])
            advance(len(some))
    return _report(name, [line for line, _ in numbered], done, as_json=args.json)


def _payment(given: dict[str, object]) -> TakePayment:
    return TakePayment(
        account=int(str(given["account"])),
        amount=str(given["amount"]),
        origin=str(given["origin"]),
        reference=str(given["reference"]),
        paid_at_ms=int(str(given.get("paid_at") or 0)),
    )


def _report(name: str, lines: Sequence[int], done: Sequence[Entered], *, as_json: bool) -> int:
    refused = [(line, each) for line, each in zip(lines, done, strict=True) if each.refused]
    if as_json:
        shown = [
            {"row": line, **msgspec.to_builtins(each)}
            for line, each in zip(lines, done, strict=True)
        ]
        write_out(b"".join(msgspec.json.encode(each) + b"\n" for each in shown))
    else:
        counts = {word: sum(each.outcome == word for each in done) for word in (TAKEN, ALREADY)}
        words = ", ".join(f"{count:,} {word}" for word, count in counts.items())
        write_out(f"{name}: {len(done):,} rows, {words}, {len(refused):,} refused\n")
        write_out("".join(f"row {line}, {_why(each)}\n" for line, each in refused))
    return Outcome.FAILED if refused else Outcome.DONE


def _enter(args: argparse.Namespace, order: Order) -> int:
    with reach(load(args.config).config) as service:
        (done,) = _sent(service, [order])
    if args.json:
        write_out(msgspec.json.encode(done) + b"\n")
    else:
        write_out(f"{_why(done)}\n" if done.refused else f"{done.outcome}: {done.transaction}\n")
    return Outcome.FAILED if done.refused else Outcome.DONE


def _sent(service: Service, orders: list[Order]) -> list[Entered]:
    return service.money(AskEnter(orders), list[Entered])


def _why(done: Entered) -> str:
    return f"account {done.account} refused: {done.problem}: {done.found}"


def _reasons(args: argparse.Namespace) -> dict[str, str]:
    return {
        "origin": args.origin,
        "reference": args.reference,
        "author": args.author,
        "reason": args.reason,
    }
