"""I5: the marks are ordered and never go back, whatever the stages claim."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meteringest.errors import InvariantError
from meteringest.journal.watermarks import Mark, Watermarks

START = 1 << 40
claims = st.lists(st.tuples(st.sampled_from(Mark), st.integers(START - 2, START + 9)), max_size=40)


def marks_of(marks: Watermarks) -> list[int]:
    return [marks[mark] for mark in Mark]


@given(claims)
def test_marks_stay_ordered_and_never_go_back(claimed: list[tuple[Mark, int]]) -> None:
    marks = Watermarks(durable=START, stored=START)
    for mark, position in claimed:
        before = marks_of(marks)
        try:
            marks.advance(mark, position)
        except InvariantError:
            assert marks_of(marks) == before
        else:
            assert marks[mark] == position
        after = marks_of(marks)
        assert after == sorted(after, reverse=True)
        assert all(new >= old for new, old in zip(after, before, strict=True))


@pytest.mark.parametrize(
    ("mark", "position", "says"),
    [
        (Mark.DURABLE, 11, "I5: durable row 11 is past appended row 10"),
        (Mark.STORED, 11, "I5: stored row 11 is past durable row 10"),
        (Mark.STORED, 4, "I5: stored went back from row 5 to row 4"),
        (Mark.APPENDED, 9, "I5: appended went back from row 10 to row 9"),
    ],
)
def test_an_impossible_claim_says_what_it_contradicts(mark: Mark, position: int, says: str) -> None:
    marks = Watermarks(durable=10, stored=5)
    with pytest.raises(InvariantError, match=says):
        marks.advance(mark, position)


def test_recovery_cannot_have_stored_what_is_not_on_disk() -> None:
    with pytest.raises(InvariantError, match="stored row 3 is past durable row 2"):
        Watermarks(durable=2, stored=3)
