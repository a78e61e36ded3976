"""Policy at work: accounts in, rows of the outbox written; and the same without writing anything.

Rule 1: facts in, decisions out, rows in: doing it twice, side by side or after a kill writes the
same ids again, and the outbox holds each once.
Rule 2: calls block; run them through an Offload.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from meteringest.columns import rows_block
from meteringest.prepaid.calendar import IST_OFFSET_MIN, local_day
from meteringest.prepaid.deciding.awake import awake
from meteringest.prepaid.deciding.facts import BehindOf, Found, HoursLeft, Sources, read_facts
from meteringest.prepaid.deciding.outbox import (
    OUTBOX_COLUMNS,
    OutboxRow,
    outbox_rows,
    written,
)
from meteringest.prepaid.decision import Action, Decision, decide, is_protected, quiet
from meteringest.prepaid.ledger.ports import Engine, whole
from meteringest.prepaid.ledger.rules import Rules
from meteringest.prepaid.ledger.terms import load_links
from meteringest.prepaid.policy import Policy

ACCOUNTS_AT_ONCE = 2_000
ACCOUNTS_LISTED = 100_000


class Decided(Struct, frozen=True, kw_only=True):
    """What was decided about an account, and from what."""

    found: Found
    decision: Decision


class Decider:
    """Of one store."""

    def __init__(
        self,
        engine: Engine,
        rules: Callable[[], Rules],
        behind: BehindOf,
        hours_left: HoursLeft,
    ) -> None:
        """`behind` and `hours_left` tell what only billing and the ledger know."""
        self._engine = engine
        self._rules = rules
        self._behind = behind
        self._hours_left = hours_left

    def work(self, accounts: Sequence[int], at_s: int) -> list[OutboxRow]:
        """Decides about `accounts` at that instant; returns what was written, safe on disk."""
        done: list[OutboxRow] = []
        policy_of = self._rules().policy
        for some in _pieces(awake(self._engine, policy_of, accounts, at_s)):
            decided = list(self._decided(some, at_s, quietly=True))
            meters = self._meters(decided, at_s)
            rows = [
                row
                for each in decided
                for row in outbox_rows(
                    each.found.facts, each.decision, meters.get(each.decision.account, ())
                )
            ]
            self._write(rows)
            done += rows
        return done

    def dry_run(self, accounts: Sequence[int], at_s: int) -> list[Decided]:
        """What would be decided, of every one of `accounts` that is not closed."""
        return [
            each
            for some in _pieces([accounts])
            for each in self._decided(some, at_s, quietly=False)
        ]

    def accounts(self, after: int, limit: int = ACCOUNTS_LISTED) -> list[int]:
        """Accounts above `after`, by number."""
        answer = self._engine.ask(_ACCOUNTS, {"after": after, "limit": limit})
        return [whole(row[0]) for row in answer.rows]

    def _decided(self, accounts: Sequence[int], at_s: int, *, quietly: bool) -> Iterator[Decided]:
        rules = self._rules()
        today = local_day(at_s, IST_OFFSET_MIN)
        protected: dict[str, bool] = {}

        def may_cut(policy: Policy) -> bool:
            if policy.id not in protected:
                calendar = rules.calendar(policy.calendar, today)
                protected[policy.id] = quietly and is_protected(policy, at_s, calendar)
            return not protected[policy.id]

        sources = Sources(
            policy_of=rules.policy,
            may_cut=may_cut,
            behind=self._behind,
            hours_left=self._hours_left,
        )
        for found in read_facts(self._engine, sources, accounts, at_s):
            policy, state = found.policy, found.facts.state
            if quietly and (policy is None or quiet(state, policy)):
                continue
            calendar = rules.calendar(policy.calendar, today) if policy is not None else None
            yield Decided(found=found, decision=decide(state, policy, at_s, calendar))

    def _meters(self, decided: Sequence[Decided], at_s: int) -> dict[int, list[int]]:
        """Of the accounts to be switched, the meters that serve them at that instant."""
        switched = [
            each.decision.account for each in decided if each.decision.action is not Action.KEEP
        ]
        if not switched:
            return {}
        return {
            account: sorted({each.meter for each in links if each.from_s <= at_s < each.to_s})
            for account, links in load_links(self._engine, switched).items()
        }

    def _write(self, rows: Sequence[OutboxRow]) -> None:
        if rows:
            block = rows_block(OUTBOX_COLUMNS, [written(row) for row in rows])
            self._engine.insert("m.outbox", block, hashlib.sha256(block).hexdigest())


def _pieces(lists: Iterable[Sequence[int]]) -> Iterator[Sequence[int]]:
    for accounts in lists:
        for at in range(0, len(accounts), ACCOUNTS_AT_ONCE):
            yield accounts[at : at + ACCOUNTS_AT_ONCE]


_ACCOUNTS = """
SELECT DISTINCT account
FROM (SELECT account FROM m.account_terms UNION ALL SELECT account FROM m.account_links_v)
WHERE account > {after:UInt64} ORDER BY account LIMIT {limit:UInt64}"""
