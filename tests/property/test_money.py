"""Figures into micro-units: exactly as fractions say, or refused; whatever is written."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meteringest.prepaid.money import AMOUNT_MAX, MICRO, InexactError, figure, micro, percent_ppm

written = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.decimals(-(10**13), 10**13, places=7),
    st.builds(
        lambda digits, exponent: Decimal((0, digits, exponent)),
        st.lists(st.integers(0, 9), min_size=1, max_size=80).map(tuple),
        st.integers(-90, 30),
    ),
)


def judged(number: Decimal, decimals: int, scale: int) -> int | None:
    """By fractions; None for what is refused."""
    exact = Fraction(number)
    whole = exact * 10**decimals
    if abs(exact * scale) > AMOUNT_MAX or whole.denominator != 1:
        return None
    return int(exact * scale)


@given(written, st.integers(0, 6))
def test_micro_units_are_exact_or_refused(number: Decimal, decimals: int) -> None:
    try:
        found = micro(number, decimals)
    except InexactError:
        # A figure of more digits than any amount has is refused though it may come to a whole one.
        assert judged(number, decimals, MICRO) is None or len(number.as_tuple().digits) > 40
        return
    assert found == judged(number, decimals, MICRO)


@pytest.mark.parametrize(
    "text", ["1e999999", "1e999999999", "-1e999999", "1e-999999999", "0e999999999", "NaN", "sNaN"]
)
def test_figures_out_of_all_proportion_are_refused_at_once(text: str) -> None:
    number = Decimal(text)
    for turned in (micro, percent_ppm):
        if number.is_finite() and not number:
            assert turned(number) == 0
            continue
        with pytest.raises(InexactError) as refused:
            turned(number)
        assert len(str(refused.value)) < 120


@given(st.text())
def test_a_figure_is_plain_or_none(text: str) -> None:
    try:
        found = figure(text)
    except InexactError:
        return
    assert set(text) <= set("+-.0123456789")
    assert found == Decimal(text)
