"""Every setting, its meaning and its default; a bare machine runs on the defaults alone.

Rule 1: a part's settings stand in its own settings.py; here they are put together, and what
belongs to no single part is spelt out.
Rule 2: units come last in a name; a default is safe before it is fast.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, field

from meteringest.intake.settings import IntakeSettings
from meteringest.model import SecurityPolicy
from meteringest.prepaid.deciding.settings import DecidingSettings
from meteringest.prepaid.worker.settings import WorkerSettings
from meteringest.registry.settings import RegistrySettings
from meteringest.store.face.settings import EndpointSettings
from meteringest.store.settings import StoreSettings
from meteringest.watch.settings import WatchSettings


class JournalSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The append-only journal that is synced before anything is acknowledged."""

    segment_bytes: Annotated[
        int,
        Meta(
            ge=1 << 20,
            le=1 << 32,
            description="A journal file is closed at this size; whole files are released "
            "once ClickHouse holds them.",
        ),
    ] = 128 << 20
    checkpoint_s: Annotated[
        float,
        Meta(
            ge=1,
            description="How often invocation counters and duplicate windows are written down, "
            "which bounds what a restart must read again.",
        ),
    ] = 60.0
    disk_reserve_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description="Below this much free disk nothing is acknowledged any more; intake "
            "resumes by itself when there is room again.",
        ),
    ] = 1 << 30


class ChecksSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a read must satisfy before it counts; a read that does not is quarantined."""

    future_tolerance_s: Annotated[
        int,
        Meta(ge=0, le=86_400, description="How far ahead of our clock a read may be stamped."),
    ] = 900
    too_old_days: Annotated[
        int,
        Meta(ge=1, le=3_650, description="Reads older than this are quarantined."),
    ] = 90
    duplicate_window: Annotated[
        int,
        Meta(
            ge=1,
            le=4_096,
            description="Intervals a meter keeps in memory to tell a repeated read from a "
            "changed one; older ones are stored with the flag UNCHECKED.",
        ),
    ] = 96
    registers_too_old_days: Annotated[
        int,
        Meta(
            ge=1,
            le=3_000,
            description="As too_old_days, for registers and events: billing profiles hold years.",
        ),
    ] = 1_825


class SecuritySettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is demanded of a frame when its meter's registry row does not say."""

    default_policy: Annotated[
        SecurityPolicy,
        Meta(
            description="For meters imported without a `security` column: "
            "encrypt+authenticate, authenticate, encrypt or none.",
        ),
    ] = SecurityPolicy.ENCRYPT_AUTHENTICATE
    key_overlap_days: Annotated[
        int,
        Meta(
            ge=0,
            le=3_650,
            description="How long a meter's old key is taken once a frame has verified under "
            "its next one.",
        ),
    ] = 7


class LimitsSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What hostile bytes may cost at the most; past a limit is a reject, never a stall."""

    open_keys_max: Annotated[
        int,
        Meta(ge=1, le=1 << 24, description="Meter keys kept expanded, about 0.5 KiB each."),
    ] = 65_536
    reject_raw_bytes_max: Annotated[
        int,
        Meta(
            ge=64,
            le=1 << 20,
            description="How much of a rejected frame is kept; the default keeps any frame whole.",
        ),
    ] = 1 << 17
    reject_raw_bytes_per_peer_max: Annotated[
        int,
        Meta(
            ge=0,
            description="The same over all rejects of one peer in one batch; the default is more "
            "than a link can bring, so that nothing acknowledged is cut.",
        ),
    ] = 1 << 24
    rejects_per_peer_max: Annotated[
        int,
        Meta(ge=1, description="Reject rows of one peer in one batch; more are only counted."),
    ] = 250_000
    rejects_bytes_per_peer_day_max: Annotated[
        int,
        Meta(
            ge=0,
            lt=1 << 62,
            description="Rejects of one peer in a day, over all its links, with 128 bytes for each "
            "row; more are only counted, and one row a minute says how many.",
        ),
    ] = 1 << 30
    rejects_bytes_day_max: Annotated[
        int,
        Meta(ge=0, lt=1 << 62, description="The same over all peers."),
    ] = 8 << 30
    reject_peers_max: Annotated[
        int,
        Meta(ge=1, le=1 << 24, description="Peers counted apart; those beyond share one budget."),
    ] = 65_536
    transfer_bytes_max: Annotated[
        int,
        Meta(ge=1_024, le=1 << 26, description="One message joined from blocks."),
    ] = 1 << 20
    transfers_bytes_max: Annotated[
        int,
        Meta(
            ge=1_024,
            lt=1 << 32,
            description="All frames that wait for the rest of their message, over all links.",
        ),
    ] = 64 << 20
    transfers_bytes_per_link_max: Annotated[
        int,
        Meta(
            ge=1_024,
            lt=1 << 32,
            description="The same of one link, or of one concentrator on the acked uplink.",
        ),
    ] = 8 << 20
    transfer_timeout_s: Annotated[
        int,
        Meta(ge=1, description="How long they wait; then they are rejects, bytes and all."),
    ] = 300
    wrong_key_after: Annotated[
        int,
        Meta(
            ge=1,
            description="Frames in a row that a meter's key does not open before it is said.",
        ),
    ] = 3
    wrong_key_meters_max: Annotated[
        int, Meta(ge=1, description="Meters whose such frames are counted at a time.")
    ] = 65_536
    other_counters_per_meter_max: Annotated[
        int,
        Meta(
            ge=1,
            le=4_096,
            description="Broadcast, dedicated and wrapped keys of one meter whose invocation "
            "counters are remembered; the oldest is forgotten first.",
        ),
    ] = 64
    associations_max: Annotated[
        int,
        Meta(
            ge=1,
            lt=1 << 32,
            description="Associations whose parties and dedicated keys are remembered.",
        ),
    ] = 65_536


class ObserveSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the service says about itself."""

    log_level: Annotated[
        str,
        Meta(pattern="^(debug|info|warning|error)$", description="debug, info, warning or error."),
    ] = "info"
    log_format: Annotated[
        str, Meta(pattern="^(text|json)$", description="text for a person, json for a collector.")
    ] = "text"
    http: WatchSettings = field(default_factory=WatchSettings)


class Config(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    node: Annotated[
        int,
        Meta(ge=0, le=65_535, description="This ingest node's number; unique per node."),
    ] = 1
    data_dir: Annotated[
        Path,
        Meta(
            description="Journal, embedded store and control socket; one process at a time. "
            "A relative path starts at the folder of the settings file.",
        ),
    ] = Path("data")
    intake: IntakeSettings = field(default_factory=IntakeSettings)
    journal: JournalSettings = field(default_factory=JournalSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    deciding: DecidingSettings = field(default_factory=DecidingSettings)
    registry: RegistrySettings = field(default_factory=RegistrySettings)
    security: SecuritySettings = field(default_factory=SecuritySettings)
    checks: ChecksSettings = field(default_factory=ChecksSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    observe: ObserveSettings = field(default_factory=ObserveSettings)
