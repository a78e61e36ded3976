"""A run's report against a store, by SQL alone: to the frame, to the read, to the watt-hour.

Rule 1: the expected side comes from the report and from the fleet's truth, the other from queries;
nothing of the service is imported.
Rule 2: look before and after a run: what a store held before is none of the run's business.
"""

# ruff: noqa: S608 (numbers and names of our own)

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random

from msgspec import Struct

from meteringest.native import Fleet
from meteringest_sim.account import Account
from meteringest_sim.fleet import CHANNELS
from meteringest_sim.report import Report

Query = Callable[[str], Sequence[Sequence[object]]]
"""One SELECT to its rows, such as `lambda sql: client.query(sql).result_rows`."""

LEDGER = (
    "frames",
    "frames_accepted",
    "frames_quarantined",
    "frames_duplicate",
    "reads",
    "reads_stored",
    "reads_quarantined",
    "reads_duplicate",
    "reads_changed",
)
SAMPLES = 400
SAMPLES_PER_QUERY = 1_000
"""They lie anywhere: the store looks through most of its index for one as for a thousand."""


class Seen(Struct, frozen=True, kw_only=True):
    """Counts of a store at one moment."""

    ledger: dict[int, dict[str, int]]
    rejected: dict[str, int]
    history: int

    def frames(self) -> int:
        """Received over all concentrators."""
        return sum(row["frames"] for row in self.ledger.values())

    def since(self, before: "Seen") -> "Seen":
        """What came after `before`."""
        return Seen(
            ledger={
                dcu: {name: row[name] - before.ledger.get(dcu, {}).get(name, 0) for name in LEDGER}
                for dcu, row in self.ledger.items()
            },
            rejected={
                kind: count - before.rejected.get(kind, 0)
                for kind, count in self.rejected.items()
                if count != before.rejected.get(kind, 0)
            },
            history=self.history - before.history,
        )


EMPTY = Seen(ledger={}, rejected={}, history=0)


def look(query: Query) -> Seen:
    """Everything of a store that counts frames."""
    sums = ", ".join(f"toUInt64(sum(l.{name}))" for name in LEDGER)
    ledger = query(f"SELECT l.dcu, {sums} FROM m.intake_ledger AS l FINAL GROUP BY l.dcu")
    rejects = query("SELECT kind, count() FROM m.rejects_v GROUP BY kind")
    ((history,),) = query("SELECT count() FROM m.read_history_v")
    return Seen(
        ledger={
            _whole(dcu): dict(zip(LEDGER, map(_whole, counts), strict=True))
            for dcu, *counts in ledger
        },
        rejected={str(kind): _whole(count) for kind, count in rejects},
        history=_whole(history),
    )


def arrived(report: Report, seen: Seen) -> bool:
    """Whether every frame sent is in the ledger, so that comparing makes sense."""
    return seen.frames() >= report.total.frames


def differences(
    report: Report, query: Query, before: Seen = EMPTY, *, exact_frames: bool = True
) -> list[str]:
    """Every way in which the store is not what was sent; empty when it is.

    Without `exact_frames` repeated frames are not counted: after a crash concentrators send again.
    """
    fleet = report.fleet.build()
    scope = Scope(report, fleet, query)
    seen = look(query).since(before)
    found = [*scope.registry(), *_conserved(seen), *scope.stored(), *scope.samples()]
    if exact_frames:
        found += _frames(report, seen)
    return found


