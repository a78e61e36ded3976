"""The intake stage: ports, links, gathering and acknowledging, and their end in the order of flow.

Rule 1: told to stop or cancelled, it stops accepting, stops reading, brings what is in to disk,
acknowledges it and closes, all within drain_timeout_s.
Rule 2: a fault while serving one link ends that link; a fault of journal or decoder ends the
service, because acknowledging would be a promise nobody keeps.
"""

import itertools
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import trio

from meteringest.errors import ConfigError, InvariantError
from meteringest.intake.admission import Room
from meteringest.intake.certificates import Certificates
from meteringest.intake.connection import SHUTTING_DOWN
from meteringest.intake.datagrams import Mailbox
from meteringest.intake.gather import Gatherer
from meteringest.intake.greeting import Greeter
from meteringest.intake.happenings import (
    CertificatesKept,
    DrainCut,
    IntakeDrained,
    LinkFailed,
    Listening,
)
from meteringest.intake.identity import Identities
from meteringest.intake.listening import Door, OpenPort, Peer, Port, open_port
from meteringest.intake.ports import DcuDirectory, LastAcked, Line, LinkMaker
from meteringest.intake.seats import Seats
from meteringest.intake.serving import Reception, Service
from meteringest.intake.settings import IntakeSettings, ListenerSettings
from meteringest.intake.tls import check_identity, check_transport
from meteringest.intake.udp import MailPort, OpenMailPort, open_mail_port


@dataclass(frozen=True, slots=True)
class Bound:
    """A port that is open: what was asked for, and the number it got."""

    name: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Desk:
    """One listener at work; over UDP nobody comes to its door."""

    settings: ListenerSettings
    identities: Identities
    door: Door
    service: Service


class Opened(NamedTuple):
    """An open port, and how its work begins in the nurseries of doors and of links."""

    settings: ListenerSettings
    port: Port | MailPort
    start: Callable[[trio.Nursery, trio.Nursery], None]


