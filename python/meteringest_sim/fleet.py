"""The fleet as people name it on a command line and find it again in a report.

Rule 1: a fleet is its few numbers; whoever has them can compute every read it ever sent.
Rule 2: values, keys and bytes come from the native Fleet; nothing is computed twice here.
"""

from pathlib import Path

from msgspec import Struct

from meteringest.errors import ConfigError
from meteringest.native import Fleet

INTERVALS_S = (300, 600, 900, 1_800, 3_600)
METER_MAX = 99_999_999
STRANGERS = 10_000
"""Numbers after the fleet's last one, for meters that no registry knows."""

CHANNELS = (
    "imp_wh",
    "exp_wh",
    "imp_vah",
    "exp_vah",
    "volt_cv",
    "curr_ma",
    "varh_q1",
    "varh_q2",
    "varh_q3",
    "varh_q4",
    "volt_r_cv",
    "volt_y_cv",
    "volt_b_cv",
    "curr_r_ma",
    "curr_y_ma",
    "curr_b_ma",
)
"""The columns of m.reads that hold a read's values, in the order of the native truth."""

METERS_FILE = "meters.csv"
DCUS_FILE = "dcus.csv"


class FleetSpec(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that makes a fleet; the first counter only says where its counters start."""

    seed: int
    meters: int
    dcus: int
    first_meter: int = 1
    interval_s: int = 1_800
    first_counter: int = 1
    mixed: bool = True
    confirmed: bool = False

    def build(self) -> Fleet:
        """The native fleet; raises ConfigError on numbers that make none."""
        try:
            return Fleet(
                self.seed,
                self.meters,
                self.dcus,
                self.first_meter,
                self.interval_s,
                first_counter=self.first_counter,
                mixed=self.mixed,
                confirmed=self.confirmed,
            )
        except (ValueError, OverflowError) as error:
            raise ConfigError("fleet", str(error)) from None

    @property
    def end_meter(self) -> int:
        """The number after the last meter."""
        return self.first_meter + self.meters


def write_registry(fleet: Fleet, folder: Path) -> None:
    """Writes both files that `meteringest dcus import` and `meters import` take."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DCUS_FILE).write_text(fleet.dcus_csv(), encoding="utf-8")
    (folder / METERS_FILE).write_bytes(fleet.registry_csv())
