"""What must be true when everything has arrived: the invariants over the whole run.

Rule 1: what was sent and acknowledged is one side, the simulated ClickHouse the other.
Rule 2: after a salvage exactly the rows it gave up may be missing, and books that count them.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.sim.fleets import ReadKey, Values, values_of

from meteringest_sim.account import Account
from meteringest_sim.reconcile import LEDGER

if TYPE_CHECKING:
    from tests.sim.blocks import Row
    from tests.sim.scene import Scene

Reads = dict[ReadKey, Values]


def check(scene: "Scene") -> None:
    """Everything; each finding is a violation."""
    findings = [
        *(("I4", each) for each in _reads(scene)),
        *(("I4", each) for each in _history(scene)),
        *(("I5", each) for each in _ranges(scene)),
    ]
    if not scene.world.salvaged:
        findings += [("I2", each) for each in _conserved(scene)]
        findings += [("I2", each) for each in _accounts(scene)]
    for invariant, seen in findings:
        scene.world.violate(invariant, seen)


def _reads(scene: "Scene") -> Iterator[str]:
    """Acknowledged is stored, with the last values; and nothing is stored that was not sent."""
    stored = {
        (_int(row, "meter"), _int(row, "interval_start")): values_of(row)
        for row in scene.server.tables["m.reads"].final().values()
    }
    given_up = _given_up(scene)
    sent = scene.uplinks.expected()
    for pushers in scene.pushers:
        sent |= pushers.sent
    for key, versions in sent.items():
        have = stored.get(key)
        if have != versions[-1] and key not in given_up:
            yield f"read {key}: {versions[-1]} acknowledged, {have} stored"
    for key, have in stored.items():
        if have not in sent.get(key, ()):
            yield f"read {key}: {have} stored, which nobody sent"


def _given_up(scene: "Scene") -> set[ReadKey]:
    return {
        key
        for version, key in scene.witness.versions.items()
        if any(first <= version < until for first, until in scene.world.salvaged)
    }


def _history(scene: "Scene") -> Iterator[str]:
    """Every version that was ever written stands in one of the two tables."""
    tables = scene.server.tables
    newest = {(*key, row["ver"]) for key, row in tables["m.reads"].final().items()}
    known = newest | tables["m.read_history"].rows.keys()
    for key, version in tables["m.reads"].writers:
        if (*key, version) not in known:
            yield f"version {version} of read {key} is in no table"


def _ranges(scene: "Scene") -> Iterator[str]:
    """The ranges said to be stored lie side by side."""
    rows = sorted(
        (_int(row, "first"), _int(row, "next"))
        for row in scene.server.tables["m.batches"].final().values()
    )
    for (_, until), (first, _) in pairwise(rows):
        if first != until and not scene.world.salvaged:
            yield f"a stored range ends before {until}, the next one begins at {first}"


def _conserved(scene: "Scene") -> Iterator[str]:
    """What came in went somewhere: record by record, and in all."""
    tables = scene.server.tables
    ledger = list(tables["m.intake_ledger"].final().values())
    for row in ledger:
        for whole, parts in CONSERVED.items():
            parted = sum(_int(row, part) for part in parts)
            if parted != _int(row, whole):
                yield f"ledger at {row['position']}: {whole} {row[whole]}, parted {parted}"
    versions = {(*key, version) for key, version in tables["m.reads"].writers}
    written = len(versions | tables["m.read_history"].rows.keys())
    told = sum(_int(row, "reads_stored") for row in ledger)
    if written != told:
        yield f"{written} versions of reads are written, the ledger has {told}"
    rejects = len(tables["m.rejects"].final())
    told = sum(_int(row, "frames_quarantined") + _int(row, "reads_quarantined") for row in ledger)
    if rejects != told:
        yield f"{rejects} rejects are stored, the ledger has {told}"


def _accounts(scene: "Scene") -> Iterator[str]:
    """Every concentrator's books: an uplink's envelopes count once, however often they came."""
    for share in scene.uplinks.shares:
        dcu, account = share.route.dial.dcu, share.plan.account
        if share.problem is not None:
            yield f"dcu {dcu} gave up: {share.problem}"
        yield from _account(scene, dcu, account)


def _account(scene: "Scene", dcu: int, account: Account) -> Iterator[str]:
    tables = scene.server.tables
    kinds = Counter(
        row["kind"].decode()  # type: ignore[attr-defined]
        for row in tables["m.rejects"].final().values()
        if row["dcu"] == dcu
    )
    # A link that breaks leaves half an envelope, which the books of a plan know nothing of.
    torn = kinds.pop(TORN, 0) - account.rejected.get(TORN, 0)
    for kind in {*kinds, *account.rejected} - {TORN}:
        if kinds[kind] != account.rejected.get(kind, 0):
            yield f"dcu {dcu}: {account.rejected.get(kind, 0)} {kind} sent, {kinds[kind]} stored"
    rows = [row for row in tables["m.intake_ledger"].final().values() if row["dcu"] == dcu]
    for name in LEDGER:
        more = torn if name in {"frames", "frames_quarantined"} else 0
        told, want = sum(_int(row, name) for row in rows), getattr(account, name) + more
        if told != want:
            yield f"dcu {dcu}: {name} {want} by its books, {told} in the ledger"


def _int(row: "Row", name: str) -> int:
    return int(str(row[name]))


TORN = "truncated"
CONSERVED = {
    "frames": ("frames_accepted", "frames_quarantined", "frames_duplicate"),
    "reads": ("reads_stored", "reads_quarantined", "reads_duplicate"),
}