class IntakeServer:
    """All listeners of one process."""

    def __init__(  # noqa: PLR0913 (what every listener shares)
        self,
        settings: IntakeSettings,
        line: Line,
        make_link: LinkMaker,
        *,
        dcus: DcuDirectory,
        last_acked: LastAcked,
        links_max: int = sys.maxsize,
        open_port: OpenPort = open_port,
        open_mail_port: OpenMailPort = open_mail_port,
    ) -> None:
        """Reads certificates and keys; raises ConfigError that names the setting.

        `links_max` is what the process has descriptors for, over all listeners.
        """
        self._room = Room(links_max)
        _check_ports(settings.listeners)
        self._settings = settings
        self._line = line
        self._make_link = make_link
        self._open_port = open_port
        self._open_mail_port = open_mail_port
        self._mailboxes: list[Mailbox] = []
        self._gatherer = Gatherer(line, settings)
        self._seats = Seats(last_acked)
        self._link_ids = itertools.count(1)
        self._drain_began: float | None = None
        self._work = trio.CancelScope(shield=True)
        self._accepting = trio.CancelScope()
        self._desks = [
            self._desk(listener, f"$.intake.listeners[{index}]", dcus)
            for index, listener in enumerate(settings.listeners)
        ]

    @property
    def links(self) -> int:
        """How many links are open."""
        return sum(self.links_of().values())

    def links_of(self) -> dict[str, int]:
        """The same by listener; over UDP the addresses that are known."""
        counts = Counter({desk.settings.name: desk.door.links for desk in self._desks})
        for mailbox in self._mailboxes:
            counts[mailbox.settings.name] += mailbox.links
        return dict(counts)

    @property
    def unsynced_since(self) -> float | None:
        """When the oldest frame that is not known to be durable was received."""
        return self._gatherer.unsynced_since

    @property
    def pending_bytes(self) -> int:
        """Frames received and not yet in the journal."""
        return self._gatherer.pending_bytes

    @property
    def no_room(self) -> str:
        """Why nothing can be appended; empty when it can."""
        return self._gatherer.no_room

    @property
    def held(self) -> str:
        """Why no socket is read or nothing acknowledged; empty when all flows."""
        return self._gatherer.held

    async def run(
        self,
        stop: trio.Event,
        *,
        task_status: trio.TaskStatus[list[Bound]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serves until `stop` is set or the task is cancelled, then drains.

        Reports the bound ports as started. Raises LinkError when a port cannot be opened; what
        journal or decoder raise comes in the nursery's exception group.
        """
        ports = await self._open()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._serve, ports)
            task_status.started(self._bound(ports))
            try:
                await stop.wait()
            finally:
                self._drain()

    def _desk(self, listener: ListenerSettings, path: str, dcus: DcuDirectory) -> Desk:
        check_transport(listener, path)
        check_identity(listener, path)
        identities = Identities(listener, dcus)
        observer = self._line.observer
        reception = Reception(
            settings=listener,
            intake=self._settings,
            identities=identities,
            greeter=Greeter(listener, identities, self._seats, observer)
            if listener.framing == "uplink"
            else None,
            certificates=Certificates(listener.tls, f"{path}.tls") if listener.tls else None,
        )
        service = Service(
            reception, self._line, self._gatherer, self._make_link, self._link_ids.__next__
        )
        return Desk(listener, identities, Door(listener, observer, self._room), service)

    async def _open(self) -> list[Opened]:
        ports: list[Opened] = []
        try:
            for index, desk in enumerate(self._desks):
                path = f"intake.listeners[{index}]"
                if desk.settings.transport == "udp":
                    mail = await self._open_mail_port(desk.settings, path)
                    ports.extend(self._mail(desk, port) for port in mail)
                else:
                    tcp = await self._open_port(desk.settings, path)
                    ports.extend(self._doorway(desk, port) for port in tcp)
        except BaseException:
            for opened in ports:
                opened.port.close()
            raise
        return ports

    def _doorway(self, desk: Desk, port: Port) -> Opened:
        def start(doors: trio.Nursery, links: trio.Nursery) -> None:
            doors.start_soon(self._accept, desk, port, links)

        return Opened(desk.settings, port, start)

    def _mail(self, desk: Desk, port: MailPort) -> Opened:
        """One mailbox a port: an answer must leave from where its datagram came in."""
        mailbox = Mailbox(
            desk.settings,
            self._settings,
            desk.identities,
            self._line.observer,
            self._gatherer,
            make_link=self._make_link,
            next_link_id=self._link_ids.__next__,
        )
        self._mailboxes.append(mailbox)

        def start(_doors: trio.Nursery, links: trio.Nursery) -> None:
            links.start_soon(mailbox.run, port)

        return Opened(desk.settings, port, start)

    def _bound(self, ports: Sequence[Opened]) -> list[Bound]:
        bound: list[Bound] = []
        for listener, port, _ in ports:
            host, number = port.address
            bound.append(Bound(listener.name, host, number))
            self._line.observer.emit(
                Listening(
                    listener=listener.name,
                    host=host,
                    port=number,
                    transport=listener.transport,
                    framing=listener.framing,
                    tls=listener.tls is not None,
                )
            )
        return bound

    async def _serve(self, ports: Sequence[Opened]) -> None:
        with self._work:
            async with trio.open_nursery() as stages:
                stages.start_soon(self._gatherer.run)
                stages.start_soon(self._gatherer.acknowledge)
                for desk in self._desks:
                    if desk.service.certificates is not None:
                        stages.start_soon(
                            self._follow_certificates, desk, desk.service.certificates
                        )
                await self._serve_links(ports)
                await self._gatherer.drained()
                stages.cancel_scope.cancel()
        self._report_drain()

    async def read_certificates(self) -> None:
        """Every listener's files again; links on revoked certificates are closed."""
        for desk in self._desks:
            if desk.service.certificates is not None:
                await self._read_certificates(desk, desk.service.certificates)

    async def _follow_certificates(self, desk: Desk, certificates: Certificates) -> None:
        while True:
            # A file tells nobody that it was replaced, so it is read.
            await trio.sleep(certificates.reread_s)
            await self._read_certificates(desk, certificates)

    async def _read_certificates(self, desk: Desk, certificates: Certificates) -> None:
        try:
            await self._line.offload(certificates.read_again)
        except ConfigError as error:
            self._line.observer.emit(
                CertificatesKept(listener=desk.settings.name, reason=str(error))
            )
        desk.service.part_with_revoked()

    async def _serve_links(self, ports: Sequence[Opened]) -> None:
        """Accepts until told to drain; ends when the last link has."""
        async with trio.open_nursery() as links:
            with self._accepting:
                async with trio.open_nursery() as doors:
                    for opened in ports:
                        opened.start(doors, links)
                    await trio.sleep_forever()
            for desk in self._desks:
                desk.service.stop(SHUTTING_DOWN)
            for mailbox in self._mailboxes:
                mailbox.stop()

    async def _accept(self, desk: Desk, port: Port, links: trio.Nursery) -> None:
        try:
            while True:
                stream, peer = await desk.door.next(port)
                links.start_soon(self._serve_link, desk, stream, peer)
        finally:
            port.close()

    async def _serve_link(self, desk: Desk, stream: trio.abc.Stream, peer: Peer) -> None:
        try:
            await desk.service.serve(stream, peer)
        except Exception as error:
            if _is_grave(error):
                raise
            words = traceback.format_exception(error, limit=-3)
            self._line.observer.emit(
                LinkFailed(listener=desk.settings.name, peer=str(peer), reason="".join(words))
            )
        finally:
            desk.door.leave(peer)

    def _drain(self) -> None:
        """Begins the end: no await here, so that being cancelled cannot skip it."""
        self._drain_began = trio.current_time()
        self._work.deadline = self._drain_began + self._settings.drain_timeout_s
        self._accepting.cancel()

    def _report_drain(self) -> None:
        if self._work.cancelled_caught:
            self._line.observer.emit(
                DrainCut(batches_unsynced=self._gatherer.unsynced, links=self._gatherer.cut)
            )
        elif self._drain_began is not None:
            took_s = trio.current_time() - self._drain_began
            self._line.observer.emit(IntakeDrained(took_s=took_s))


def _check_ports(listeners: tuple[ListenerSettings, ...]) -> None:
    """Said here, because the system would blame another process."""
    taken: dict[tuple[str, str, int], int] = {}
    for index, listener in enumerate(listeners):
        first = taken.setdefault((listener.transport, listener.host, listener.port), index)
        if listener.port and first != index:
            where = f"$.intake.listeners[{index}].port"
            raise ConfigError(where, f"{listener.port} is that of listeners[{first}] already")


def _is_grave(error: Exception) -> bool:
    """A broken invariant ends the service, alone or among other errors."""
    if isinstance(error, ExceptionGroup):
        return error.subgroup(InvariantError) is not None
    return isinstance(error, InvariantError)
