"""How accounts are dealt out to workers."""

SHARDS = 64
"""Accounts are dealt out to shards, shards to workers; it may not change while cursors stand."""


def shards_of(index: int, count: int) -> tuple[int, ...]:
    """The shards of worker `index` of `count`, counted from 1."""
    return tuple(range(index - 1, SHARDS, count))
