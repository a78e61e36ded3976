"""The one door to the compiled core: everything else imports it from here."""

from meteringest._native import (
    Batch,
    Decoder,
    Fleet,
    Frames,
    Gathered,
    Journal,
    Link,
    SimulatedDisk,
    inspect,
    verify_journal,
)

__all__ = [
    "Batch",
    "Decoder",
    "Fleet",
    "Frames",
    "Gathered",
    "Journal",
    "Link",
    "SimulatedDisk",
    "inspect",
    "verify_journal",
]
