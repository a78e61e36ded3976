"""A person's SQL on the store: one reading statement, bounded, as text in any output format."""

from meteringest.errors import StoreRefused
from meteringest.store.clickhouse import Store
from meteringest.store.face.execution import Engine
from meteringest.store.face.policy import ReadOnly
from meteringest.store.face.question import Question
from meteringest.store.face.refusal import Refusal
from meteringest.store.face.settings import EndpointSettings


def answer(store: Store, bounds: EndpointSettings, sql: str, output: str) -> bytes:
    """The whole answer; raises StoreRefused with the engine's words."""
    try:
        task = ReadOnly(bounds).allow(_question(sql, output))
        if not store.embedded:
            return store.text(task.sql, task.format)
        running = Engine(store.engine_address).start(task)
    except Refusal as refusal:
        raise StoreRefused(store.where, str(refusal)) from None
    try:
        return running.first
    finally:
        running.close()


def _question(sql: str, output: str) -> Question:
    return Question(
        sql=sql.encode(),
        database="",
        parameters={},
        settings={},
        query_id="",
        default_format=output,
        whole=True,
        compressed=False,
    )
