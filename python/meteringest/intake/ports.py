"""What intake needs from the rest of the house; app.py gives it the real things, tests fakes.

Everything here is bytes and numbers: no read becomes a Python object on its way to the journal.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import trio

from meteringest.clock import WallClock
from meteringest.events import Observer
from meteringest.offload import Offload

LastAcked = MutableMapping[int, int]
"""Concentrator -> highest durable uplink sequence; filled from the journal before serving."""


class Link(Protocol):
    """The splitter of one connection's bytes; hostile bytes become rejects in it."""

    @property
    def waiting(self) -> int:
        """Bytes of whole frames and rejects that the decoder has not taken yet."""
        ...

    @property
    def closed(self) -> str | None:
        """Why nothing more can be understood on this link, or None."""
        ...

    def feed(self, chunk: bytes, /) -> int:
        """Copies `chunk` and returns what is waiting now."""
        ...

    def feed_datagram(self, chunk: bytes, bytes_max: int, /) -> int:
        """Like `feed`, for one datagram: what is not whole in it becomes a reject at once."""
        ...

    def finish(self) -> None:
        """The stream has ended: half a frame becomes a reject."""
        ...


class LinkMaker(Protocol):
    """Makes the splitter of a new connection."""

    def __call__(  # noqa: PLR0913 (the native Link's own keywords)
        self,
        link_id: int,
        framing: str,
        *,
        dcu: int,
        peer: str,
        frame_bytes_max: int,
        pending_bytes_max: int,
        acked: int | None,
    ) -> Link:
        """A link that no other connection of this process has the id of.

        An uplink goes on after envelope `acked`; other links have None there.
        """
        ...


class Batch(Protocol):
    """Decoded and checked columns, ready for the journal, and whom they are owed to."""

    @property
    def rows(self) -> int:
        """Rows over all sections; 0 is nothing to journal."""
        ...

    @property
    def counts(self) -> Mapping[str, int | Mapping[str, int]]:
        """Frames and reads by outcome, rejected ones by kind."""
        ...

    @property
    def replies(self) -> Sequence[tuple[int, bytes]]:
        """Link id and the bytes to send once durable, in order."""
        ...

    @property
    def uplink(self) -> Sequence[tuple[int, int]]:
        """Link id and the highest uplink sequence in this batch."""
        ...

    @property
    def waits(self) -> bool:
        """Whether frames wait for more, and are to be timed out by a later call."""
        ...


class Decoder(Protocol):
    """Frames to columns."""

    # Any: the real decoder takes only the links of its own kind, which is what it gets.
    def decode(self, links: list[Any], now_ms: int, /) -> Batch:
        """Takes all waiting frames of `links`, in order; runs outside the loop."""
        ...


class Journal(Protocol):
    """Where a batch becomes safe. Whoever implements it syncs what was appended, in groups."""

    @property
    def appended(self) -> int:
        """The position after the last batch."""
        ...

    @property
    def durable(self) -> int:
        """Everything before this position survives a power cut."""
        ...

    # Any: what the decoder made, which the real journal takes only in its own kind.
    def append(self, batch: Any, now_ms: int, /) -> int:  # noqa: ANN401
        """Buffers `batch` and returns the position after it; JournalFull leaves it unwritten."""
        ...

    async def durable_after(self, position: int, /) -> int:
        """Waits until the durable position is past `position` and returns it."""
        ...


class DcuDirectory(Protocol):
    """The registry's concentrators."""

    def number(self, name: str, /) -> int | None:
        """The number of the concentrator called `name`."""
        ...


class Agreement:
    """Whether all that the decoder has taken is in the journal.

    A turn that ends between the two, by a stop on a full disk, leaves them apart: then nothing the
    decoder knows may be written down as if the journal knew it, and only a restart mends it.
    """

    def __init__(self) -> None:
        """They agree."""
        self.broken = False

    @contextmanager
    def kept(self) -> Iterator[None]:
        """From decoding to appending; whatever ends it early breaks the agreement."""
        try:
            yield
        except BaseException:
            self.broken = True
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Everything behind the sockets, held together because every stage needs most of it."""

    decoder: Decoder
    journal: Journal
    offload: Offload
    clock: WallClock
    observer: Observer
    turn: trio.Lock = field(default_factory=trio.Lock)
    """Held from decoding a batch to appending it: journal and decoder agree outside of it."""
    agreement: Agreement = field(default_factory=Agreement)
