"""What is made ahead: in order, one at most, errors and all."""

from collections.abc import Iterator
from contextlib import closing
from threading import Event

import pytest

from meteringest.prepaid.worker.ahead import ahead


class CannotError(Exception):
    """The fourth."""


class Making:
    """Numbers, and how many were begun; the fourth cannot be made."""

    def __init__(self) -> None:
        self.begun = 0
        self.second = Event()

    def numbers(self) -> Iterator[int]:
        for number in range(4):
            self.begun += 1
            if number == 1:
                self.second.set()
            if number == 3:
                raise CannotError
            yield number


def test_the_next_is_made_while_the_last_is_used_and_none_after_it() -> None:
    making = Making()
    with closing(ahead(making.numbers())) as made:
        assert next(made) == 0
        assert making.second.wait(60)
    assert making.begun == 2


def test_what_cannot_be_made_is_raised_where_it_is_wanted() -> None:
    with closing(ahead(Making().numbers())) as made:
        assert [next(made) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(CannotError):
            next(made)
