"""The settings of one run, drawn from its seed: many are small enough for their limits to bite."""

from pathlib import Path
from random import Random

from tests.sim.fleets import MASTER_KEY

from meteringest.config import Config
from meteringest.config.schema import JournalSettings
from meteringest.intake.settings import IntakeSettings, ListenerSettings
from meteringest.model import Secret
from meteringest.registry.settings import RegistrySettings
from meteringest.store.settings import StoreSettings


def settings_of(chance: Random) -> Config:
    """Everything a service reads at its start."""
    return Config(
        data_dir=Path("/simulated"),
        intake=IntakeSettings(
            listeners=(
                ListenerSettings(name="dlms", port=4_059),
                ListenerSettings(
                    name="uplink", port=4_060, framing="uplink", window=chance.choice((1, 4, 1024))
                ),
                ListenerSettings(
                    name="mail",
                    port=4_061,
                    transport="udp",
                    connections_max=chance.choice((2, 1_000)),
                ),
            ),
            pending_bytes_max=chance.choice((2_048, 1 << 20)),
            link_pending_bytes_max=chance.choice((1_024, 65_536)),
            batch_bytes_max=chance.choice((512, 65_536)),
            batches_unsynced_max=chance.choice((1, 2, 8)),
            drain_timeout_s=chance.choice((0.05, 20.0)),
        ),
        journal=JournalSettings(
            segment_bytes=chance.choice((2_000, 10_000, 1 << 20)),
            checkpoint_s=chance.choice((0.01, 0.5, 5.0, 60.0)),
            disk_reserve_bytes=chance.choice((0, 1_000)),
        ),
        store=StoreSettings(
            url="http://simulated:8123",
            rows_max=chance.choice((1, 7, 50, 1 << 20)),
            freshness_s=chance.choice((0.01, 1.0, 10.0)),
            retry_max_s=chance.choice((1.0, 30.0)),
            catch_up=chance.choice(("oldest", "newest")),
            aside_retry_s=chance.choice((20.0, 300.0)),
        ),
        registry=RegistrySettings(master_key=Secret(MASTER_KEY)),
    )
