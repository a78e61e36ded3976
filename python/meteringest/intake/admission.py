"""How many links there may be: in all, on a listener, and from one address.

Rule 1: a link is counted before anything is awaited for it, so that a burst cannot slip past.
Rule 2: this file knows no trio and no socket.
"""

from collections import Counter

from meteringest.intake.settings import ListenerSettings

Rule = str


class Room:
    """The open links of all listeners together: each takes a descriptor of the process."""

    def __init__(self, links_max: int) -> None:
        """Nobody is connected yet."""
        self.links_max = links_max
        self.links = 0
        self.arrivals = 0
        """How many were ever let in: the number of the newest."""


class Admission:
    """The open links of one listener."""

    def __init__(self, settings: ListenerSettings, room: Room) -> None:
        """Nobody is connected yet; `room` is shared by all listeners."""
        self._room = room
        self._connections_max = settings.connections_max
        self._per_peer_max = settings.connections_per_peer_max
        self._of_peer: Counter[str] = Counter()
        self.links = 0

    def admit(self, host: str) -> Rule | None:
        """Counts one more link from `host`, or names the limit that forbids it."""
        if self.links >= self._connections_max:
            return "connections_max"
        if self._of_peer[host] >= self._per_peer_max:
            return "connections_per_peer_max"
        if self._room.links >= self._room.links_max:
            return "descriptors"
        self._room.links += 1
        self._room.arrivals += 1
        self.links += 1
        self._of_peer[host] += 1
        return None

    def leave(self, host: str) -> None:
        """A link from `host` that was admitted is over."""
        self.links -= 1
        self._room.links -= 1
        self._of_peer[host] -= 1
        if not self._of_peer[host]:
            del self._of_peer[host]
