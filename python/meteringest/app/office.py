"""Answers about bills and decisions: the same for a running service and for a command."""

from functools import partial

from meteringest.clock import WallClock
from meteringest.control.deciding import (
    AskArrears,
    AskDecided,
    AskDryRun,
    AskIssue,
    AskRecovery,
)
from meteringest.prepaid.billing.work import Biller
from meteringest.prepaid.calendar import IST_OFFSET_MIN, local_day
from meteringest.prepaid.deciding.hours import hours_left
from meteringest.prepaid.deciding.verdict import DryRunPage, verdict
from meteringest.prepaid.deciding.work import Decider
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.showing.known import is_known
from meteringest.store.clickhouse import Store

PAGE_ACCOUNTS = 20_000


class Office:
    """Blocks; run it through an Offload."""

    def __init__(self, store: Store, ledger: Ledger, clock: WallClock) -> None:
        """`ledger` is the only one of this process."""
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self.biller = Biller(store, ledger.rules, ledger.post, clock.now_ms)
        self.decider = Decider(store, ledger.rules, self.biller.behind, partial(hours_left, store))

    def answer(self, asked: AskDecided) -> object:
        """What the asker decodes as the type it knows."""
        answer: object
        match asked:
            case AskIssue(wanted=wanted):
                answer = self.biller.issue(wanted)
            case AskArrears(on=on, at_least=at_least):
                today = local_day(self._clock.now_s(), IST_OFFSET_MIN)
                answer = self.biller.arrears(on or today, at_least)
            case AskRecovery(first=first, last=last):
                answer = self.biller.recovery(first, last)
            case AskDryRun():
                answer = self._dry_run(asked)
        return answer

    def _dry_run(self, asked: AskDryRun) -> DryRunPage:
        if asked.account:
            if not is_known(self._store, self._ledger, asked.account):
                return DryRunPage(verdicts=[], after=None, known=False)
            accounts, more = [asked.account], False
        else:
            accounts = self.decider.accounts(asked.after, PAGE_ACCOUNTS)
            more = len(accounts) == PAGE_ACCOUNTS
        found = [verdict(each) for each in self.decider.dry_run(accounts, asked.at_s)]
        within = [each for each in found if _in_area(each.area, asked.area)]
        return DryRunPage(verdicts=within, after=accounts[-1] if more else None)


def _in_area(area: str, wanted: str) -> bool:
    """Areas are paths: what is asked for includes everything below it."""
    return not wanted or area == wanted or area.startswith(f"{wanted}/")
