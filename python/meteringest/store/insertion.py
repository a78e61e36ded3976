"""Puts one gathered range into the store; run again, it changes nothing.

Rule 1: superseded versions go to the history first, then the blocks in their order, then the
m.batches row: whoever sees that row sees everything before it.
Rule 2: rows that the store refuses for what is in them are set aside; the others go on.
Rule 3: the whole may be repeated after any crash. Tokens save the work; what makes it right is
that a row's key and version are the same each time.
Rule 4: a token is no proof: an engine that dies between noting it and keeping its rows knows the
token ever after. So whenever a range may have been sent before, its rows are counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from msgspec import Struct, structs

from meteringest.errors import StoreRefused
from meteringest.events import Observer
from meteringest.store.ahead import Place
from meteringest.store.aside import Aside
from meteringest.store.backlog import Ahead, Gathered, Range
from meteringest.store.clickhouse import PARTITIONS_MAX, Store, deduplicated
from meteringest.store.faults import EngineRefused, too_many_partitions
from meteringest.store.happenings import AsideTaken, BlockCut, BlockSetAside
from meteringest.store.native import by_days, can_be_cut, in_two, names_of, rows_of
from meteringest.store.schema import READ, TABLES, check_block

# One tuple is at most 24 characters, and a statement may have 256 KiB.
KEYS_MAX = 8_000
# Below it a second part costs more than a second thread saves.
HALVED_ROWS_MIN = 131_072
# A bad row in a million is found with 20 cuts; many bad rows are set aside with their neighbours.
CUTS_MAX = 64
# A UTC day lies in two where partitions begin at another midnight.
PARTITIONS_A_DAY = 2


class PoisonBlock(StoreRefused):
    """A block neither taken nor set aside; the journal keeps its range, the writer stands still."""

    def __init__(self, where: str, within: Range, table: str, refusal: StoreRefused) -> None:
        """Names the range and table, and what the engine said to it."""
        super().__init__(where, refusal.reason)
        self.within = within
        self.table = table

    def __str__(self) -> str:
        """What stands still, where its bytes are, and the engine's words."""
        at = f"positions {self.within.first} to {self.within.next}"
        return (
            f"store {self.where}: refuses the block of {at} for {self.table}; the journal keeps "
            f"it and takes new reads, but stores none until this is mended: {self.reason}"
        )


class Inserting(Struct, frozen=True):
    """What every step of an insertion needs."""

    store: Store
    observer: Observer
    aside: Aside | None
    deduplicate: bool = True


def insert_range(  # noqa: PLR0913 (what it works with, and what is known of the range)
    store: Store,
    node: int,
    gathered: Gathered,
    observer: Observer,
    aside: Aside | None = None,
    place: Place = Place.NEXT,
    *,
    again: bool = False,
) -> None:
    """Everything of `gathered`, in Rule 1's order; raises StoreUnavailable or PoisonBlock.

    Without `aside` a refused block is not set aside: it is raised. A range ahead is not marked as
    stored: mark_ahead does that once everything below it is. `again`: it may have been sent before.
    """
    within = Range.of(node, gathered)
    into = Inserting(store, observer, aside)
    with _poison(store, within, "m.read_history"):
        _keep_superseded(store, within, gathered.changed, deduplicate=not again)
    blocks = tuple(_named(within, _blocks(gathered, place)))
    _insert_blocks(into, within, blocks)
    if again:
        lost = _lost(store, within, blocks)
        _insert_blocks(structs.replace(into, deduplicate=False), within, lost)
    if place is not Place.AHEAD:
        with _poison(store, within, "m.batches"):
            _mark_stored(store, within, gathered.reads, gathered.received_ms, deduplicate=not again)


def mark_ahead(store: Store, node: int, ahead: Ahead) -> None:
    """One m.batches row for a whole stretch ahead, now that nothing below it is missing."""
    within = Range(node, ahead.first, ahead.next)
    # Asked for once a stretch, and a row twice is one row: nothing is worth trusting a token for.
    _mark_stored(store, within, ahead.reads, ahead.received_ms, deduplicate=False)


