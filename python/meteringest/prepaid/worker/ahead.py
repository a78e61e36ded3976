"""One thing after another, the next ones in the making while the last one is used."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Made = TypeVar("Made")


def ahead(calls: Iterable[Callable[[], Made]], at_once: int) -> Generator[Made, None, None]:
    """What each call makes, in their order; close it when done early.

    `at_once`: so many calls run in threads of their own, and no more results ever wait.
    """
    calls = iter(calls)
    with ThreadPoolExecutor(at_once, thread_name_prefix="charges-ahead") as pool:
        making = deque(pool.submit(call) for call in islice(calls, at_once))
        while making:
            one = making.popleft().result()
            making.extend(pool.submit(call) for call in islice(calls, 1))
            yield one
