"""What comes before the first frame of an uplink: hello, proof, welcome (docs/uplink.md)."""

import hmac

import trio

from meteringest.events import Observer
from meteringest.intake.happenings import UplinkAhead
from meteringest.intake.identity import Identities
from meteringest.intake.seats import ConcentratorSeat, Seats
from meteringest.intake.settings import ListenerSettings
from meteringest.intake.uplink import Hello, HelloReader, UplinkRefused, Welcome, packed

CHUNK_BYTES_MAX = 4_096


class PeerLeft(Exception):  # noqa: N818 (an answer to the caller, not a fault of ours)
    """The peer went away before it had said who it is."""


class Greeter:
    """Greets the uplinks of one listener."""

    def __init__(
        self,
        settings: ListenerSettings,
        identities: Identities,
        seats: Seats,
        observer: Observer,
    ) -> None:
        """Tokens are looked up by the number they stand for."""
        self._settings = settings
        self._identities = identities
        self._seats = seats
        self._observer = observer

    async def greet(
        self, stream: trio.abc.Stream, certified: int | None, *, arrival: int
    ) -> tuple[ConcentratorSeat, int]:
        """The concentrator's seat and where it goes on, once it has been told.

        `arrival` is the link's number among all that were let in, `certified` the concentrator
        that the peer's certificate names. Raises UplinkRefused for what the peer is to be told,
        PeerLeft and TooSlowError when it is not listening.
        """
        patience_s = self._settings.handshake_timeout_s
        with trio.fail_after(patience_s):
            hello = await self._hello(stream)
        dcu = self._proven(hello, certified)
        seat = await self._seats.take(dcu, arrival=arrival, patience_s=patience_s)
        acked = self._resumed(seat, hello)
        try:
            with trio.fail_after(patience_s):
                await stream.send_all(packed(Welcome(acked, self._settings.window)))
        except BaseException:
            seat.leave()
            raise
        return seat, acked

    async def _hello(self, stream: trio.abc.Stream) -> Hello:
        reader = HelloReader()
        hello: Hello | None = None
        while hello is None:
            chunk = await stream.receive_some(CHUNK_BYTES_MAX)
            if not chunk:
                raise PeerLeft
            hello = reader.feed(bytes(chunk))
        return hello

    def _proven(self, hello: Hello, certified: int | None) -> int:
        dcu = self._identities.number(hello.dcu)
        if dcu is None:
            raise UplinkRefused("unknown_dcu", f"no concentrator {hello.dcu!r} is known here")
        if certified is not None and dcu != certified:
            raise UplinkRefused(
                "not_authenticated", f"the certificate is concentrator {certified}'s, not {dcu}'s"
            )
        if self._settings.tokens and not self._has_token(dcu, hello):
            raise UplinkRefused("not_authenticated", f"no or a wrong token for concentrator {dcu}")
        return dcu

    def _has_token(self, dcu: int, hello: Hello) -> bool:
        given = (hello.token or "").encode()
        return any(
            hmac.compare_digest(token.reveal().encode(), given)
            for name, token in self._settings.tokens.items()
            if self._identities.number(name) == dcu
        )

    def _resumed(self, seat: ConcentratorSeat, hello: Hello) -> int:
        known, resume = seat.known, hello.resume or 0
        if resume > known:
            self._observer.emit(UplinkAhead(dcu=seat.dcu, known=known, resume=resume))
        return max(known, resume)