@contextmanager
def _poison(store: Store, within: Range, table: str) -> Iterator[None]:
    try:
        yield
    except StoreRefused as refusal:
        raise PoisonBlock(store.where, within, table, refusal) from refusal


def _named(within: Range, blocks: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes, str]]:
    """With its token: two blocks of one table need two, or the engine drops the second unread."""
    for at, (table, block) in enumerate(blocks):
        yield table, block, f"{within.token(table)}-{at}"


def _insert_blocks(
    into: Inserting, within: Range, blocks: Sequence[tuple[str, bytes, str]]
) -> None:
    for table, block, token in blocks:
        with _poison(into.store, within, table):
            check_block(table, block)
            parts = _parts(table, block, token)
            # Bound here: the loop has moved on by the time a lambda would look.
            into.store.side_by_side(
                [partial(_insert_block, into, within, table, *each) for each in parts]
            )


def _lost(
    store: Store, within: Range, blocks: Sequence[tuple[str, bytes, str]]
) -> list[tuple[str, bytes, str]]:
    """Blocks of tables that hold fewer rows of the range than were sent.

    A newer version may have replaced a row since: its block is sent again, which is harmless.
    """
    sent = Counter[str]()
    for table, block, _ in blocks:
        sent[table] += rows_of(block)
    lost = {table for table, rows in sent.items() if _standing(store, within, table) < rows}
    return [each for each in blocks if each[0] in lost]


def _standing(store: Store, within: Range, table: str) -> int:
    name = "ver" if "ver" in TABLES[table] else "position"
    sql = (
        f"SELECT uniqExact({name}) FROM {table} "  # noqa: S608 (our own names and numbers)
        f"WHERE {name} >= {within.first} AND {name} < {within.next}"
    )
    with _poison(store, within, table):
        ((rows,),) = store.ask(sql).rows
    return int(str(rows))


def _blocks(gathered: Gathered, place: Place) -> Iterator[tuple[str, bytes]]:
    for table, block in gathered.blocks:
        if table == "m.reads" and place is Place.BENEATH:
            yield "m.read_history", block
        yield table, block


def _parts(table: str, block: bytes, token: str) -> list[tuple[bytes, str]]:
    """A long block of reads in two: the engine works on one insert with one thread."""
    if table not in _TIME_COLUMNS or rows_of(block) < HALVED_ROWS_MIN:
        return [(block, token)]
    first, second = in_two(block)
    return [(first, f"{token}-first"), (second, f"{token}-second")]


def offer_again(store: Store, aside: Aside, observer: Observer) -> int:
    """Offers the store what was set aside; returns how many blocks it still refuses.

    A read may have been replaced meanwhile, and the engine forgets what comes late and is older:
    so its row goes to the history, too.
    """
    aside.tidy()
    # Offered before perhaps, to an engine that died: its tokens prove nothing.
    into = Inserting(store, observer, aside, deduplicate=False)
    refused = 0
    for note in aside.kept():
        block = aside.block(note)
        try:
            if note.table == "m.reads":
                _insert_whole(into, "m.read_history", block, f"{note.token}-late")
            _insert_whole(into, note.table, block, note.token)
        except StoreRefused:
            refused += 1
        else:
            aside.drop(note)
            observer.emit(AsideTaken(table=note.table, rows=note.rows, token=note.token))
    return refused


def _insert_block(into: Inserting, within: Range, table: str, block: bytes, token: str) -> None:
    try:
        _insert_whole(into, table, block, token)
    except EngineRefused as refusal:
        if table in _TIME_COLUMNS and too_many_partitions(refusal.reason):
            cut = by_days(block, _TIME_COLUMNS[table], PARTITIONS_MAX // PARTITIONS_A_DAY)
            into.observer.emit(BlockCut(table=table, blocks=len(cut)))
            for at, part in enumerate(cut):
                _insert_whole(into, table, part, f"{token}-days-{at}")
        elif into.aside is None or _takes_none(into.store, table, block):
            raise
        else:
            _isolate(into, within, table, (block, token, refusal))


def _takes_none(store: Store, table: str, refused: bytes) -> bool:
    """Whether the store is in trouble with the table, and not with what is in the block."""
    columns = ", ".join(names_of(refused))
    # The engine calls an empty Native block malformed.
    nothing = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} LIMIT 0"  # noqa: S608
    try:
        store.run(nothing)
    except StoreRefused:
        return True
    return False


