"""The slice of the settings for those who watch: where they ask, and when we say "not ready"."""

from typing import Annotated

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(gt=0)]


class WatchSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """HTTP for watchers: /metrics for Prometheus, /healthz, /readyz."""

    enabled: Annotated[bool, Meta(description="Off: nobody listens; logs are all there is.")] = True
    host: Annotated[
        str,
        Meta(description="Loopback unless a network of watchers only can reach it: no password."),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="0 takes any and logs which.")] = 9_464
    connections_max: Annotated[
        int, Meta(ge=1, le=1_000, description="Open connections; one more is closed at once.")
    ] = 16
    request_bytes_max: Annotated[
        int, Meta(ge=1_024, le=1 << 20, description="A request's headers and body.")
    ] = 8_192
    idle_timeout_s: Annotated[
        Seconds, Meta(description="A connection that asks nothing for so long is closed.")
    ] = 75.0
    stall_timeout_s: Annotated[
        Seconds, Meta(description="A peer that stops in mid-request or mid-answer is cut off.")
    ] = 5.0
    held_patience_s: Annotated[
        Seconds,
        Meta(description="Not ready once intake was held back for so long by a full line."),
    ] = 10.0
    store_patience_s: Annotated[
        Seconds,
        Meta(description="Not ready once ClickHouse has taken nothing that waits for so long."),
    ] = 300.0
