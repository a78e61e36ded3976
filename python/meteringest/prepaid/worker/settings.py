"""The workers' slice of the settings."""

from typing import Annotated

from msgspec import Meta, Struct

SWEEP_DAYS_MAX = 3_650
"""Ten years: corrections go back further by `charges recompute`."""


class WorkerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Charging: when, and how much of it at a time."""

    enabled: Annotated[
        bool,
        Meta(
            description="Whether `serve` charges. With a ClickHouse server `meteringest worker` "
            "can do it elsewhere instead, or beside it."
        ),
    ] = True
    gap_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3_600,
            description="Passes begin at least so far apart: larger ones cost less a read, "
            "smaller ones keep balances fresher.",
        ),
    ] = 2.0
    poll_s: Annotated[
        float,
        Meta(
            gt=0,
            le=3_600,
            description="How often a worker of its own asks the store how far it is; in `serve` "
            "only changes to rules and the end of a day are asked for so.",
        ),
    ] = 5.0
    retry_s: Annotated[
        float, Meta(gt=0, description="How long to wait when the store does not answer.")
    ] = 2.0
    accounts_max: Annotated[
        int,
        Meta(
            ge=1,
            le=1 << 24,
            description="Accounts charged at a time, while twice as many are loaded: the bound of "
            "memory, about 4 KiB each, however much there is to catch up.",
        ),
    ] = 125_000
    rows_max: Annotated[
        int,
        Meta(ge=1, le=1 << 22, description="Days of accounts summed and written at a time."),
    ] = 125_000
    sweep_days: Annotated[
        int,
        Meta(
            ge=0,
            le=SWEEP_DAYS_MAX,
            description="How many days back every midnight's sweep compares charges with what "
            "they were made from; 0 sweeps only when told to.",
        ),
    ] = 3