def _isolate(
    into: Inserting, within: Range, table: str, refused: tuple[bytes, str, EngineRefused]
) -> None:
    """Halves what is refused until few rows are left, and sets these aside."""
    waiting, cuts = [refused], 0
    while waiting:
        block, token, refusal = waiting.pop()
        if cuts >= CUTS_MAX or not can_be_cut(block):
            _set_aside(into, within, table, (block, token, refusal))
            continue
        cuts += 1
        for half, name in zip(in_two(block), ("first", "second"), strict=True):
            try:
                _insert_whole(into, table, half, f"{token}-{name}")
            except EngineRefused as again:
                waiting.append((half, f"{token}-{name}", again))


def _set_aside(
    into: Inserting, within: Range, table: str, refused: tuple[bytes, str, EngineRefused]
) -> None:
    block, token, refusal = refused
    if into.aside is None or not into.aside.has_room(block):
        raise refusal
    kept = into.aside.keep(within, table, block, token, refusal.reason)
    into.observer.emit(
        BlockSetAside(
            table=table,
            first=kept.first,
            next=kept.next,
            rows=kept.rows,
            reason=kept.reason,
            token=token,
        )
    )


def _insert_whole(into: Inserting, table: str, block: bytes, token: str) -> None:
    rows = rows_of(block)
    written = into.store.insert(table, block, token, deduplicate=into.deduplicate)
    # A server reports 0 for a token it has seen, the embedded engine the rows it read.
    if written not in {0, rows}:
        raise EngineRefused(into.store.where, f"{table} took {written} of a block's {rows} rows")


def _keep_superseded(
    store: Store, within: Range, changed: Sequence[tuple[int, int]], *, deduplicate: bool
) -> None:
    """Copies what `changed` may replace, every version older than this range, into the history."""
    columns = ", ".join(READ)
    for at, keys in enumerate(_chunks(changed)):
        tuples = ", ".join(f"({meter}, {start})" for meter, start in keys)
        low, high = min(start for _, start in keys), max(start for _, start in keys)
        store.run(
            f"INSERT INTO m.read_history ({columns}) SELECT {columns} FROM m.reads "  # noqa: S608
            f"WHERE interval_start BETWEEN toDateTime({low}, 'UTC') AND toDateTime({high}, 'UTC') "
            f"AND (meter, toUInt32(interval_start)) IN ({tuples}) AND ver < {within.first}",
            deduplicated(
                f"{within.token('m.read_history')}-superseded-{at}", deduplicate=deduplicate
            ),
        )


def _chunks(changed: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
    for at in range(0, len(changed), KEYS_MAX):
        yield changed[at : at + KEYS_MAX]


def _mark_stored(
    store: Store, within: Range, reads: int, received_ms: tuple[int, int], *, deduplicate: bool
) -> None:
    token = f"{within.node}-{within.first}-{within.next}"
    low, high = received_ms
    store.run(
        "INSERT INTO m.batches "  # noqa: S608 (numbers only)
        "(node, first, next, received_at_min, received_at_max, reads, token) VALUES "
        f"({within.node}, {within.first}, {within.next}, "
        f"fromUnixTimestamp64Milli({low}, 'UTC'), fromUnixTimestamp64Milli({high}, 'UTC'), "
        f"{reads}, '{token}')",
        deduplicated(f"{token}-m.batches", deduplicate=deduplicate),
    )


_TIME_COLUMNS = {"m.reads": "interval_start"}
