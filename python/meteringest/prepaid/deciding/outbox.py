"""Decisions as rows of m.outbox, under ids made from what they are about.

Rule 1: pure. The same decision from two workers, twice, or after a kill has the same id.
Rule 2: a notice is told once between two recharges; switches of an account are counted, an odd one
is a disconnect, so a decision made from old facts cannot undo or repeat a later one.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

import msgspec
from msgspec import Struct

from meteringest.prepaid.decision import AccountState, Action, Decision, Notice

NO_RECHARGE = "none"


class OutboxKind(StrEnum):
    """What a row asks for."""

    NOTICE = "notice"
    DISCONNECT = "disconnect"
    RECONNECT = "reconnect"
    OPERATOR = "operator"


class OutboxRow(Struct, frozen=True, kw_only=True):
    """One row of m.outbox."""

    account: int
    id: str
    kind: OutboxKind
    subject: str
    meter: int = 0
    place: str
    says: str
    policy: str
    evidence: dict[str, str]
    at_s: int


class Facts(Struct, frozen=True, kw_only=True):
    """An account's state, and what the outbox must know beside it."""

    state: AccountState
    recharge: str = NO_RECHARGE
    """Id of the entry that was the last recharge."""
    switches: int = 0
    """Disconnects and reconnects decided so far."""


SUPPLY = "supply"


def outbox_rows(
    facts: Facts, decision: Decision, meters: Sequence[int] = ()
) -> Iterator[OutboxRow]:
    """What is to be told by that decision, and which of the account's meters to be switched."""
    for notice in decision.notices:
        yield _notice(facts, decision, notice)
    if decision.action is Action.KEEP:
        return
    kind = OutboxKind.DISCONNECT if decision.action is Action.CUT else OutboxKind.RECONNECT
    for meter in meters or (0,):
        yield OutboxRow(
            account=decision.account,
            id=f"switch/{facts.switches + 1}/{meter}",
            kind=kind,
            subject=SUPPLY,
            meter=meter,
            place=decision.clause.place,
            says=decision.clause.says,
            policy=decision.policy,
            evidence=decision.evidence,
            at_s=decision.at_s,
        )


def _notice(facts: Facts, decision: Decision, notice: Notice) -> OutboxRow:
    covers = {"covers": " ".join(notice.covers)} if notice.covers else {}
    return OutboxRow(
        account=decision.account,
        id=notice_id(notice.id, facts.recharge),
        kind=OutboxKind.NOTICE,
        subject=notice.id,
        place=notice.clause.place,
        says=notice.clause.says,
        policy=decision.policy,
        evidence={**decision.evidence, **covers},
        at_s=decision.at_s,
    )


def notice_id(subject: str, recharge: str) -> str:
    """A notice about that recharge."""
    return f"{OutboxKind.NOTICE}/{subject}/{recharge}"


class Remembered(Struct, frozen=True, kw_only=True):
    """What the outbox says about an account."""

    told: frozenset[str]
    switches: int
    connected: bool


def remembered(ids: Iterable[str], recharge: str) -> Remembered:
    """From the ids of its rows: told since that recharge, and how often it was switched."""
    told, switches = set(), 0
    for each in ids:
        kind, _, rest = each.partition("/")
        subject, _, about = rest.partition("/")
        if kind == OutboxKind.NOTICE and about == recharge:
            told.add(subject)
        elif kind == "switch":
            switches = max(switches, int(subject))
    return Remembered(told=frozenset(told), switches=switches, connected=switches % 2 == 0)


def written(row: OutboxRow) -> tuple[object, ...]:
    """The row in the order of OUTBOX_COLUMNS."""
    return (
        row.account,
        row.id,
        row.kind.value,
        row.subject,
        row.meter,
        row.place,
        row.says,
        row.policy,
        msgspec.json.encode(row.evidence).decode(),
        row.at_s * 1_000,
        row.at_s,
    )


OUTBOX_COLUMNS = {
    "account": "UInt64",
    "id": "String",
    "kind": "String",
    "subject": "String",
    "meter": "UInt32",
    "place": "String",
    "says": "String",
    "policy": "String",
    "evidence": "String",
    "at": "DateTime64(3, 'UTC')",
    "ver": "UInt64",
}
