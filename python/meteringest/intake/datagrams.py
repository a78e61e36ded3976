"""One UDP port: datagrams in, answers out to the addresses they came from.

Rule 1: a datagram is whole frames; what is not whole in it is a reject, never waited for.
Rule 2: nobody can be held back over UDP, so whoever is over a budget has its datagram dropped and
counted, and when the whole line is full the socket is not read and the system drops.
Rule 3: an answer leaves when what earned it is durable, like any other; one that is lost is not
repeated, because the sender repeats what was not answered.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator

import trio

from meteringest.events import Observer
from meteringest.intake.admission import Admission, Room
from meteringest.intake.gather import Gatherer
from meteringest.intake.happenings import AcceptFailed, DatagramDropped, LinkClosed, LinkOpened
from meteringest.intake.identity import Identities, PeerUnknown
from meteringest.intake.listening import ACCEPT_RETRY_S, OUT_OF, Peer
from meteringest.intake.ports import Link, LinkMaker
from meteringest.intake.session import Session, Verdict
from meteringest.intake.settings import IntakeSettings, ListenerSettings
from meteringest.intake.udp import Arrival, MailPort

ANSWERS_MAX = 4_096
UNSENT_BYTES_MAX = 1 << 20
WRAPPER_VERSION = b"\x00\x01"
WRAPPER_BYTES = 8


class Correspondent:
    """One sender's address: where its frames wait and what it is owed."""

    def __init__(
        self,
        arrival: Arrival,
        dcu: int,
        link: Link,
        session: Session,
        *,
        post: Callable[["Correspondent", bytes], None],
        moved: Callable[[], None],
    ) -> None:
        """`post` sends an answer to it, `moved` hears that something changed."""
        self.peer = arrival.peer
        self.address = arrival.address
        self.dcu = dcu
        self.link = link
        self.session = session
        self.moved = moved
        self.received_bytes = 0
        self._post = post

    def pay(self, position: int) -> None:
        """Everything before `position` is durable: what is due goes out, a datagram a frame."""
        due = self.session.durable(position).bytes
        for frame in frames_of(due):
            self._post(self, frame)
        self.session.sent(len(due))
        self.moved()


