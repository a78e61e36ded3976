"""Commands about postpaid accounts: bills issued and shown, who is behind, what came in."""

import argparse
from collections.abc import Iterable, Sequence

import msgspec

from meteringest.cli.outcome import Outcome
from meteringest.cli.output import write_out
from meteringest.cli.reach import Service, reach
from meteringest.clock import WallClock
from meteringest.config import load
from meteringest.control.deciding import AskArrears, AskIssue, AskRecovery
from meteringest.prepaid.billing.work import Arrears, IssueDone, RecoveredDay, Wanted
from meteringest.prepaid.calendar import IST_OFFSET_MIN, local_day
from meteringest.prepaid.money import shown

WAITING_SHOWN_MAX = 50


class BillShown(msgspec.Struct, frozen=True, kw_only=True):
    """A row of m.v1_bills; amounts as the engine writes them, exactly."""

    account: int
    bill: str
    period_from: str
    period_to: str
    version: int
    current: int
    issued_on: str
    due_on: str
    tariffs: list[str]
    components: list[str]
    amounts: list[str]
    energy_wh: str
    charged: str
    brought: str
    received: str
    due: str
    difference: str
    author: str
    issued_at: str


def issue(args: argparse.Namespace) -> int:
    """Every bill that is due to be made or corrected, once."""
    wanted = Wanted(
        on=args.on or local_day(WallClock().now_s(), IST_OFFSET_MIN),
        account=args.account,
        unsafe_too=args.unsafe_too,
        author=args.author,
    )
    with reach(load(args.config).config) as service:
        done = service.money(AskIssue(wanted), IssueDone)
    write_out(msgspec.json.encode(done) + b"\n" if args.json else _issue_text(done))
    return Outcome.DONE


def _issue_text(done: IssueDone) -> str:
    head = f"{done.bills:,} bills over {shown(done.due)}, {done.corrected:,} corrected"
    lines = [f"{head}, {done.late_charges:,} late-payment charges"]
    lines += [
        f"waits: account {each.account}, {each.period_from} to {each.period_to}: {each.reason}"
        for each in done.waiting[:WAITING_SHOWN_MAX]
    ]
    if len(done.waiting) > WAITING_SHOWN_MAX:
        lines.append(f"and {len(done.waiting) - WAITING_SHOWN_MAX:,} more that wait")
    return "\n".join(lines) + "\n"


def list_bills(args: argparse.Namespace) -> int:
    """A line each, tab-separated; JSON lines when asked."""
    where = ["1"] if args.all else ["current = 1"]
    if args.account:
        where.append(f"account = {int(args.account)}")
    if args.on is not None:
        where.append(f"period_from <= '{args.on}' AND period_to >= '{args.on}'")
    with reach(load(args.config).config) as service:
        found = _bills(service, " AND ".join(where), args.limit)
    if args.json:
        write_out(json_lines(found))
    else:
        rows = [
            (b.account, b.bill, b.version, b.period_from, b.period_to, b.charged, b.due, b.due_on)
            for b in found
        ]
        heads = ("account", "bill", "version", "from", "to", "charged", "due", "due_on")
        write_out(lines_text(heads, rows))
    return Outcome.DONE


def show_bill(args: argparse.Namespace) -> int:
    """One bill, whole, with every version of it."""
    with reach(load(args.config).config) as service:
        found = _bills(service, f"bill = '{_quoted(args.bill)}'", 1_000)
    if args.json:
        write_out(json_lines(found))
    else:
        write_out("\n".join(map(_bill_text, found)) or f"no bill {args.bill}\n")
    return Outcome.DONE if found else Outcome.FAILED


def _bills(service: Service, where: str, limit: int) -> list[BillShown]:
    sql = _BILLS.format(where=where, limit=int(limit))
    return msgspec.json.Decoder(BillShown).decode_lines(service.query(sql, "JSONEachRow"))


def _bill_text(bill: BillShown) -> str:
    counts = "" if bill.current else ", replaced by a later version"
    lines = [
        f"bill        {bill.bill}, version {bill.version}{counts}",
        f"account     {bill.account}",
        f"period      {bill.period_from} to {bill.period_to}",
        f"issued      {bill.issued_on} by {bill.author}, due {bill.due_on}",
        f"tariff      {', '.join(bill.tariffs)}",
        f"energy      {bill.energy_wh} Wh",
        *(
            f"  {name:<26}{amount:>16}"
            for name, amount in zip(bill.components, bill.amounts, strict=True)
        ),
        f"{'charged':<28}{bill.charged:>16}",
        f"{'brought forward':<28}{bill.brought:>16}",
        f"{'received':<28}{bill.received:>16}",
        f"{'to be paid':<28}{bill.due:>16}",
    ]
    if bill.version > 1:
        lines.append(f"{'change to the version before':<28}{bill.difference:>16}")
    return "\n".join(lines) + "\n"


def list_arrears(args: argparse.Namespace) -> int:
    """Accounts behind with their bills, the most behind first."""
    asked = AskArrears(on=args.on, at_least=args.unpaid)
    with reach(load(args.config).config) as service:
        found = service.money(asked, list[Arrears])
    if args.json:
        write_out(json_lines(found))
    else:
        heads = ("account", "unpaid_bills", "overdue", "owed", "oldest_due_on", "class", "area")
        rows = [
            (
                each.account,
                each.unpaid_bills,
                shown(each.overdue),
                shown(each.owed),
                each.oldest_due_on,
                each.account_class,
                each.area,
            )
            for each in found
        ]
        write_out(lines_text(heads, rows))
    return Outcome.DONE


def recovery(args: argparse.Namespace) -> int:
    """Of each day: disconnects and reconnects decided, and what came in of overdue bills."""
    asked = AskRecovery(first=args.first, last=args.last)
    with reach(load(args.config).config) as service:
        found = service.money(asked, list[RecoveredDay])
    if args.json:
        write_out(json_lines(found))
    else:
        heads = ("day", "disconnected", "reconnected", "paying", "recovered")
        rows = [
            (each.day, each.disconnected, each.reconnected, each.accounts, shown(each.amount))
            for each in found
        ]
        write_out(lines_text(heads, rows))
    return Outcome.DONE


def json_lines(found: Iterable[object]) -> bytes:
    """One JSON object a line."""
    return b"".join(msgspec.json.encode(each) + b"\n" for each in found)


def lines_text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Tab-separated, with a heading."""
    return "".join("\t".join(map(str, row)) + "\n" for row in [heads, *rows])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


_BILLS = """
SELECT account, bill, toString(period_from) AS period_from, toString(period_to) AS period_to,
    version, current, toString(issued_on) AS issued_on, toString(due_on) AS due_on, tariffs,
    components, arrayMap(x -> toString(x), amounts) AS amounts, toString(energy_wh) AS energy_wh,
    toString(charged) AS charged, toString(brought) AS brought, toString(received) AS received,
    toString(due) AS due, toString(difference) AS difference, author,
    toString(issued_at) AS issued_at
FROM (SELECT * FROM m.v1_bills WHERE {where})
ORDER BY account, period_from, version
LIMIT {limit}"""
