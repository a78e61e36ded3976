"""What goes wrong in the field, by name: how often, and how a frame is spoilt.

Rule 1: every fault has one outcome that the rules of intake determine; a flip whose outcome would
be a matter of luck is not here.
Rule 2: this file knows bytes and chance; what a fault does to the books is the plan's business.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from random import Random

from meteringest.errors import ConfigError


class Fault(StrEnum):
    """Named as on the command line; MEANING says what each does."""

    DUPLICATE = "duplicate"
    RESEND = "resend"
    CHANGED = "changed"
    REORDER = "reorder"
    FALL = "fall"
    CUT = "cut"
    CORRUPT = "corrupt"
    BREAK = "break"
    REPLAY = "replay"
    WRONG_KEY = "wrong_key"
    UNKNOWN_METER = "unknown_meter"
    CLOCK_WRONG = "clock_wrong"


MEANING: Mapping[Fault, str] = {
    Fault.DUPLICATE: "the same frame twice",
    Fault.RESEND: "the same reads again under a new counter",
    Fault.CHANGED: "one interval again with another value under a new counter",
    Fault.REORDER: "frames of two meters change places",
    Fault.FALL: "two frames of one meter change places: the counter falls",
    Fault.CUT: "the connection ends inside a frame, which is sent again",
    Fault.CORRUPT: "a byte flipped in ciphertext, tag, title or control byte, then the good frame",
    Fault.BREAK: "a frame, then one with another wrapper version, which ends the link (no uplinks)",
    Fault.REPLAY: "an old frame again after a newer one",
    Fault.WRONG_KEY: "a frame sealed with another key",
    Fault.UNKNOWN_METER: "a frame of a meter nobody registered",
    Fault.CLOCK_WRONG: "a frame from the future, from long ago or off the interval grid",
}

ALL = "all"
WRAPPER_BYTES = 8
GENERAL_GLO = 0xDB
TITLE_AT = WRAPPER_BYTES + 2
FLAG_BIT = 0x80
"""Set in a FLAG letter it makes a title that no maker has."""
AUTHENTICATED = 0x10


def parse_rates(texts: Sequence[str]) -> dict[Fault, float]:
    """`name=rate` pairs as a table; `all=rate` stands for every name."""
    rates: dict[Fault, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        rate = _rate(text, number)
        if name == ALL:
            rates.update(dict.fromkeys(Fault, rate))
        elif name in {*Fault}:
            rates[Fault(name)] = rate
        else:
            raise ConfigError(f"--fault={text}", f"no fault {name!r}; one of {', '.join(Fault)}")
    if sum(rates.values()) > 1:
        raise ConfigError("--fault", f"the rates add up to {sum(rates.values()):g}, more than 1")
    return rates


def _rate(text: str, number: str) -> float:
    try:
        rate = float(number)
    except ValueError:
        raise ConfigError(f"--fault={text}", "wants name=rate, such as duplicate=0.01") from None
    if not 0 <= rate <= 1:
        raise ConfigError(f"--fault={text}", "a rate lies between 0 and 1")
    return rate


def draw(rates: Mapping[Fault, float], count: int, chance: Random) -> Iterator[tuple[int, Fault]]:
    """Which of `count` frames go wrong, and how: rising indexes, at most one fault each.

    The gaps are drawn, not the frames: a fleet without faults costs nothing.
    """
    total = sum(rates.values())
    if total <= 0:
        return
    names, weights = list(rates), list(rates.values())
    index = -1
    while True:
        gap = 1.0 if total >= 1 else math.log(1 - chance.random()) / math.log1p(-total)
        index += max(1, math.ceil(gap))
        if index >= count:
            return
        yield index, chance.choices(names, weights)[0]


def flipped(frame: bytes, at: int, mask: int) -> bytes:
    """`frame` with the bits of `mask` turned over in byte `at`."""
    spoilt = bytearray(frame)
    spoilt[at] ^= mask
    return bytes(spoilt)


def corrupt(frame: bytes, chance: Random) -> tuple[bytes, str]:
    """A frame of an authenticating meter with one byte wrong, and the kind it is refused as.

    The wrapper stays whole, so the link lives on.
    """
    control_at = TITLE_AT + 8 + _length_bytes(frame[TITLE_AT + 8])
    body_at = control_at + 5
    tag_at = len(frame) - 12
    match chance.randrange(4):
        case 0:
            return flipped(frame, chance.randrange(body_at, tag_at), 1 << chance.randrange(8)), (
                "bad_authentication"
            )
        case 1:
            return flipped(frame, chance.randrange(tag_at, len(frame)), 0x01), "bad_authentication"
        case 2:
            return flipped(frame, TITLE_AT + chance.randrange(3), FLAG_BIT), "unknown_meter"
        case _:
            return flipped(frame, control_at, AUTHENTICATED), "security_policy"


def broken(frame: bytes) -> bytes:
    """A frame whose wrapper has another version: nothing after it can be understood."""
    return flipped(frame, 1, 0x40)


def _length_bytes(first: int) -> int:
    return 1 if first < 0x80 else 1 + (first & 0x7F)  # noqa: PLR2004 (A-XDR's long form)
