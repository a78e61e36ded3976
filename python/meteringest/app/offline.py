"""Commands on a data folder while no service runs on it: the same answers, without the network."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TypeVar

import msgspec

from meteringest.app.core import Core, opened
from meteringest.app.means import Means
from meteringest.app.money import Money, takes
from meteringest.app.questions import answer
from meteringest.clock import WallClock
from meteringest.config import Config
from meteringest.control.messages import AskReplay, AskRetime, Replayed, Retimed, Status
from meteringest.control.money import AskMoney
from meteringest.csv_rows import Imported, ImportPart
from meteringest.errors import LinkError
from meteringest.registry.rows import Listing
from meteringest.store.queries import figures

T = TypeVar("T")


@contextmanager
def offline(config: Config) -> Iterator["Offline"]:
    """The folder, opened and locked for one command."""
    with opened(config, Means(clock=WallClock()), serving=False) as core:
        yield Offline(core)


class Offline:
    """Answers from what lies on disk."""

    def __init__(self, core: Core) -> None:
        """`core` is open."""
        self._core = core
        self._money = Money(core.store, core.ledger, core.clock)

    def status(self) -> Status:
        """Positions, counts and rejects as they were left."""
        core = self._core
        stored = core.journal.stored
        seen = figures(core.store)
        return Status(
            running=False,
            version=version("meteringest"),
            node=core.config.node,
            appended=core.journal.appended,
            durable=core.journal.durable,
            stored=stored,
            lag_reads=core.journal.durable - stored,
            reads_accepted=seen.reads,
            rejected=seen.rejects,
            journal_bytes=core.journal.bytes_on_disk,
            disk_free_bytes=core.journal.free_bytes(),
            disk_reserve_bytes=core.config.journal.disk_reserve_bytes,
            store=core.store.where,
        )

    def query(self, sql: str, output: str) -> bytes:
        """One read-only statement, within the endpoint's bounds."""
        return answer(self._core.store, self._core.config.endpoint, sql, output)

    def import_rows(self, parts: Iterator[ImportPart]) -> Imported:
        """All parts of one import, applied as a whole or not at all."""
        taken = list(parts)
        if takes(taken):
            problems_max = self._core.config.registry.import_problems_max
            return self._money.import_rows(taken, problems_max)
        return self._core.registrar.import_rows(taken)

    def money(self, asked: AskMoney, answer: type[T]) -> T:
        """What the running service would have sent, read as the asker reads it."""
        sent = msgspec.msgpack.encode(self._money.answer(asked))
        return msgspec.msgpack.decode(sent, type=answer)

    def list_rows(self, listing: Listing) -> list[dict[str, object]]:
        """Registry rows without their keys."""
        return self._core.registrar.list_rows(listing)

    def reload(self) -> str:
        """Nothing to do: whatever opens the folder next reads them anyway."""
        return "no service is running"

    def replay_rejects(self, wanted: AskReplay) -> Replayed:
        """Only a running service has the meters' counters and keys at work."""
        del wanted
        raise LinkError(
            str(self._core.config.data_dir), "no service is running here: start it, then replay"
        )

    def retime(self, wanted: AskRetime) -> Retimed:
        """As above: what is moved goes through the decoder's windows."""
        del wanted
        raise LinkError(
            str(self._core.config.data_dir), "no service is running here: start it, then retime"
        )
