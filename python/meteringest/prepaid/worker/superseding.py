"""What is about to be replaced in m.charge_days is copied to m.charge_history before.

Rule 1: what an ended day was charged with is never gone: it stands in the one table or the other.
Rule 2: what an older snapshot made is copied, and may be copied twice.
"""

import numpy as np
from numpy.typing import NDArray

from meteringest.prepaid.worker.ports import LISTED_MAX, Engine, Ints, among, distinct


def keep_superseded(
    engine: Engine, accounts: NDArray[np.uint64], days: Ints, ver: int, token: str
) -> None:
    """Of local days that have ended; `ver`: of the rows that will stand there."""
    if not len(accounts):
        return
    sql = _OLDER.format(first=days.min(), last=days.max(), ver=ver, among="{among}")
    whose = distinct(accounts)
    for number, some in enumerate(among("account", whose, len(whose) // LISTED_MAX + 1)):
        found = engine.text(sql.replace("{among}", some), "Native")
        if found:
            engine.insert("m.charge_history", found, f"{token}-superseded-{number}")


_OLDER = """
SELECT * EXCEPT closing
FROM m.charge_days FINAL
WHERE {among} AND day BETWEEN toDate({first}) AND toDate({last}) AND over = 1 AND ver < {ver}
SETTINGS max_threads = 1"""
