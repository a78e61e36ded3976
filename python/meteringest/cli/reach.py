"""The service behind a command: the running one over its socket, else the store opened here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from meteringest.config import Config
from meteringest.control.client import connected
from meteringest.control.messages import AskReplay, AskRetime, Replayed, Retimed, Status
from meteringest.control.money import AskMoney
from meteringest.csv_rows import Imported, ImportPart
from meteringest.registry.rows import Listing

T = TypeVar("T")


class Service(Protocol):
    """What commands ask for; Client and app's offline service answer alike."""

    def status(self) -> Status:
        """How it is doing."""
        ...

    def query(self, sql: str, output: str) -> bytes:
        """The result of one read-only statement as text."""
        ...

    def import_rows(self, parts: Iterator[ImportPart]) -> Imported:
        """All parts of one import, applied as a whole or not at all."""
        ...

    def list_rows(self, listing: Listing) -> list[dict[str, object]]:
        """Registry rows without their keys."""
        ...

    def reload(self) -> str:
        """Reads registry and layouts again; says what was found."""
        ...

    def replay_rejects(self, wanted: AskReplay) -> Replayed:
        """Decodes stored rejects again."""
        ...

    def retime(self, wanted: AskRetime) -> Retimed:
        """Tells the stored reads of the next meters anew."""
        ...

    def money(self, asked: AskMoney, answer: type[T]) -> T:
        """Enters orders and rules, shows accounts."""
        ...


@contextmanager
def reach(config: Config) -> Iterator[Service]:
    """A running service goes first: only it may touch the folder it has locked."""
    with connected(config.data_dir) as client:
        if client is not None:
            yield client
            return
    from meteringest.app import offline  # noqa: PLC0415 -- the engine loads slowly

    with offline(config) as service:
        yield service
