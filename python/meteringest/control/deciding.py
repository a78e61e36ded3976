"""What can be asked about bills and decisions; the answers' structs are prepaid's own."""

from datetime import date

from msgspec import Struct

from meteringest.prepaid.billing.work import Wanted


class AskIssue(Struct, frozen=True, tag="issue-bills"):
    """Issue every bill that is due to be made or corrected."""

    wanted: Wanted


class AskArrears(Struct, frozen=True, tag="arrears", kw_only=True):
    """Accounts with at least so many consecutive unpaid bills on that day; None is today."""

    on: date | None = None
    at_least: int = 2


class AskRecovery(Struct, frozen=True, tag="recovery", kw_only=True):
    """What of overdue bills was paid, day by day."""

    first: date
    last: date


class AskDryRun(Struct, frozen=True, tag="dry-run", kw_only=True):
    """What would be decided at that instant, of accounts above `after`; nothing is written."""

    at_s: int
    area: str = ""
    after: int = 0
    account: int = 0
    """Only this one."""


AskDecided = AskIssue | AskArrears | AskRecovery | AskDryRun
