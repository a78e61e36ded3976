"""What is made ahead: in order, so many at most, errors and all."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from threading import Barrier, Event

import pytest

from meteringest.prepaid.worker.ahead import ahead


class CannotError(Exception):
    """The fourth."""


class Making:
    """Numbers, and which were begun; the fourth cannot be made."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.third = Event()

    def calls(self) -> Iterator[Callable[[], int]]:
        return (partial(self._make, number) for number in range(6))

    def _make(self, number: int) -> int:
        self.begun.append(number)
        if number == 2:
            self.third.set()
        if number == 3:
            raise CannotError
        return number


def test_the_next_are_made_while_the_last_is_used_and_none_after_them() -> None:
    making = Making()
    with closing(ahead(making.calls(), 2)) as made:
        assert next(made) == 0
        assert making.third.wait(60)
    assert sorted(making.begun) == [0, 1, 2]


def test_two_are_made_at_once_and_come_in_their_order() -> None:
    both = Barrier(2)

    def make(number: int) -> int:
        both.wait(60)
        return number

    with closing(ahead((partial(make, number) for number in range(4)), 2)) as made:
        assert list(made) == [0, 1, 2, 3]


def test_what_cannot_be_made_is_raised_where_it_is_wanted() -> None:
    with closing(ahead(Making().calls(), 2)) as made:
        assert [next(made) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(CannotError):
            next(made)
