"""What can be asked about money over the control socket; the answers' structs are prepaid's own."""

from datetime import date

from msgspec import Struct

from meteringest.control.charging import AskCharging
from meteringest.control.deciding import AskDecided
from meteringest.prepaid.ledger.loading import RuleFile
from meteringest.prepaid.ledger.orders import Order


class AskEnter(Struct, frozen=True, tag="enter"):
    """Enter these orders; an answer comes once what was taken is durable."""

    orders: list[Order]


class AskLoadRules(Struct, frozen=True, tag="load-rules", kw_only=True):
    """Take these files of rules, all or none."""

    files: list[RuleFile]
    author: str


class AskAccounts(Struct, frozen=True, tag="accounts", kw_only=True):
    """List accounts."""

    match: str = ""
    limit: int = 1_000


class AskAccount(Struct, frozen=True, tag="account"):
    """Everything about one account at this moment."""

    account: int


class AskStatement(Struct, frozen=True, tag="statement", kw_only=True):
    """The statement of some local days; None stands for the first or for today."""

    account: int
    first: date | None = None
    last: date | None = None


class AskDay(Struct, frozen=True, tag="account-day"):
    """One local day of an account, interval by interval, charged again."""

    account: int
    day: date


AskMoney = (
    AskEnter
    | AskLoadRules
    | AskAccounts
    | AskAccount
    | AskStatement
    | AskDay
    | AskDecided
    | AskCharging
)
