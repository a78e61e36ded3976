"""Settings of parts that do not yet keep them beside their own code."""

from typing import Annotated

from msgspec import Meta, Struct, field

from meteringest.model import Secret


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """ClickHouse: embedded or a server."""

    url: Annotated[
        str,
        Meta(
            description="`chdb:` is the embedded engine inside data_dir; "
            "`http://user@host:8123` or `https://…` is a ClickHouse server."
        ),
    ] = "chdb:"
    password: Annotated[
        Secret | None, Meta(description="The server's password: `file:/path` or `env:NAME`.")
    ] = None


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
