"""What a run sent and what must come of it, as a file that reconciling reads.

Rule 1: whoever has the report can check a store without having seen the run.
Rule 2: figures of the run itself (seconds, acks) are told, and never used to compute the books.
"""

from pathlib import Path

import msgspec
from msgspec import Struct

from meteringest.errors import ConfigError
from meteringest_sim.account import Account, Change
from meteringest_sim.fleet import FleetSpec


class DcuReport(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One concentrator's books, and how its link fared."""

    dcu: int
    uplink: bool
    account: Account
    confirms: int
    acked: int
    connections: int


class Report(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole run; `complete` is false when a link failed and the books promise too much."""

    fleet: FleetSpec
    first_slot: int
    slots: int
    per_push: int
    complete: bool
    problems: tuple[str, ...]
    seconds: float
    bytes_sent: int
    total: Account
    dcus: tuple[DcuReport, ...]
    changes: tuple[Change, ...]

    @property
    def reads_per_minute(self) -> int:
        """New reads sent in a minute."""
        return round(self.total.reads_stored / max(self.seconds, 1e-9) * 60)


def write_report(report: Report, path: Path) -> None:
    """As indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def read_report(path: Path) -> Report:
    """The report of an earlier run; raises ConfigError when it is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(str(path), str(error)) from None
