"""The store's slice of the settings: which ClickHouse, how it is laid out, how it is fed.

Rule 1: every limit of the store has its name, meaning and default here.
Rule 2: units come last in a name; a default is safe before it is fast.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from meteringest.model import Secret

GIBIBYTE = 1 << 30

Partition = Literal["day", "week", "month"]


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """ClickHouse: embedded or a server."""

    url: Annotated[
        str,
        Meta(
            description="`chdb:` is the embedded engine in data_dir/store, `chdb:/path` in another "
            "folder; `http://user@host:8123` or `https://…` is a ClickHouse server."
        ),
    ] = "chdb:"
    password: Annotated[
        Secret | None, Meta(description="The server's password: `file:/path` or `env:NAME`.")
    ] = None
    cluster: Annotated[
        str,
        Meta(
            pattern="^[A-Za-z0-9_.-]*$",
            description="Name of the server's cluster: tables are then made Replicated, "
            "ON CLUSTER. Empty for one server or the embedded engine.",
        ),
    ] = ""
    partition: Annotated[
        Partition,
        Meta(
            description="What one partition of the reads holds; chosen once, at the first "
            "migration. day from 500,000 half-hourly meters, week from 100,000, month below."
        ),
    ] = "day"
    partition_offset_min: Annotated[
        int,
        Meta(
            ge=-720,
            le=840,
            description="Partitions begin at midnight so far ahead of UTC, min, so that a local "
            "day is read from one; chosen once, at the first migration. 330 is India's.",
        ),
    ] = 330
    rows_max: Annotated[
        int,
        Meta(ge=1, le=1 << 22, description="Rows gathered into one insert; large ones cost less."),
    ] = 1 << 20
    freshness_s: Annotated[
        float,
        Meta(gt=0, le=3_600, description="How long a durable read may wait to be inserted."),
    ] = 1.0
    catch_up: Annotated[
        Literal["oldest", "newest"],
        Meta(
            description="After ClickHouse was away: everything in its order, or what comes in now "
            "first and what waits in between. Balances and bills follow the order either way."
        ),
    ] = "oldest"
    retry_min_s: Annotated[
        float, Meta(gt=0, description="The first wait while the store does not answer; it doubles.")
    ] = 0.25
    retry_max_s: Annotated[float, Meta(gt=0, description="The longest such wait.")] = 30.0
    aside_bytes_max: Annotated[
        int,
        Meta(
            ge=0,
            description="Rows the store refuses for what is in them are kept in data_dir/aside, up "
            "to so much; then, or with 0, the writer stands still instead. They are offered again "
            "at every start and every aside_retry_s.",
        ),
    ] = 256 << 20
    aside_retry_s: Annotated[
        float, Meta(ge=1, description="How often the store is offered again what was set aside.")
    ] = 3_600.0
    timeout_s: Annotated[
        int, Meta(ge=1, le=3_600, description="A server that is silent for so long is retried.")
    ] = 120
    memory_bytes_max: Annotated[
        int,
        Meta(ge=1 << 29, description="Memory the embedded engine may use, queries included."),
    ] = 4 * GIBIBYTE
    broken_parts_max: Annotated[
        int,
        Meta(
            ge=0,
            description="Parts the embedded engine may set aside at opening before it refuses to.",
        ),
    ] = 1_000
    ram_disk_bytes_min: Annotated[
        int,
        Meta(
            ge=0,
            description="Inserts pass through /dev/shm when it has so much free, else data_dir.",
        ),
    ] = 2 * GIBIBYTE
