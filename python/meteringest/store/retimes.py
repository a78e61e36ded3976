"""Stored reads as the decoder takes them to tell them anew, and the meters they are of."""

from collections.abc import Sequence

from meteringest.store.clickhouse import Store
from meteringest.store.schema import READ

TIME_MAX = (1 << 32) - 1


def chosen(
    store: Store, *, meters: Sequence[int], model: str, after: int, limit: int
) -> tuple[list[int], int]:
    """The next meters in use by number, and how many there are behind them.

    Those of `meters` or of `model`; with neither all of them.
    """
    numbers = ", ".join(str(meter) for meter in meters) or "0"
    where = (
        "active = 1 AND meter > {after:UInt32} "
        f"AND ({int(not meters)} OR meter IN ({numbers})) "
        "AND ({model:String} = '' OR model = {model:String})"
    )
    asked = {"after": after, "model": model}
    found = store.ask(
        f"SELECT meter FROM m.meters_v WHERE {where} ORDER BY meter LIMIT {limit}",  # noqa: S608
        asked,
    )
    count = store.ask(f"SELECT count() FROM m.meters_v WHERE {where}", asked)  # noqa: S608
    page = [int(str(row[0])) for row in found.rows]
    return page, int(str(count.rows[0][0])) - len(page)


def reads_of(store: Store, meters: Sequence[int], between: tuple[int, int]) -> bytes:
    """The newest version of all their reads, RowBinary, withdrawn ones among them."""
    numbers = ", ".join(str(meter) for meter in meters)
    first, until = between
    return store.text(
        f"SELECT {', '.join(READ)} FROM m.reads FINAL "  # noqa: S608 -- numbers of ours
        f"WHERE meter IN ({numbers}) AND interval_start >= toDateTime({first}, 'UTC') "
        f"AND interval_start < toDateTime({until}, 'UTC') ORDER BY meter, interval_start",
        "RowBinary",
    )
