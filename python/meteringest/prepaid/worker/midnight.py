"""Registers at both ends of a local day: what the day's intervals are settled against.

Rule 1: scaler and unit are applied, never assumed; a value in no unit of energy is no register, nor
is one that no meter can have counted.
Rule 2: of several values of one register and midnight the one received last counts.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from meteringest.prepaid.worker.book import start_s
from meteringest.prepaid.worker.ports import Engine, Fields, Ints, fetch_among

CHANNELS = ("wh", "exp_wh", "vah")
REGISTER_MAX = 10**15
"""Wh or VAh: more than any meter has counted, and so little that sums of it fit 64 bits."""
SCALER_MAX = 18


class Midnights(Struct, frozen=True):
    """Rows by (midnight, meter)."""

    rows: NDArray[np.void]
    keys: Ints

    def find(self, meters: Ints, at_s: int) -> tuple[Ints, NDArray[np.bool_]]:
        """Of each meter its row at that midnight, and whether there is one."""
        if not len(self.keys):
            return np.zeros(len(meters), dtype=np.int64), np.zeros(len(meters), dtype=bool)
        wanted = (at_s << 32) + meters
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return at, self.keys[at] == wanted


def load_midnights(
    engine: Engine, meters: Ints, days: tuple[int, int], offset_min: int
) -> Midnights:
    """At the beginning of every local day from the first to the second."""
    sql = _SQL.format(
        low=start_s(days[0], offset_min),
        high=start_s(days[1], offset_min),
        offset_s=offset_min * 60,
        most=REGISTER_MAX,
        places=SCALER_MAX,
        among="{among}",
    )
    rows = fetch_among(engine, sql, _FIELDS, "meter", meters)
    keys = (rows["at_s"].astype(np.int64) << 32) + rows["meter"]
    order = np.argsort(keys)
    return Midnights(rows[order], keys[order])


_FIELDS: Fields = (
    ("meter", "<u4"),
    ("at_s", "<u4"),
    ("newest", "<u8"),
    ("has_wh", "u1"),
    ("has_exp_wh", "u1"),
    ("has_vah", "u1"),
    ("wh", "<i8"),
    ("exp_wh", "<i8"),
    ("vah", "<i8"),
)
_SQL = """
WITH
    abs(toInt16(scaler)) AS places,
    toInt64(intExp10(least(places, {places}))) AS power,
    if(scaler > 0, value <= intDiv({most}, power), intDiv(value, power) <= {most})
        AND value >= 0 AND places <= {places} AS possible,
    possible AND obis = '1.0.1.8.0.255' AND unit = 30 AS is_wh,
    possible AND obis = '1.0.2.8.0.255' AND unit = 30 AS is_exp_wh,
    possible AND obis = '1.0.9.8.0.255' AND unit = 31 AS is_vah,
    if(scaler > 0, value * power, intDiv(value, power)) AS quantity
SELECT
    meter, toUInt32(at) AS at_s, max(ver),
    toUInt8(max(is_wh)), toUInt8(max(is_exp_wh)), toUInt8(max(is_vah)),
    argMaxIf(quantity, ver, is_wh), argMaxIf(quantity, ver, is_exp_wh),
    argMaxIf(quantity, ver, is_vah)
FROM m.registers FINAL
WHERE profile = 'daily' AND attribute = 2
    AND obis IN ('1.0.1.8.0.255', '1.0.2.8.0.255', '1.0.9.8.0.255')
    AND at >= toDateTime({low}, 'UTC') AND at <= toDateTime({high}, 'UTC')
    AND (toUInt32(at) + {offset_s}) % 86400 = 0 AND {among}
GROUP BY meter, at"""
