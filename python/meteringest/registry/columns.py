"""What may stand in each column of an import file, and what is said when something else does.

Rule 1: a cell is judged by itself here; what needs the registry is judged by the registrar.
Rule 2: of a column that holds a secret no message ever shows the cell.
"""

import re

from meteringest.cells import YES_NO, Column, Form, WantedError, choice, text, whole
from meteringest.model import SecurityPolicy
from meteringest.registry.rows import DCUS, METERS
from meteringest.registry.time_policies import WANTED, policy_of

SERIAL_BYTES_MAX = 23
TEXT_BYTES_MAX = 200
DAY_S = 86_400


def _system_title(cell: str) -> str:
    if cell and not _TITLE.fullmatch(cell):
        raise WantedError
    return cell.upper()


def _key(cell: str) -> bytes:
    if cell and not _KEY.fullmatch(cell):
        raise WantedError(len(cell), sum(not _HEX_DIGIT.fullmatch(each) for each in cell))
    return bytes.fromhex(cell)


def _interval_s(cell: str) -> int | None:
    seconds = whole(60, 43_200)(cell)
    if isinstance(seconds, int) and DAY_S % seconds:
        raise WantedError
    return seconds if isinstance(seconds, int) else None


def _time_policy(cell: str) -> str:
    policy = policy_of(cell)
    if policy is None:
        raise WantedError
    return policy


def _dcu(cell: str) -> int | str:
    """A number is a concentrator's number, anything else its name."""
    if cell.isascii() and cell.isdigit():
        return _number(cell)
    return str(_name(cell)) if cell else 0


def _dcu_name(cell: str) -> str:
    if cell.isdigit():
        raise WantedError
    return str(text(1, TEXT_BYTES_MAX)(cell))


def _number(cell: str) -> int:
    number = whole(0, 0xFFFF_FFFF)(cell)
    return number if isinstance(number, int) else 0


_TITLE = re.compile(r"[0-9a-fA-F]{16}")
_KEY = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")
_HEX_DIGIT = re.compile(r"[0-9a-fA-F]")
_name = text(1, TEXT_BYTES_MAX)
_POLICIES: dict[str, str | None] = {"": None, **{each.value: each.value for each in SecurityPolicy}}
_PHASES = {"": "1ph", "1": "1ph", "1ph": "1ph", "3": "3ph", "3ph": "3ph"}

METER_COLUMNS: dict[str, Column] = {
    "serial": Column(
        text(1, SERIAL_BYTES_MAX), f"1 to {SERIAL_BYTES_MAX} printable bytes", required=True
    ),
    "system_title": Column(_system_title, "16 hex digits, or nothing"),
    "dcu": Column(_dcu, "a concentrator's name or number, or nothing"),
    "encryption_key": Column(_key, "32 or 64 hex digits, or nothing", secret=True),
    "authentication_key": Column(_key, "32 or 64 hex digits, or nothing", secret=True),
    "next_encryption_key": Column(_key, "32 or 64 hex digits, or nothing", secret=True),
    "next_authentication_key": Column(_key, "32 or 64 hex digits, or nothing", secret=True),
    "broadcast_key": Column(_key, "32 or 64 hex digits, or nothing", secret=True),
    "dedicated_key": Column(_key, "32 or 64 hex digits, or nothing", secret=True),
    "kek": Column(_key, "32 or 64 hex digits, or nothing", secret=True),
    "security": Column(choice(_POLICIES), "encrypt+authenticate, authenticate, encrypt or none"),
    "model": Column(text(0, TEXT_BYTES_MAX), "the name of a meter model, or nothing"),
    "layout": Column(text(0, TEXT_BYTES_MAX), "the name of a profile layout, or nothing"),
    "interval_s": Column(_interval_s, "seconds from 60 to 43200 that divide a day"),
    "time_policy": Column(_time_policy, WANTED),
    "phase": Column(choice(_PHASES), "1 or 3"),
    "sanctioned_load_w": Column(whole(0, 0xFFFF_FFFF, 0), "whole watts"),
    "account": Column(whole(0, 0xFFFF_FFFF_FFFF_FFFF, 0), "a whole number"),
    "feeder": Column(text(0, TEXT_BYTES_MAX), f"at most {TEXT_BYTES_MAX} printable bytes"),
    "village": Column(text(0, TEXT_BYTES_MAX), f"at most {TEXT_BYTES_MAX} printable bytes"),
    "active": Column(choice(YES_NO), "yes or no"),
}

DCU_COLUMNS: dict[str, Column] = {
    "name": Column(_dcu_name, "1 to 200 printable bytes, not only digits", required=True),
    "dcu": Column(whole(1, 0xFFFF_FFFF), "a number from 1, or nothing to be given one"),
    "area": Column(text(0, TEXT_BYTES_MAX), f"at most {TEXT_BYTES_MAX} printable bytes"),
    "active": Column(choice(YES_NO), "yes or no"),
}

FORMS = {
    METERS: Form(METERS, METER_COLUMNS, ("serial", "system_title")),
    DCUS: Form(DCUS, DCU_COLUMNS, ("name", "dcu")),
}