class Mailbox:
    """Everybody who writes to one UDP listener."""

    def __init__(  # noqa: PLR0913 (what every listener shares)
        self,
        settings: ListenerSettings,
        intake: IntakeSettings,
        identities: Identities,
        observer: Observer,
        gatherer: Gatherer,
        *,
        make_link: LinkMaker,
        next_link_id: Callable[[], int],
    ) -> None:
        """Nobody has written yet."""
        self.settings = settings
        self._intake = intake
        self._identities = identities
        self._observer = observer
        self._gatherer = gatherer
        self._make_link = make_link
        self._next_link_id = next_link_id
        # An address takes no descriptor: only the listener's own limits count.
        self._admission = Admission(settings, Room(settings.connections_max))
        self._known: OrderedDict[Peer, Correspondent] = OrderedDict()
        self._of_host: dict[str, OrderedDict[Peer, Correspondent]] = {}
        self._receiving = trio.CancelScope()
        self._moved = trio.Event()
        self._outbox, self._answers = trio.open_memory_channel[tuple[Correspondent, bytes]](
            ANSWERS_MAX
        )

    @property
    def links(self) -> int:
        """How many addresses are known."""
        return len(self._known)

    def stop(self) -> None:
        """Receives no more; what came in is still stored and answered."""
        self._receiving.cancel()

    async def run(self, port: MailPort) -> None:
        """Receives until stopped; returns once everything is stored and every answer sent."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send, port)
                with self._receiving:
                    await self._receive(port)
                while not all(each.session.stored() for each in self._known.values()):
                    await self._until_moved()
                self._outbox.close()
        finally:
            for correspondent in tuple(self._known.values()):
                self._forget(correspondent, "shutting_down")
            port.close()

    async def _receive(self, port: MailPort) -> None:
        while True:
            arrival = await self._next(port)
            correspondent = self._correspondent(arrival)
            if correspondent is None:
                continue
            while self._gatherer.full:
                self._gatherer.hold(correspondent)
                await self._until_moved()
            self._take(correspondent, arrival.datagram)

    async def _next(self, port: MailPort) -> Arrival:
        while True:
            try:
                return await port.receive(self.settings.datagram_bytes_max + 1)
            except OSError as error:
                if error.errno not in OUT_OF:
                    raise
                reason = str(error.strerror)
                self._observer.emit(AcceptFailed(listener=self.settings.name, reason=reason))
                await trio.sleep(ACCEPT_RETRY_S)

    def _take(self, correspondent: Correspondent, datagram: bytes) -> None:
        now = trio.current_time()
        correspondent.session.heard(now)
        if correspondent.session.verdict(now, line_full=False) is not Verdict.READ:
            self._drop(correspondent.peer, "link_pending_bytes_max")
            return
        correspondent.received_bytes += len(datagram)
        waiting = correspondent.link.feed_datagram(datagram, self.settings.datagram_bytes_max)
        self._gatherer.fed(correspondent, waiting, now)

    def _correspondent(self, arrival: Arrival) -> Correspondent | None:
        """Whoever sent `arrival`; None when there is no room for one more, or it is refused."""
        self._forget_idle()
        peer = arrival.peer
        if (known := self._known.get(peer)) is not None:
            self._known.move_to_end(peer)
            self._of_host[peer.host].move_to_end(peer)
            return known
        try:
            dcu = self._identities.of(None, peer.host)
        except PeerUnknown as unknown:
            self._drop(peer, unknown.rule)
            return None
        rule = self._admitted(peer)
        if rule is not None:
            self._drop(peer, rule)
            return None
        return self._new(arrival, dcu)

    def _admitted(self, peer: Peer) -> str | None:
        """Makes room for `peer` by forgetting who has been silent longest and is owed nothing."""
        while (rule := self._admission.admit(peer.host)) is not None:
            among = self._of_host[peer.host] if rule == PER_PEER else self._known
            longest = next(iter(among.values()))
            if not longest.session.settled():
                return rule
            self._forget(longest, "replaced")
        return None

    def _new(self, arrival: Arrival, dcu: int) -> Correspondent:
        peer, link_id = arrival.peer, self._next_link_id()
        link = self._make_link(
            link_id,
            self.settings.framing,
            dcu=dcu,
            peer=str(peer),
            frame_bytes_max=self.settings.frame_bytes_max,
            pending_bytes_max=2 * self._intake.link_pending_bytes_max,
            acked=None,
        )
        session = Session(
            link_id,
            trio.current_time(),
            idle_timeout_s=self.settings.idle_timeout_s,
            waiting_bytes_max=self._intake.link_pending_bytes_max,
            unsent_bytes_max=UNSENT_BYTES_MAX,
        )
        correspondent = Correspondent(
            arrival, dcu, link, session, post=self._post, moved=self._has_moved
        )
        self._known[peer] = correspondent
        self._of_host.setdefault(peer.host, OrderedDict())[peer] = correspondent
        self._gatherer.join(correspondent)
        self._observer.emit(
            LinkOpened(listener=self.settings.name, peer=str(peer), link=link_id, dcu=dcu)
        )
        return correspondent

    def _forget_idle(self) -> None:
        now = trio.current_time()
        while self._known:
            longest = next(iter(self._known.values()))
            if longest.session.idle_until() > now or not longest.session.settled():
                return
            self._forget(longest, "idle")

    def _forget(self, correspondent: Correspondent, rule: str) -> None:
        peer = correspondent.peer
        del self._known[peer]
        del self._of_host[peer.host][peer]
        if not self._of_host[peer.host]:
            del self._of_host[peer.host]
        self._admission.leave(peer.host)
        self._gatherer.leave(correspondent)
        self._observer.emit(
            LinkClosed(
                listener=self.settings.name,
                peer=str(peer),
                link=correspondent.session.link_id,
                dcu=correspondent.dcu,
                rule=rule,
                detail="",
                received_bytes=correspondent.received_bytes,
            )
        )

    def _post(self, correspondent: Correspondent, answer: bytes) -> None:
        try:
            self._outbox.send_nowait((correspondent, answer))
        except trio.WouldBlock:
            self._drop(correspondent.peer, "answers_max")

    async def _send(self, port: MailPort) -> None:
        async for correspondent, answer in self._answers:
            try:
                await port.send(answer, correspondent.address)
            except OSError as error:
                self._drop(correspondent.peer, "unreachable", str(error.strerror or error))

    def _drop(self, peer: Peer, rule: str, detail: str = "") -> None:
        self._observer.emit(
            DatagramDropped(listener=self.settings.name, peer=str(peer), rule=rule, detail=detail)
        )

    def _has_moved(self) -> None:
        self._moved.set()

    async def _until_moved(self) -> None:
        self._moved = trio.Event()
        await self._moved.wait()


def frames_of(answers: bytes) -> Iterator[bytes]:
    """The wrapper frames in `answers`, each for a datagram of its own; others go together."""
    while answers.startswith(WRAPPER_VERSION) and len(answers) >= WRAPPER_BYTES:
        end = WRAPPER_BYTES + int.from_bytes(answers[6:8], "big")
        yield answers[:end]
        answers = answers[end:]
    if answers:
        yield answers


PER_PEER = "connections_per_peer_max"
