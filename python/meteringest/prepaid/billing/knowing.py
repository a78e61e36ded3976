"""Whether charges know what was entered of an account: terms, meters and rules.

Rule 1: how far everything is charged is read before any charge, what was entered after it: in
doubt an account waits, because its bill would be made from charges that are about to change.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from meteringest.prepaid.ledger.ports import Engine, whole
from meteringest.prepaid.worker import cursors
from meteringest.prepaid.worker.shards import SHARDS


class Charged(Struct, frozen=True):
    """Of each shard the last change its charges know, and how many rows there were then."""

    shards: Mapping[int, tuple[int, int]]

    def behind(self, engine: Engine, accounts: Sequence[int]) -> frozenset[int]:
        """Those of `accounts` of which more has been entered than their charges know."""
        newest = _newest(engine, accounts)
        ((rules, entered),) = engine.ask(_RULES).rows
        return frozenset(
            account
            for account in accounts
            if self._behind(account, newest.get(account, 0), whole(rules), whole(entered))
        )

    def _behind(self, account: int, own: int, rules: int, entered: int) -> bool:
        known, rows = self.shards.get(account % SHARDS, (0, 0))
        # A large file comes in page by page under one version: then the rows tell.
        return max(own, rules) > known or (own == known and entered > rows)


def charged(engine: Engine) -> Charged:
    """As the cursors stand now; to be read before the charges it is held against."""
    answer = engine.ask(_CURSORS, {"rules": cursors.RULES, "entered": cursors.ENTERED})
    return Charged({whole(row[0]): (whole(row[1]), whole(row[2])) for row in answer.rows})


def _newest(engine: Engine, accounts: Sequence[int]) -> dict[int, int]:
    if not accounts:
        return {}
    some = ", ".join(str(int(each)) for each in accounts)
    return {whole(row[0]): whole(row[1]) for row in engine.ask(_NEWEST.format(accounts=some)).rows}


_CURSORS = """
SELECT shard, maxIf(ver, source = {rules:String}), maxIf(ver, source = {entered:String})
FROM m.worker_cursors
WHERE source IN ({rules:String}, {entered:String})
GROUP BY shard"""
# The tables, not their views: a link that was taken back is a change as well.
_NEWEST = """
SELECT account, max(ver)
FROM
(
    SELECT account, ver FROM m.account_terms WHERE account IN ({accounts})
    UNION ALL
    SELECT account, ver FROM m.account_meters WHERE account IN ({accounts})
)
GROUP BY account"""
# Nothing is charged by a policy. Rows are counted as a worker's snapshot counts them.
_RULES = """
SELECT
    (SELECT max(ver) FROM m.rules WHERE kind != 'policy'),
    (SELECT count() FROM m.account_terms FINAL) + (SELECT count() FROM m.account_meters FINAL)"""
