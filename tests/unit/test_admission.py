"""Who is let in: limits of a listener, of an address, and of the process."""

import resource

import pytest

from meteringest.app.descriptors import KEPT, UNBOUNDED, links_within
from meteringest.intake.admission import Admission, Room
from meteringest.intake.settings import ListenerSettings

SETTINGS = ListenerSettings(connections_max=3, connections_per_peer_max=2)


def test_each_limit_is_named_and_room_comes_back() -> None:
    door = Admission(SETTINGS, Room(100))
    assert [door.admit("a"), door.admit("a"), door.admit("a")] == [
        None,
        None,
        "connections_per_peer_max",
    ]
    assert [door.admit("b"), door.admit("c")] == [None, "connections_max"]
    door.leave("a")
    assert door.admit("c") is None


def test_all_listeners_share_the_descriptors() -> None:
    room = Room(3)
    one, other = Admission(SETTINGS, room), Admission(SETTINGS, room)
    assert [one.admit("a"), one.admit("b"), other.admit("c")] == [None, None, None]
    assert other.admit("d") == "descriptors"
    assert (one.links, other.links, room.links) == (2, 1, 3)
    one.leave("a")
    assert other.admit("d") is None


@pytest.mark.parametrize(
    ("descriptors", "links"),
    [
        (20_000, 20_000 - KEPT),
        (1_024, 512),
        (300, 150),
        (1, 1),
        (resource.RLIM_INFINITY, UNBOUNDED),
    ],
)
def test_journal_and_store_keep_their_share_of_the_descriptors(
    descriptors: int, links: int
) -> None:
    assert links_within(descriptors) == links
