"""The endpoint's slice of the settings: who may ask, and what one question may cost."""

from typing import Annotated

from msgspec import Meta, Struct, field

from meteringest.model import Secret


class EndpointSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The read-only ClickHouse HTTP endpoint over the embedded store."""

    enabled: Annotated[bool, Meta(description="Off: nobody but this process reads the store.")] = (
        True
    )
    host: Annotated[str, Meta(description="Loopback unless a proxy with TLS stands before it.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65_535, description="As a ClickHouse server's.")] = 8_123
    users: Annotated[
        dict[str, Secret],
        Meta(description="Name = password, as `file:/path` or `env:NAME`; none: nobody may ask."),
    ] = field(default_factory=dict)
    connections_max: Annotated[
        int, Meta(ge=1, le=10_000, description="Open connections; one more is refused.")
    ] = 128
    queries_max: Annotated[
        int, Meta(ge=1, le=64, description="Questions answered at a time; others wait.")
    ] = 4
    queue_wait_s: Annotated[
        float, Meta(ge=0, description="How long a question waits for its turn.")
    ] = 10.0
    execution_max_s: Annotated[
        int, Meta(ge=1, le=3_600, description="How long the engine may work on one question.")
    ] = 60
    memory_bytes_max: Annotated[
        int, Meta(ge=1 << 20, description="Memory one question may take.")
    ] = 1 << 30
    result_rows_max: Annotated[
        int, Meta(ge=1, description="Rows of one answer; more is an error, never a cut.")
    ] = 100_000_000
    result_bytes_max: Annotated[
        int,
        Meta(
            ge=1,
            description="Bytes of an answer that is asked for whole, before compression; an answer "
            "that is streamed is not held here and may be longer.",
        ),
    ] = 1 << 28
    answer_max_s: Annotated[
        float,
        Meta(gt=0, description="How long an answer may take to be read, so that turns come free."),
    ] = 900.0
    threads_max: Annotated[
        int, Meta(ge=1, le=64, description="Threads one question may use; ingest needs some too.")
    ] = 2
    request_bytes_max: Annotated[
        int, Meta(ge=1_024, description="A request's headers and body, compressed or not.")
    ] = 1 << 20
    idle_timeout_s: Annotated[
        float, Meta(gt=0, description="A connection that asks nothing for so long is closed.")
    ] = 60.0
    stall_timeout_s: Annotated[
        float, Meta(gt=0, description="A peer that stops in mid-request or mid-answer is cut off.")
    ] = 15.0
