"""A decision as it is shown to people and programs: flat, in words and micro-units."""

from collections.abc import Sequence

from msgspec import Struct

from meteringest.prepaid.deciding.work import Decided


class Verdict(Struct, frozen=True, kw_only=True):
    """What would be done with one account, and by which clause."""

    account: int
    area: str
    account_class: str
    payment: str
    action: str
    place: str
    says: str
    policy: str
    balance: int
    until_s: int | None
    """When a protected time ends."""
    notices: Sequence[str]
    evidence: dict[str, str]


class DryRunPage(Struct, frozen=True, kw_only=True):
    """Some verdicts by account; `after` is where to go on, None when there are no more.

    Not `known`: one account was asked about, and there is none of that number.
    """

    verdicts: list[Verdict]
    after: int | None
    known: bool = True


def verdict(decided: Decided) -> Verdict:
    """Of one account."""
    state, decision = decided.found.facts.state, decided.decision
    return Verdict(
        account=state.account,
        area=state.area,
        account_class=state.account_class,
        payment=state.payment.value,
        action=decision.action.value,
        place=decision.clause.place,
        says=decision.clause.says,
        policy=decision.policy,
        balance=state.balance,
        until_s=decision.until_s,
        notices=[each.id for each in decision.notices],
        evidence=decision.evidence,
    )
