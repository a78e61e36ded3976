"""Settings of parts that do not yet keep them beside their own code."""

from typing import Annotated

from msgspec import Meta, Struct, field

from meteringest.model import Secret


class ListenerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One listening port."""

    protocol: Annotated[
        str, Meta(pattern="^(dlms|uplink)$", description="dlms: frames as they are; uplink: acked.")
    ] = "dlms"
    framing: Annotated[
        str,
        Meta(
            pattern="^(auto|wrapper|hdlc|mbus)$",
            description="auto sniffs the first bytes of each connection.",
        ),
    ] = "auto"
    host: Annotated[str, Meta(description="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="4059 is DLMS's registered port.")] = (
        4_059
    )
    idle_timeout_s: Annotated[
        float, Meta(gt=0, description="Silence after which a connection is closed.")
    ] = 900.0


class IntakeSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Listeners and the limits of connections."""

    listeners: Annotated[
        tuple[ListenerSettings, ...], Meta(description="Where concentrators connect.")
    ] = (ListenerSettings(), ListenerSettings(protocol="uplink", port=4_060))


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
