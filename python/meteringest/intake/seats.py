"""One uplink per concentrator, the newest wins, and where each one goes on.

Rule 1: newer is who was accepted later: the hello of a link that is lost may be read last.
Rule 2: a newer link is let in only when what the older one brought is on disk, so that `acked`
covers it and nothing has to be sent twice.
"""

from collections.abc import Callable

import trio

from meteringest.intake.connection import SUPERSEDED, Connection
from meteringest.intake.ports import LastAcked
from meteringest.intake.uplink import UplinkRefused


class Seats:
    """Who holds the uplink of which concentrator."""

    def __init__(self, last_acked: LastAcked) -> None:
        """`last_acked` is what the journal knew at the start; it is kept up to date here."""
        self._last_acked = last_acked
        self._holders: dict[int, ConcentratorSeat] = {}
        self._newest: dict[int, ConcentratorSeat] = {}

    async def take(self, dcu: int, *, arrival: int, patience_s: float) -> "ConcentratorSeat":
        """The seat of `dcu`, once whoever had it is gone; raises UplinkRefused when that fails.

        `arrival` counts links as they were accepted.
        """
        newest = self._newest.get(dcu)
        if newest is not None and newest.arrival > arrival:
            raise UplinkRefused("superseded", SUPERSEDED.detail)
        seat = ConcentratorSeat(dcu, arrival, self._last_acked, self._leave)
        self._newest[dcu] = seat
        try:
            with trio.fail_after(patience_s):
                await self._until_free(seat)
        except trio.TooSlowError:
            raise UplinkRefused("busy", "the previous link is still being written") from None
        finally:
            if self._holders.get(dcu) is not seat:
                seat.leave()
        return seat

    async def _until_free(self, seat: "ConcentratorSeat") -> None:
        while (holder := self._holders.get(seat.dcu)) is not None:
            await holder.vacated()
            if self._newest.get(seat.dcu) is not seat:
                raise UplinkRefused("superseded", SUPERSEDED.detail)
        self._holders[seat.dcu] = seat

    def _leave(self, seat: "ConcentratorSeat") -> None:
        for seats in (self._holders, self._newest):
            if seats.get(seat.dcu) is seat:
                del seats[seat.dcu]


class ConcentratorSeat:
    """One link's hold on a concentrator's uplink."""

    def __init__(
        self,
        dcu: int,
        arrival: int,
        last_acked: LastAcked,
        leave: Callable[["ConcentratorSeat"], None],
    ) -> None:
        """Made by Seats."""
        self.dcu = dcu
        self.arrival = arrival
        self._last_acked = last_acked
        self._leave = leave
        self._left = trio.Event()
        self._wanted = False
        self._connection: Connection | None = None

    @property
    def known(self) -> int:
        """The highest durable sequence of this concentrator; 0 when it has none."""
        return self._last_acked.get(self.dcu, 0)

    def sit(self, connection: Connection) -> None:
        """`connection` serves this concentrator from now on, unless a newer one wants to."""
        self._connection = connection
        if self._wanted:
            connection.stop(SUPERSEDED)

    def acked(self, sequence: int, /) -> None:
        """Everything up to `sequence` is durable."""
        self._last_acked[self.dcu] = max(self.known, sequence)

    async def vacated(self) -> None:
        """Asks whoever sits here to go, and waits until that is done."""
        self._wanted = True
        if self._connection is not None:
            self._connection.stop(SUPERSEDED)
        await self._left.wait()

    def leave(self) -> None:
        """The link is over."""
        self._left.set()
        self._leave(self)
