"""What an account was charged, as it stands in the store: for its statement."""

from collections.abc import Sequence
from datetime import date

from meteringest.prepaid.ledger.entries import Book
from meteringest.prepaid.ledger.ports import Engine, Row, day, money, whole
from meteringest.prepaid.ledger.statement import ChargeVersion

CURRENT = "m.charge_days FINAL"
HISTORY = "m.charge_history"


def load_versions(engine: Engine, account: int) -> list[ChargeVersion]:
    """Every version of ended days, and of each day the newest that counts.

    The history is written first: what it has beyond the day's row does not count yet.
    """
    newest = {each.day: each for each in _ask(engine, CURRENT, account, "1")}
    found = {(each.day, each.ver): each for each in _ask(engine, HISTORY, account, "over = 1")}
    counted = {
        key: each
        for key, each in found.items()
        if each.day in newest and each.ver < newest[each.day].ver
    }
    return [*counted.values(), *newest.values()]


def charged_on(engine: Engine, account: int, on: date) -> ChargeVersion | None:
    """The day as it counts."""
    found = _ask(engine, CURRENT, account, f"day = '{on.isoformat()}'")
    return found[0] if found else None


def _ask(engine: Engine, table: str, account: int, where: str) -> list[ChargeVersion]:
    answer = engine.ask(
        "SELECT day, payment, tariff, components, amounts, energy_uwh, reads, estimated, held, "  # noqa: S608 (ours)
        f"over, toUnixTimestamp64Milli(at), ver FROM {table} "
        f"WHERE account = {{account:UInt64}} AND {where}",
        {"account": account},
    )
    return [_version(row) for row in answer.rows]


def _version(row: Row) -> ChargeVersion:
    components: dict[str, int] = {}
    for name, amount in zip(_list(row[3]), _list(row[4]), strict=True):
        components[str(name)] = components.get(str(name), 0) + money(amount)
    return ChargeVersion(
        day=day(row[0]),
        book=Book(str(row[1])),
        tariff=str(row[2]),
        components=components,
        energy_uwh=whole(row[5]),
        reads=whole(row[6]),
        estimated=whole(row[7]),
        held=tuple(str(each) for each in _list(row[8])),
        over=row[9] == 1,
        at_ms=whole(row[10]),
        ver=whole(row[11]),
    )


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()
