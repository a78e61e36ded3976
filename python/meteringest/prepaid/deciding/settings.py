"""The slice of the settings that is about policy at work."""

from typing import Annotated

from msgspec import Meta, Struct


class DecidingSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Notices, disconnects and reconnects: when accounts are looked at."""

    enabled: Annotated[
        bool,
        Meta(description="Whether `serve` decides. Off, nothing is written to m.outbox by it."),
    ] = True
    sweep_s: Annotated[
        float,
        Meta(
            ge=1,
            le=86_400,
            description="Every account is looked at this often, because protected times, grace "
            "and emergency credit end without anything happening. Payments are decided on at "
            "once.",
        ),
    ] = 300.0
    follow_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3_600,
            description="Accounts with new charges are looked at this often at the most: charges "
            "come in every few seconds, and each look costs about 0.03 ms an account.",
        ),
    ] = 10.0
    sweep_accounts: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Accounts looked at in one go; payments are decided on beside it.",
        ),
    ] = 20_000
    retry_s: Annotated[
        float,
        Meta(gt=0, le=3_600, description="How long to wait when the store does not answer."),
    ] = 2.0
