"""Whether the service is ready, and every reason why not.

Rule 1: ready means that a read sent now will be acknowledged, and seen within minutes.
Rule 2: this file knows no socket, clock or disk; what was seen is an argument.
"""

from msgspec import Struct

from meteringest.watch.settings import WatchSettings


class Seen(Struct, frozen=True, kw_only=True):
    """The service at one moment."""

    serving: bool
    draining: bool
    disk_free_bytes: int
    disk_reserve_bytes: int
    sync_held: str
    """Why the journal could not sync, if it could not."""
    no_room: str
    """Why a batch could not be appended, if one waits."""
    intake_held: str
    intake_held_s: float
    store_trouble: str
    store_trouble_s: float
    lag_reads: int


class Reason(Struct, frozen=True, kw_only=True):
    """One thing that keeps the service from being ready."""

    kind: str
    words: str
    for_s: float = 0.0


class Readiness(Struct, frozen=True, kw_only=True):
    """The answer of /readyz."""

    ready: bool
    reasons: tuple[Reason, ...]


def readiness(seen: Seen, settings: WatchSettings) -> Readiness:
    """All reasons at once: mending one must not be what shows the next."""
    reasons = (*_about_running(seen), *_about_disk(seen), *_about_flow(seen, settings))
    return Readiness(ready=not reasons, reasons=reasons)


def _about_running(seen: Seen) -> tuple[Reason, ...]:
    if seen.draining:
        words = "told to stop: what is in is brought to disk, nobody new is let in"
        return (Reason(kind="draining", words=words),)
    if not seen.serving:
        return (Reason(kind="starting", words="not every part is at work yet"),)
    return ()


def _about_disk(seen: Seen) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    if seen.disk_free_bytes < seen.disk_reserve_bytes:
        words = f"{seen.disk_free_bytes} bytes are free, the reserve is {seen.disk_reserve_bytes}"
        reasons.append(Reason(kind="disk_below_reserve", words=words))
    if held := seen.sync_held or seen.no_room:
        reasons.append(Reason(kind="journal_full", words=held))
    return tuple(reasons)


def _about_flow(seen: Seen, settings: WatchSettings) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    if seen.intake_held and seen.intake_held_s >= settings.held_patience_s:
        reasons.append(Reason(kind="intake_held", words=seen.intake_held, for_s=seen.intake_held_s))
    if seen.store_trouble and seen.store_trouble_s >= settings.store_patience_s:
        words = f"{seen.lag_reads} rows wait in the journal: {seen.store_trouble}"
        reasons.append(Reason(kind="store_takes_nothing", words=words, for_s=seen.store_trouble_s))
    return tuple(reasons)
