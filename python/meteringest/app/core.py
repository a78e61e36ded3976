"""Everything that lives as long as the data folder is open: journal, store, decoder, registry.

Rule 1: opened in the order of trust: the journal's lock proves that the folder is ours, the store
comes next, and the decoder gets its registry, its last checkpoint and what came after it.
Rule 2: no task runs here; serve.py does that, offline.py does without.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from meteringest.app.checkpoints import recover
from meteringest.app.means import Means
from meteringest.clock import WallClock
from meteringest.config import Config
from meteringest.native import Decoder, Journal
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.registry.layouts import Layouts, load_layouts
from meteringest.registry.meters import Defaults
from meteringest.registry.profiles import load_event_codes
from meteringest.registry.registrar import Registrar
from meteringest.registry.sealing import MasterKey
from meteringest.registry.tables import RegistryTables
from meteringest.store.clickhouse import Store
from meteringest.store.migrate import migrate

SEED = "hash_seed"
SEED_BYTES = 8


@dataclass(frozen=True, slots=True)
class Core:
    """What every way of running needs."""

    config: Config
    clock: WallClock
    journal: Journal
    store: Store
    decoder: Decoder
    registrar: Registrar
    ledger: Ledger
    recovered_to: int
    """Everything before this position is in the decoder's checkpoint."""


@contextmanager
def opened(config: Config, means: Means, *, serving: bool, salvage: bool = False) -> Iterator[Core]:
    """The data folder, locked; raises JournalError, StoreError or ConfigError that say why not.

    Only who is `serving` needs every meter's keys and the decoder's memory. `salvage` goes past
    damage in the journal and gives up what is lost in it.
    """
    clock = means.clock
    journal = means.open_journal(config, clock, salvage)
    store = means.open_store(config.store, config.data_dir)
    try:
        migrate(store, config.store)
        layouts = load_layouts(config.registry.layouts_dir)
        decoder = Decoder(config.node, _decoder_settings(config, journal, means))
        _teach(decoder, layouts)
        registrar = _registrar(config, store, decoder, layouts)
        if serving:
            registrar.load_book()
        yield Core(
            config=config,
            clock=clock,
            journal=journal,
            store=store,
            decoder=decoder,
            registrar=registrar,
            ledger=Ledger(store, clock.now_ms),
            recovered_to=recover(decoder, journal, clock.now_s()) if serving else journal.first,
        )
    finally:
        store.close()


def reload(core: Core) -> str:
    """Reads registry and layouts again while the decoder works; says what was found."""
    layouts = load_layouts(core.config.registry.layouts_dir)
    _teach(core.decoder, layouts)
    core.registrar.learn(layouts)
    meters = core.registrar.load_book()
    return (
        f"{meters:,} meters in use, {len(layouts.names)} layouts, {len(layouts.profiles)} profiles"
    )


def _teach(decoder: Decoder, layouts: Layouts) -> None:
    decoder.set_layouts(layouts.json(), layouts.families_json())
    decoder.set_profiles(layouts.profiles_json(), msgspec.json.encode(load_event_codes()))


def _decoder_settings(config: Config, journal: Journal, means: Means) -> bytes:
    named = {
        **msgspec.structs.asdict(config.checks),
        **msgspec.structs.asdict(config.limits),
        "key_overlap_days": config.security.key_overlap_days,
        "hash_seed": _hash_seed(journal, means),
    }
    return msgspec.json.encode(named)


def _hash_seed(journal: Journal, means: Means) -> int:
    """Drawn once for a journal: nobody outside can aim for a hash, and checkpoints stay valid."""
    seed = journal.read_checkpoint(SEED)
    if seed is None:
        seed = means.random_bytes(SEED_BYTES)
        journal.write_checkpoint(SEED, seed)
    return int.from_bytes(seed, "big")


def _registrar(config: Config, store: Store, decoder: Decoder, layouts: Layouts) -> Registrar:
    registry = config.registry
    defaults = Defaults(
        security=config.security.default_policy,
        interval_s=registry.default_interval_s,
        layout_1ph=registry.default_layout_1ph,
        layout_3ph=registry.default_layout_3ph,
        layouts=layouts.names,
        models=layouts.models,
        zones=layouts.zones,
        problems_max=registry.import_problems_max,
    )
    key = MasterKey.of(registry.master_key) if registry.master_key else None
    return Registrar(RegistryTables(store), decoder, defaults, key)
