"""A store of its own for each test; the engine has one folder at a time, so it is closed after."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from meteringest.events import Event
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.migrate import migrate
from meteringest.store.settings import StoreSettings


class Recorder:
    """An observer that keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def settings() -> StoreSettings:
    return StoreSettings()


@pytest.fixture
def empty_store(tmp_path: Path, settings: StoreSettings) -> Iterator[Store]:
    store = open_store(settings, tmp_path)
    yield store
    store.close()


@pytest.fixture
def store(empty_store: Store, settings: StoreSettings) -> Store:
    migrate(empty_store, settings)
    return empty_store


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
