"""Ready or not, and every reason why not."""

import msgspec
import pytest

from meteringest.watch.readiness import Seen, readiness
from meteringest.watch.settings import WatchSettings

SETTINGS = WatchSettings(held_patience_s=10.0, store_patience_s=300.0)
WELL = Seen(
    serving=True,
    draining=False,
    disk_free_bytes=100,
    disk_reserve_bytes=100,
    sync_held="",
    no_room="",
    intake_held="",
    intake_held_s=0.0,
    store_trouble="",
    store_trouble_s=0.0,
    lag_reads=0,
)


def kinds(**changes: object) -> list[str]:
    found = readiness(msgspec.structs.replace(WELL, **changes), SETTINGS)
    assert found.ready == (not found.reasons)
    assert all(reason.words for reason in found.reasons)
    return [reason.kind for reason in found.reasons]


def test_all_is_well() -> None:
    assert kinds() == []


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("starting", {"serving": False}),
        ("draining", {"draining": True}),
        ("draining", {"draining": True, "serving": False}),
        ("disk_below_reserve", {"disk_free_bytes": 99}),
        ("journal_full", {"sync_held": "no room"}),
        ("journal_full", {"no_room": "no room"}),
        ("intake_held", {"intake_held": "the journal is behind", "intake_held_s": 10.0}),
        ("store_takes_nothing", {"store_trouble": "refused", "store_trouble_s": 300.0}),
    ],
)
def test_each_trouble_says_so(kind: str, changes: dict[str, object]) -> None:
    assert kinds(**changes) == [kind]


def test_what_lasts_a_moment_is_no_trouble() -> None:
    assert kinds(intake_held="the journal is behind", intake_held_s=9.9) == []
    assert kinds(store_trouble="connection refused", store_trouble_s=299.0) == []


def test_all_reasons_are_given_at_once() -> None:
    assert kinds(draining=True, disk_free_bytes=1, store_trouble="x", store_trouble_s=400.0) == [
        "draining",
        "disk_below_reserve",
        "store_takes_nothing",
    ]
