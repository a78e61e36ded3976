"""One line an event: JSON for a collector, words for a person.

Rule 1: a kind of event may fill only so many lines a period, so that a hostile peer cannot fill
the disk with its own log lines. What was left out is said in the next line of that kind.
Rule 2: a log that cannot be written does not stop the service; it is counted.
"""

from datetime import UTC, datetime
from typing import BinaryIO, Literal

import msgspec

from meteringest.clock import WallClock
from meteringest.events import Event, Level, event_name

LINES_PER_PERIOD_MAX = 50
PERIOD_MS = 10_000


class _Told(msgspec.Struct):
    """How many lines a kind of event has filled in its period."""

    period: int
    lines: int = 0
    left_out: int = 0


class LogLines:
    """Writes events of at least one level."""

    def __init__(
        self,
        out: BinaryIO,
        clock: WallClock,
        *,
        level: Level = Level.INFO,
        form: Literal["text", "json"] = "json",
        lines_per_period_max: int = LINES_PER_PERIOD_MAX,
    ) -> None:
        """`out` is unbuffered or flushed by its owner; stderr's buffer usually."""
        self._out = out
        self._clock = clock
        self._level = level
        self._line = _json_line if form == "json" else _text_line
        self._lines_max = lines_per_period_max
        self._told: dict[type[Event], _Told] = {}
        self.lines_left_out = 0
        self.write_errors = 0

    def tell(self, event: Event) -> None:
        """Writes the event's line unless its level is below ours or its kind has had its lines."""
        if event.level < self._level:
            return
        now_ms = self._clock.now_ms()
        told = self._told.setdefault(type(event), _Told(now_ms // PERIOD_MS))
        if told.period != now_ms // PERIOD_MS:
            told.period, told.lines = now_ms // PERIOD_MS, 0
        if told.lines >= self._lines_max:
            told.left_out += 1
            self.lines_left_out += 1
            return
        told.lines += 1
        self._write(self._line(_fields(event, now_ms, told)))
        told.left_out = 0

    def _write(self, line: bytes) -> None:
        try:
            self._out.write(line)
            self._out.flush()
        except (OSError, ValueError):
            self.write_errors += 1


def _fields(event: Event, now_ms: int, told: _Told) -> dict[str, object]:
    at = datetime.fromtimestamp(now_ms / 1_000, UTC).isoformat(timespec="milliseconds")
    fields: dict[str, object] = {
        "at": at.replace("+00:00", "Z"),
        "level": event.level.name.lower(),
        "event": event_name(type(event)),
        **msgspec.structs.asdict(event),
    }
    if told.left_out:
        fields["left_out"] = told.left_out
    return fields


def _json_line(fields: dict[str, object]) -> bytes:
    try:
        line = msgspec.json.encode(fields, enc_hook=str)
    except UnicodeEncodeError:  # half a surrogate pair in a peer's words
        line = msgspec.json.encode({name: _plain(str(value)) for name, value in fields.items()})
    return line + b"\n"


def _text_line(fields: dict[str, object]) -> bytes:
    head = f"{fields.pop('at')} {fields.pop('level')!s:<7} {fields.pop('event')}"
    words = (f"{name}={_word(value)}" for name, value in fields.items())
    return " ".join((head, *words)).encode("utf-8", "replace") + b"\n"


def _word(value: object) -> str:
    text = str(value)
    plain = text.isprintable() and text and not set(text) & set(' "=')
    return text if plain else msgspec.json.encode(_plain(text)).decode()


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