class Scope:
    """The part of a store that a run wrote reads into."""

    def __init__(self, report: Report, fleet: Fleet, query: Query) -> None:
        """Meters are found by the serials of the fleet: their numbers are the registry's own."""
        spec = report.fleet
        self._report = report
        self._fleet = fleet
        self._query = query
        first = fleet.start_s(report.first_slot)
        end = fleet.start_s(report.first_slot + report.slots)
        self._ours = (
            "match(serial, '^[A-Z]{3}[0-9]{8}$') AND toUInt32OrZero(substring(serial, 4)) "
            f"BETWEEN {spec.first_meter} AND {spec.end_meter - 1}"
        )
        self._where = (
            f"meter IN (SELECT meter FROM m.meters_v WHERE {self._ours}) "
            f"AND interval_start >= toDateTime({first}, 'UTC') "
            f"AND interval_start < toDateTime({end}, 'UTC')"
        )

    def registry(self) -> Iterator[str]:
        """The fleet's meters are registered."""
        wanted = self._report.fleet.meters
        ((known,),) = self._query(f"SELECT count() FROM m.meters_v WHERE {self._ours}")
        yield from _unequal("meters registered", wanted, _whole(known))

    def stored(self) -> Iterator[str]:
        """Reads and the sum of every channel, by concentrator."""
        sums = ", ".join(f"toUInt64(sum({name}))" for name in CHANNELS)
        rows = self._query(
            f"SELECT dcu, count(), {sums} FROM m.reads_v WHERE {self._where} GROUP BY dcu"
        )
        stored = {_whole(dcu): [_whole(value) for value in values] for dcu, *values in rows}
        sent = {each.dcu: each.account for each in self._report.dcus}
        for dcu in sorted({*stored, *sent}):
            account = sent.get(dcu, Account())
            values = stored.get(dcu, [0] * (1 + len(CHANNELS)))
            wanted = [account.distinct, *account.sums]
            for name, want, have in zip(("reads", *CHANNELS), wanted, values, strict=True):
                yield from _unequal(f"dcu {dcu}: {name} in m.reads_v", want, have)

    def samples(self) -> Iterator[str]:
        """Single reads against the truth: some anywhere, and those that were changed."""
        chosen = self._chosen()
        numbers = self._numbers(meter for meter, _ in chosen)
        wanted = {
            (numbers.get(meter, 0), self._fleet.start_s(slot)): values
            for (meter, slot), values in chosen.items()
        }
        keys = list(wanted)
        for start in range(0, len(keys), SAMPLES_PER_QUERY):
            part = keys[start : start + SAMPLES_PER_QUERY]
            have = self._reads(part)
            for key in part:
                yield from _unequal(f"read (meter, start) {key}", wanted[key], have.get(key))

    def _chosen(self) -> dict[tuple[int, int], list[int]]:
        report, chance = self._report, Random(self._report.fleet.seed)  # noqa: S311 (a sample)
        spec = report.fleet
        keys = [
            (
                chance.randrange(spec.first_meter, spec.end_meter),
                report.first_slot + chance.randrange(report.slots),
            )
            for _ in range(SAMPLES)
        ]
        keys += [(change.meter, change.slot) for change in report.changes[:SAMPLES]]
        added = {(change.meter, change.slot): change.added_wh for change in report.changes}
        chosen = {}
        for meter, slot in keys:
            present, (imp_wh, *others) = self._fleet.truth(meter, slot)
            chosen[meter, slot] = [present, imp_wh + added.get((meter, slot), 0), *others]
        return chosen

    def _numbers(self, meters: Iterable[int]) -> Mapping[int, int]:
        """The registry's numbers of the fleet's meters."""
        serials = ", ".join(f"'{self._fleet.meter(meter)[0]}'" for meter in sorted({*meters}))
        rows = self._query(
            "SELECT toUInt32(substring(serial, 4)), meter FROM m.meters_v "
            f"WHERE serial IN ({serials})"
        )
        return {_whole(ours): _whole(number) for ours, number in rows}

    def _reads(self, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[int]]:
        pairs = ", ".join(f"({meter}, toDateTime({start}, 'UTC'))" for meter, start in keys)
        rows = self._query(
            f"SELECT meter, toUInt32(interval_start), present, {', '.join(CHANNELS)} "
            f"FROM m.reads_v WHERE (meter, interval_start) IN ({pairs})"
        )
        return {
            (_whole(meter), _whole(start)): [_whole(value) for value in values]
            for meter, start, *values in rows
        }


def _frames(report: Report, seen: Seen) -> Iterator[str]:
    """Counts of frames and reads by outcome, rejects by kind, superseded versions."""
    for kind in sorted({*report.total.rejected, *seen.rejected}):
        want, have = report.total.rejected.get(kind, 0), seen.rejected.get(kind, 0)
        yield from _unequal(f"rejects of kind {kind}", want, have)
    yield from _unequal("versions in m.read_history", report.total.reads_changed, seen.history)
    for name in LEDGER:
        have = sum(row[name] for row in seen.ledger.values())
        yield from _unequal(f"{name} in the ledger", getattr(report.total, name), have)
    for each in report.dcus:
        row = seen.ledger.get(each.dcu, dict.fromkeys(LEDGER, 0))
        for name in LEDGER:
            want = getattr(each.account, name)
            # A link without a name cannot say whose the frames of unknown meters were.
            nameless = _nameless(each.account) if name in {"frames", "frames_quarantined"} else 0
            if row[name] not in {want, want - nameless}:
                yield f"dcu {each.dcu}: {name} in the ledger: {want} wanted, {row[name]} there"


def _nameless(account: Account) -> int:
    return account.fragments + account.rejected.get("unknown_meter", 0)


def _conserved(seen: Seen) -> Iterator[str]:
    """What came in went somewhere, concentrator by concentrator."""
    for dcu, row in sorted(seen.ledger.items()):
        for what, parts in (
            ("frames", ("frames_accepted", "frames_quarantined", "frames_duplicate")),
            ("reads", ("reads_stored", "reads_quarantined", "reads_duplicate")),
        ):
            parted = sum(row[part] for part in parts)
            yield from _unequal(f"dcu {dcu}: {' + '.join(parts)}", row[what], parted)


def _unequal(what: str, want: object, have: object) -> Iterator[str]:
    if want != have:
        yield f"{what}: {want} wanted, {have} there"


def _whole(value: object) -> int:
    if not isinstance(value, int | str):
        raise TypeError(value)
    return int(value)
