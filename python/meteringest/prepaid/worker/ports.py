"""What a worker needs of a store; answers come as arrays, never as one object a row."""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from meteringest.prepaid.ledger.ports import Engine as Asked

Ints = NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.uint64)
Fields = Sequence[tuple[str, str] | tuple[str, str, tuple[int, ...]]]
LISTED_MAX = 15_000
"""Numbers in one statement: with it, a statement stays below the engine's 256 KiB."""
LISTS_MAX = 2
LISTED_MIN = 500
GAPS_MAX = 3
"""Up to so many rows are read for each one wanted: cheaper than a long list is."""


class Engine(Asked, Protocol):
    """ClickHouse, embedded or served."""

    def text(self, sql: str, output: str, /) -> bytes:
        """A question and its whole answer as the engine writes it in the format `output`."""
        ...


def fetch(engine: Engine, sql: str, fields: Fields) -> NDArray[np.void]:
    """A structured array; `fields` are the types that the columns of `sql` have, in their order."""
    return np.frombuffer(engine.text(sql, "RowBinary"), dtype=np.dtype(list(fields)))


def distinct(numbers: NDArray[Number]) -> NDArray[Number]:
    """Every number once, ascending; many times faster than by hashing where most repeat."""
    ascending = np.sort(numbers)
    first = np.ones(len(ascending), dtype=bool)
    first[1:] = ascending[1:] != ascending[:-1]
    return ascending[first]


def ascending(numbers: NDArray[Number]) -> Ints:
    """The places of `numbers` in ascending order; mostly they stand in it, or in a few runs."""
    if bool(np.all(numbers[1:] >= numbers[:-1])):
        return np.arange(len(numbers))
    places: Ints = np.argsort(numbers, kind="stable")
    return places


def among(column: str, numbers: NDArray[np.generic], lists_max: int = LISTS_MAX) -> Iterator[str]:
    """Conditions that together hold for `numbers`; of very many, for those between them too."""
    if not len(numbers):
        return
    low, high = int(numbers.min()), int(numbers.max())
    close = len(numbers) > LISTED_MIN and high - low < GAPS_MAX * len(numbers)
    if close or len(numbers) > LISTED_MAX * lists_max:
        yield f"{column} BETWEEN {low} AND {high}"
        return
    for at in range(0, len(numbers), LISTED_MAX):
        listed = ", ".join(map(str, numbers[at : at + LISTED_MAX].tolist()))
        yield f"{column} IN ({listed})"


def fetch_among(
    engine: Engine, sql: str, fields: Fields, column: str, numbers: NDArray[np.generic]
) -> NDArray[np.void]:
    """Like fetch, with `{among}` in the SQL standing for a condition on `column`."""
    parts = [fetch(engine, sql.replace("{among}", some), fields) for some in among(column, numbers)]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.dtype(list(fields)))
