"""`meteringest decode`: captured frames explained, as JSON lines or as a tree for a person.

All understanding is in the native core (`inspect`); this file moves lines and keeps them bounded.
Both ways take any bytes: what cannot be understood is the answer, not an error.
"""

import json
from typing import BinaryIO, TextIO

from meteringest.errors import ConfigError
from meteringest.native import inspect
from meteringest.readable import Json, readable

LINE_BYTES_MAX = 16 << 20
KEY_BYTES = (16, 32)
TITLE_BYTES = (8,)


def run_lines(source: BinaryIO, sink: BinaryIO) -> int:
    """Answers each JSON line of `source` with one on `sink`, in order, as soon as it is read."""
    while line := source.readline(LINE_BYTES_MAX):
        if len(line) == LINE_BYTES_MAX and not line.endswith(b"\n"):
            _skip_line(source)
            sink.write(_TOO_LONG)
        elif line.strip():
            sink.write(inspect(line) + b"\n")
        sink.flush()
    return 0


def run_hex(
    text: str,
    *,
    encryption_key: str | None,
    authentication_key: str | None,
    system_title: str | None,
    sink: TextIO,
) -> int:
    """Prints what the frame `text` holds; 0 when it was understood, else 1."""
    keys = {
        "encryption_key": _checked("--key", encryption_key, KEY_BYTES),
        "authentication_key": _checked("--auth-key", authentication_key, KEY_BYTES),
        "system_title": _checked("--title", system_title, TITLE_BYTES),
    }
    line = {"hex": text.removeprefix("0x").removeprefix("0X"), "keys": keys}
    answer: dict[str, Json] = json.loads(inspect(json.dumps(line).encode()))
    sink.writelines(f"{row}\n" for row in readable(answer))
    return 0 if answer["outcome"] == "accept" else 1


def _skip_line(source: BinaryIO) -> None:
    """Reads to the end of a line that is too long, holding no more of it than one line's worth."""
    while (rest := source.readline(LINE_BYTES_MAX)) and not rest.endswith(b"\n"):
        pass


def _checked(option: str, text: str | None, lengths: tuple[int, ...]) -> str | None:
    """`text` as hex digits, or an error that names the option and what it wants."""
    if text is None:
        return None
    wanted = " or ".join(str(2 * length) for length in lengths)
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        raise ConfigError(option, f"not hexadecimal; give {wanted} digits") from None
    if len(octets) not in lengths:
        raise ConfigError(option, f"{2 * len(octets)} hex digits; give {wanted}")
    return octets.hex()


_TOO_LONG = (
    b'{"id":null,"outcome":"reject","apdus":[],'
    b'"reject":{"layer":"link","offset":0,"kind":"too_long"}}\n'
)
