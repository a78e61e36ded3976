"""One thing after another, the next one in the making while the last one is used."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")


def ahead(made: Iterator[Made]) -> Generator[Made, None, None]:
    """All of `made`, in a thread of its own and at most one ahead; close it when done early."""
    with ThreadPoolExecutor(1, thread_name_prefix="charges-ahead") as pool:
        following = pool.submit(next, made, None)
        while (one := following.result()) is not None:
            following = pool.submit(next, made, None)
            yield one
