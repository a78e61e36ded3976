"""The demo's end: consumers are charged, warned, pay; who would be cut; one statement, whole.

Rule 1: everything goes through the commands a utility has, and the endpoint a stranger has.
"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import trio
from msgspec import Struct, field

from meteringest.native import Fleet
from meteringest.offload import Offload
from meteringest_sim.demo.accounts import (
    IST,
    RULES,
    Consumer,
    consumers,
    local_day,
    rules,
    write_accounts,
    write_payments,
)
from meteringest_sim.demo.ledger import Sent, caught_up, ledger_differences
from meteringest_sim.demo.pricing import Pricing
from meteringest_sim.demo.stage import Stage
from meteringest_sim.fleet import FleetSpec
from meteringest_sim.reconcile import Query

PATIENCE_S = 300
LOOK_EVERY_S = 0.5
CUT_FROM_HOUR, CUT_TO_HOUR = 8, 18
HALF_HOUR = timedelta(minutes=30)
EVIDENCE = timedelta(hours=20)
WEEK = timedelta(days=7)
SECOND_SATURDAY = range(8, 15)
SATURDAY, SUNDAY = 5, 6
LOW_PERCENT = 30


class Balances(Struct, kw_only=True):
    """What the last act found."""

    accounts: int = 0
    taken: int = 0
    already_taken: int = 0
    warned: dict[str, int] = field(default_factory=dict)
    switched: dict[str, int] = field(default_factory=dict)
    asked_at: str = ""
    verdicts: dict[str, dict[str, int]] = field(default_factory=dict)
    cut: list[dict[str, str]] = field(default_factory=list)
    statement: str = ""
    charged: str = ""
    differences: list[str] = field(default_factory=list)
    looked_at: int = 0


class LastAct:
    """Consumers and their money."""

    def __init__(self, stage: Stage, offload: Offload, say: Callable[[str], None]) -> None:
        """`say` tells the person who watches."""
        self._stage = stage
        self._offload = offload
        self._say = say
        self._everybody: list[Consumer] = []
        self._found = Balances()

    async def open_accounts(self, spec: FleetSpec, fleet: Fleet, since: date) -> None:
        """Tariff, calendar, policy and terms, before the first read comes in."""
        stage = self._stage
        self._everybody = await self._offload(lambda: list(consumers(spec, fleet)))
        files = rules(stage.folder, since.year)
        await stage.command("tariffs", "load", *map(str, files))
        file = write_accounts(stage.folder, self._everybody, since)
        await stage.command("accounts", "import", str(file))
        self._found.accounts = len(self._everybody)

    async def run(self, query: Query, sent: Sent, now_s: int) -> Balances:
        """From the first charge to the last difference."""
        found = self._found
        self._say("charging every account; importing payments, twice")
        await self._until(caught_up, query)
        file = str(write_payments(self._stage.folder, self._everybody))
        found.taken = _count(await self._stage.command("payments", "import", file, "--json"))
        again = await self._stage.command("payments", "import", file, "--json")
        found.already_taken = again.count("already taken")
        await self._until(self._all_warned, query)
        await self._offload(self._outbox, query)
        await self._dry_run(now_s)
        await self._statement(query)
        self._say("pricing every account again, in fractions")
        pricing = Pricing((self._stage.folder / RULES[0]).read_text())
        found.differences += await self._offload(
            ledger_differences, query, self._everybody, pricing, sent, local_day(now_s)
        )
        found.looked_at = len(self._everybody)
        if found.taken != found.already_taken:
            found.differences.append(
                f"{found.taken} payments taken, {found.already_taken} recognised the second time"
            )
        return found

    async def _until(self, reached: Callable[[Query], bool], query: Query) -> None:
        """Balances move when a pass is done, which tells no stranger."""
        with trio.move_on_after(PATIENCE_S) as patience:
            while not await self._offload(reached, query):  # noqa: ASYNC110 (as above)
                await trio.sleep(LOOK_EVERY_S)
        if patience.cancelled_caught:
            self._found.differences.append(f"after {PATIENCE_S} s: still not {reached.__name__}")

    def _all_warned(self, query: Query) -> bool:
        """Whether everybody below 30 % of what was put in last has been told something."""
        ((missing,),) = query(
            "SELECT count() FROM m.v1_balances AS b "  # noqa: S608 (a number of our own)
            "LEFT JOIN (SELECT account, argMax(amount, paid_at) AS recharge FROM m.entries_v "
            "WHERE book = 'prepaid' GROUP BY account) AS e ON e.account = b.account "
            f"WHERE e.recharge > 0 AND b.prepaid * 100 <= {LOW_PERCENT} * e.recharge "
            "AND b.account NOT IN (SELECT account FROM m.outbox WHERE kind = 'notice')"
        )
        return missing == 0

    def _outbox(self, query: Query) -> None:
        rows = query(
            "SELECT kind, subject, uniqExact(account) FROM m.outbox FINAL "
            "WHERE kind != 'operator' GROUP BY kind, subject ORDER BY kind, subject"
        )
        for kind, subject, count in rows:
            into = self._found.warned if kind == "notice" else self._found.switched
            into[str(subject if kind == "notice" else kind)] = int(str(count))
        ((charged,),) = query("SELECT sum(amount) FROM m.v1_charges")
        self._found.charged = str(charged)

    async def _dry_run(self, now_s: int) -> None:
        """At a time at which somebody may be cut, near enough for what is known now."""
        at = working_time(now_s)
        said = await self._stage.command("policy", "dry-run", "--at", at, "--json")
        found = self._found
        found.asked_at = at
        for each in map(json.loads, said.splitlines()):
            clauses = found.verdicts.setdefault(each["action"], {})
            clauses[each["place"]] = clauses.get(each["place"], 0) + 1
            if each["action"] == "cut":
                found.cut.append(
                    {
                        "account": str(each["account"]),
                        "clause": each["place"],
                        "because": each["says"],
                        "below since": each["evidence"].get("below_since", ""),
                    }
                )

    async def _statement(self, query: Query) -> None:
        """Of somebody who was warned and paid."""
        rows = query(
            "SELECT account FROM m.entries_v WHERE kind = 'payment' AND account IN "
            "(SELECT account FROM m.outbox WHERE kind = 'notice') ORDER BY account LIMIT 1"
        )
        account = rows[0][0] if rows else self._everybody[0].account
        self._found.statement = await self._stage.command("accounts", "statement", str(account))


def working_time(now_s: int) -> str:
    """The next half hour at which the example policy lets anybody be cut, or else the last one."""
    on_the_half_hour = now_s // 1_800 * 1_800
    local = datetime.fromtimestamp(on_the_half_hour, UTC).replace(tzinfo=None) + IST
    ahead = [local + HALF_HOUR * n for n in range(1, EVIDENCE // HALF_HOUR)]
    before = [local - HALF_HOUR * n for n in range(WEEK // HALF_HOUR)]
    chosen = next((each for each in [*ahead, *before] if _working(each)), local)
    return chosen.isoformat(timespec="minutes")


def _working(local: datetime) -> bool:
    second_saturday = local.weekday() == SATURDAY and local.day in SECOND_SATURDAY
    hours = CUT_FROM_HOUR <= local.hour < CUT_TO_HOUR
    return hours and local.weekday() != SUNDAY and not second_saturday


def _count(said: str) -> int:
    return sum(json.loads(line)["outcome"] == "taken" for line in said.splitlines())
