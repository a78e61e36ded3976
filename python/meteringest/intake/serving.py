"""One listener's links from handshake to end: who is it, what is its link, why is it over.

Rule 1: whatever a peer does before its first frame ends in one refused-event and a closed socket.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

import trio

from meteringest.intake.certificates import Certificates, Identity, identity_of
from meteringest.intake.connection import GOODBYE_TIMEOUT_S, SHUTTING_DOWN, Connection, Ending
from meteringest.intake.gather import CHUNK_BYTES_MAX, Gatherer
from meteringest.intake.greeting import Greeter, PeerLeft
from meteringest.intake.happenings import LinkClosed, LinkLost, LinkOpened, LinkRefused
from meteringest.intake.identity import Certificate, Identities, PeerUnknown
from meteringest.intake.listening import Peer
from meteringest.intake.ports import Line, LinkMaker
from meteringest.intake.seats import ConcentratorSeat
from meteringest.intake.session import Session
from meteringest.intake.settings import IntakeSettings, ListenerSettings
from meteringest.intake.tls import wrapped
from meteringest.intake.uplink import UplinkRefused, packed

UNSENT_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Reception:
    """What a listener needs to know whom it serves; only an uplink has a greeter."""

    settings: ListenerSettings
    intake: IntakeSettings
    identities: Identities
    greeter: Greeter | None
    certificates: Certificates | None


@dataclass(frozen=True, slots=True)
class Guest:
    """A peer that was let in: its stream under TLS if any, who it is, where its uplink goes on."""

    stream: trio.abc.Stream
    peer: Peer
    dcu: int
    identity: Identity | None = None
    seat: ConcentratorSeat | None = None
    acked: int = 0


class GuestRefused(Exception):  # noqa: N818 (a refusal of the peer, not a fault of ours)
    """The peer is turned away."""

    def __init__(self, rule: str, detail: str) -> None:
        """`rule` is counted, `detail` is told."""
        super().__init__(rule, detail)
        self.rule = rule
        self.detail = detail

    def __str__(self) -> str:
        """One line for the log."""
        return f"{self.rule}: {self.detail}"


class Service:
    """Serves the links of one listener."""

    def __init__(
        self,
        reception: Reception,
        line: Line,
        gatherer: Gatherer,
        make_link: LinkMaker,
        next_link_id: Callable[[], int],
    ) -> None:
        """`next_link_id` never answers the same twice in one process."""
        self._reception = reception
        self._settings = reception.settings
        self._observer = line.observer
        self._gatherer = gatherer
        self._make_link = make_link
        self._next_link_id = next_link_id
        self._connections: dict[Connection, Identity | None] = {}
        self._receptions: set[trio.CancelScope] = set()
        self._ending: Ending | None = None

    def stop(self, ending: Ending) -> None:
        """Lets nobody in any more and stops reading every link."""
        self._ending = ending
        for scope in self._receptions:
            scope.cancel()
        for connection in tuple(self._connections):
            connection.stop(ending)

    @property
    def certificates(self) -> Certificates | None:
        """What the listener's handshakes go by; nothing where it is plain."""
        return self._reception.certificates

    def part_with_revoked(self) -> None:
        """Stops reading the links whose certificates count no longer."""
        if self._reception.certificates is None:
            return
        for connection, identity in self._connections.items():
            if self._reception.certificates.are_revoked(identity):
                connection.stop(REVOKED)

    async def serve(self, stream: trio.abc.Stream, peer: Peer) -> None:
        """One peer, from its handshake to its end; `stream` is closed then."""
        async with AsyncExitStack() as over:
            over.push_async_callback(trio.aclose_forcefully, stream)
            try:
                guest = await self._received(stream, peer)
            except GuestRefused as refusal:
                self._refuse(peer, refusal)
                return
            if guest.seat is not None:
                over.callback(guest.seat.leave)
            await self._serve(guest)

    async def _received(self, stream: trio.abc.Stream, peer: Peer) -> Guest:
        if self._ending is None:
            with trio.CancelScope() as scope:
                self._receptions.add(scope)
                try:
                    return await self._identified(stream, peer)
                finally:
                    self._receptions.discard(scope)
        raise GuestRefused(SHUTTING_DOWN.rule, SHUTTING_DOWN.detail)

    async def _identified(self, stream: trio.abc.Stream, peer: Peer) -> Guest:
        identities, greeter = self._reception.identities, self._reception.greeter
        certificate: Certificate | None = None
        identity: Identity | None = None
        if self._reception.certificates is not None:
            secured = await self._secured(stream, self._reception.certificates)
            stream, certificate = secured, secured.getpeercert()
            identity = identity_of(secured.getpeercert(binary_form=True))
        try:
            dcu = identities.of(certificate, peer.host)
        except PeerUnknown as unknown:
            raise GuestRefused(unknown.rule, unknown.detail) from None
        if greeter is None:
            return Guest(stream, peer, dcu, identity)
        seat, acked = await self._greeted(greeter, stream, dcu or None, peer.arrival)
        return Guest(stream, peer, seat.dcu, identity, seat, acked)

    async def _secured(
        self, stream: trio.abc.Stream, certificates: Certificates
    ) -> "trio.SSLStream[trio.abc.Stream]":
        secured = wrapped(stream, certificates.context)
        try:
            with trio.fail_after(self._settings.handshake_timeout_s):
                await secured.do_handshake()
        except trio.TooSlowError:
            raise GuestRefused("handshake_timeout", "the TLS handshake took too long") from None
        except trio.BrokenResourceError as error:
            raise GuestRefused("tls", str(error.__cause__ or "the peer left")) from None
        return secured

    async def _greeted(
        self, greeter: Greeter, stream: trio.abc.Stream, certified: int | None, arrival: int
    ) -> tuple[ConcentratorSeat, int]:
        try:
            return await greeter.greet(stream, certified, arrival=arrival)
        except trio.TooSlowError:
            raise GuestRefused("handshake_timeout", "no hello in time") from None
        except (PeerLeft, trio.BrokenResourceError):
            raise GuestRefused("left_early", "the peer left before its welcome") from None
        except UplinkRefused as refused:
            with trio.move_on_after(GOODBYE_TIMEOUT_S), suppress(trio.BrokenResourceError):
                await stream.send_all(packed(refused.refusal))
            raise GuestRefused(refused.refusal.reason, refused.refusal.detail) from None

    async def _serve(self, guest: Guest) -> None:
        link_id = self._next_link_id()
        connection = self._connected(guest, link_id)
        if guest.seat is not None:
            guest.seat.sit(connection)
        self._connections[connection] = guest.identity
        if self._ending is not None:
            connection.stop(self._ending)
        self.part_with_revoked()
        self._observer.emit(
            LinkOpened(
                listener=self._settings.name, peer=str(guest.peer), link=link_id, dcu=guest.dcu
            )
        )
        try:
            ending = await connection.run()
        finally:
            self._connections.pop(connection, None)
        told = LinkLost if ending.rule in WORTH_A_LOOK else LinkClosed
        self._observer.emit(
            told(
                listener=self._settings.name,
                peer=str(guest.peer),
                link=link_id,
                dcu=guest.dcu,
                rule=ending.rule,
                detail=ending.detail,
                received_bytes=connection.received_bytes,
            )
        )

    def _connected(self, guest: Guest, link_id: int) -> Connection:
        settings, intake = self._settings, self._reception.intake
        link = self._make_link(
            link_id,
            settings.framing,
            dcu=guest.dcu,
            peer=str(guest.peer),
            frame_bytes_max=settings.frame_bytes_max,
            # We stop reading well before; the link's own limit is its last line of defence.
            pending_bytes_max=2 * intake.link_pending_bytes_max + CHUNK_BYTES_MAX,
            acked=guest.acked if guest.seat is not None else None,
        )
        session = Session(
            link_id,
            trio.current_time(),
            idle_timeout_s=settings.idle_timeout_s,
            waiting_bytes_max=intake.link_pending_bytes_max,
            unsent_bytes_max=UNSENT_BYTES_MAX,
            acked=guest.acked,
        )
        return Connection(
            guest.stream,
            link,
            session,
            self._gatherer,
            send_timeout_s=settings.send_timeout_s,
            seat=guest.seat,
        )

    def _refuse(self, peer: Peer, refusal: GuestRefused) -> None:
        self._observer.emit(
            LinkRefused(
                listener=self._settings.name,
                peer=str(peer),
                rule=refusal.rule,
                detail=refusal.detail,
            )
        )


REVOKED = Ending("revoked", "its certificate stands on the revocation list read last")
WORTH_A_LOOK = frozenset({"bad_stream", "deaf", "revoked"})
