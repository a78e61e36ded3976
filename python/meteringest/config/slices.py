"""Settings of parts that do not yet keep them beside their own code."""

from typing import Annotated

from msgspec import Meta, Struct, field

from meteringest.model import Secret


class EndpointSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The read-only ClickHouse HTTP endpoint over the embedded store."""

    host: Annotated[str, Meta(description="Loopback unless a proxy with TLS stands before it.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65_535, description="As a ClickHouse server's.")] = 8_123
    users: Annotated[
        dict[str, Secret],
        Meta(description="Name = password, as `file:/path` or `env:NAME`."),
    ] = field(default_factory=dict)
