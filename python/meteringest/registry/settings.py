"""The registry's slice of the settings."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from meteringest.model import Secret


class RegistrySettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Meters, concentrators and their keys."""

    master_key: Annotated[
        Secret | None,
        Meta(
            description="Seals meter keys at rest: `file:/path` or `env:NAME`, never the key "
            "itself. `meteringest keygen` makes one; keep it away from data_dir.",
        ),
    ] = None
    layouts_dir: Annotated[
        Path | None,
        Meta(description="A folder of your own profile layouts (*.toml) beside the built-in ones."),
    ] = None
    default_layout_1ph: Annotated[
        str,
        Meta(min_length=1, description="For single-phase meters imported without a `layout`."),
    ] = "is15959-block-load-1ph"
    default_layout_3ph: Annotated[
        str,
        Meta(min_length=1, description="For three-phase meters imported without a `layout`."),
    ] = "is15959-block-load-3ph"
    default_interval_s: Annotated[
        int,
        Meta(ge=60, le=86_400, description="For meters imported without an `interval_s` column."),
    ] = 1_800
    import_problems_max: Annotated[
        int, Meta(ge=1, le=10_000, description="An import stops looking after this many bad cells.")
    ] = 100
