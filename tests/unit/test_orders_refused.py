"""Orders that cannot be meant: each refused with its word, nothing entered."""

from datetime import date, timedelta

import msgspec
import pytest

from meteringest.prepaid.ledger.entries import Balance
from meteringest.prepaid.ledger.orders import Adjust, Convert, TakePayment
from meteringest.prepaid.ledger.planning import AHEAD_MAX_MS, Plan, Refusal, plan
from meteringest.prepaid.ledger.standing import AccountStanding, Standing
from meteringest.prepaid.ledger.terms import Terms
from meteringest.prepaid.ledger.words import stripped
from meteringest.prepaid.tariff import Payment

TODAY = date(2026, 11, 20)
TERMS = Terms(account=1, effective_from=date(2026, 4, 1), payment=Payment.PREPAID, tariff="t")


def standing(*more: Terms) -> Standing:
    known = AccountStanding(today=TODAY, history=[TERMS, *more])
    return Standing(
        accounts={1: known},
        entered={},
        before={1: Balance()},
        tariffs=frozenset({"t", "other"}),
        now_ms=1_795_156_200_000,
    )


def payment(**more: object) -> TakePayment:
    said = {"account": 1, "amount": "5", "origin": "upi", "reference": "r1", **more}
    return TakePayment(**said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "amount",
    [
        *("1e3", "1E999999999", "1_000", "\u0665\u0660\u0660", "\uff11", "0x10", "1,000"),
        *("", "+", "5.", ".5", "Infinity", "--5", "9" * 5_000, "5.0" + "0" * 40 + "1"),
    ],
)
def test_what_is_no_plain_figure_is_no_money(amount: str) -> None:
    found = plan(payment(amount=amount), standing())
    assert isinstance(found, Refusal)
    assert found.problem == "inexact"
    assert len(found.found) < 120


@pytest.mark.parametrize("name", ["origin", "reference"])
@pytest.mark.parametrize("text", ["", "a\nb", "\x00", "x" * 101, "\u200f"])
def test_an_order_that_nobody_could_find_again_is_not_taken(name: str, text: str) -> None:
    found = plan(payment(**{name: text}), standing())
    assert isinstance(found, Refusal)
    assert (found.problem, found.found.startswith(f"the {name};")) == ("unnamed", True)


def test_an_adjustment_has_an_author_and_a_reason() -> None:
    order = Adjust(account=1, amount="5", origin="o", reference="1", author="asha", reason="why")
    assert isinstance(plan(order, standing()), Plan)
    for name in ("author", "reason"):
        found = plan(msgspec.structs.replace(order, **{name: ""}), standing())
        assert isinstance(found, Refusal)
        assert found.problem == "unnamed"


def test_blanks_around_a_reference_do_not_make_it_another() -> None:
    order = payment(origin=" upi\n", reference="r1 ")
    assert stripped(order) == payment()


def test_money_of_days_to_come_is_not_there_yet() -> None:
    known = standing()
    soon = known.now_ms + AHEAD_MAX_MS
    assert isinstance(plan(payment(paid_at_ms=soon), known), Plan)
    found = plan(payment(paid_at_ms=soon + 1), known)
    assert isinstance(found, Refusal)
    assert found.problem == "in_the_future"


def test_a_conversion_wants_a_tariff_that_is_loaded() -> None:
    known = standing()
    found = plan(conversion(Payment.POSTPAID, TODAY, tariff="nosuch"), known)
    assert isinstance(found, Refusal)
    assert found.problem == "unknown_tariff"
    found = plan(conversion(Payment.POSTPAID, TODAY, tariff="other"), known)
    assert isinstance(found, Plan)
    assert found.terms is not None
    assert found.terms.tariff == "other"


def test_a_conversion_to_come_is_taken_back_by_converting_back() -> None:
    """By the terms of the day it begins on, not by those of today."""
    later = TODAY + timedelta(days=11)
    found = plan(conversion(Payment.POSTPAID, later), standing())
    assert isinstance(found, Plan)
    assert found.terms is not None
    known = standing(found.terms)
    again = plan(conversion(Payment.POSTPAID, later + timedelta(days=1), "2"), known)
    assert isinstance(again, Refusal)
    assert again.problem == "no_change"
    back = plan(conversion(Payment.PREPAID, later + timedelta(days=1), "2"), known)
    assert isinstance(back, Plan)
    assert back.terms is not None
    assert back.terms.payment is Payment.PREPAID


def conversion(to: Payment, day: date, reference: str = "1", tariff: str = "") -> Convert:
    return Convert(
        account=1,
        to=to,
        from_day=day,
        origin="office",
        reference=reference,
        author="asha",
        reason="asked",
        tariff=tariff,
    )
