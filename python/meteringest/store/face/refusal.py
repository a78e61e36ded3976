"""A request that is not answered: ClickHouse's code and name, and what to do about it."""

import re

VERSION_MARK = "(version"


class Refusal(Exception):  # noqa: N818 (it is an answer to the peer, not a fault of ours)
    """Becomes an HTTP error with ClickHouse's headers."""

    def __init__(self, code: int, name: str, words: str) -> None:
        """`code` and `name` as ClickHouse spells them, so that clients sort it as they would."""
        super().__init__(code, name, words)
        self.code = code
        self.name = name
        self.words = words

    @property
    def status(self) -> int:
        """The HTTP status ClickHouse gives such an error."""
        return _STATUS.get(self.code, 500)

    def __str__(self) -> str:
        """As an engine says it."""
        return f"Code: {self.code}. DB::Exception: {self.words} ({self.name})"


class EngineRefusal(Refusal):
    """What the engine itself said, passed on word for word."""

    def __str__(self) -> str:
        """The engine's words from its code on."""
        return self.words


def from_engine(words: str) -> Refusal:
    """Sorts an engine's message by the code in it."""
    found = _CODE.search(words)
    if found is None:
        return Refusal(1_002, "UNKNOWN_EXCEPTION", words.strip() or "the engine gave no reason")
    name = _NAME.findall(words)
    return EngineRefusal(int(found[1]), name[-1] if name else "", words[found.start() :].strip())


_CODE = re.compile(r"Code: (\d+)\.")
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)")
_STATUS = {
    47: 404,
    48: 501,
    60: 404,
    62: 400,
    81: 404,
    159: 408,
    164: 403,
    202: 503,
    452: 403,
    497: 403,
    516: 403,
    1_003: 413,
}
