"""Sorts what an engine says into "ask again" and "asking again will not help".

Rule 1: an unknown code is a refusal: repeating an insert nobody understands hides it.
Rule 2: the engine's own words and code are kept; nothing here writes a log.
"""

import re

from meteringest.errors import StoreError, StoreRefused, StoreUnavailable

NO_CODE = 0


class EngineUnavailable(StoreUnavailable):
    """ClickHouse may answer later; `code` is its own number, 0 when it did not get to speak."""

    def __init__(self, where: str, reason: str, code: int = NO_CODE) -> None:
        """Keeps the engine's code beside its words."""
        super().__init__(where, reason)
        self.code = code


class EngineRefused(StoreRefused):
    """ClickHouse understood and said no; `code` is its own number."""

    def __init__(self, where: str, reason: str, code: int = NO_CODE) -> None:
        """Keeps the engine's code beside its words."""
        super().__init__(where, reason)
        self.code = code


def fault(where: str, words: str, code: int | None, *, unheard: bool) -> StoreError:
    """The error to raise for an engine's message; `code` is the driver's, if it found one.

    `unheard` says that the words are the transport's: the engine may never have got the question.
    """
    number = code or code_of(words)
    reason = _plain(words.strip())
    wait = unheard if number == NO_CODE else number in _WAIT and not too_many_partitions(words)
    return (EngineUnavailable if wait else EngineRefused)(where, reason, number)


def code_of(words: str) -> int:
    """The engine's error number in its message; 0 when there is none."""
    found = _CODE.search(words)
    return int(found[1]) if found else NO_CODE


def _plain(words: str) -> str:
    """The innermost cause of a transport's words; the address stands beside them anyway."""
    found = _CAUSE.search(words)
    return found[1] if found else words


def too_many_partitions(words: str) -> bool:
    """Code 252 says both "too many parts", which merges cure, and this, which they never do."""
    return "partitions for single INSERT" in words


_CAUSE = re.compile(r"""\(Caused by \w+\(["']\w+\([^)]*\): (.+?)["']\)\)""")
_CODE = re.compile(r"\bcode:\s*(\d+)", re.IGNORECASE)
_WAIT = frozenset(
    {
        74,  # CANNOT_READ_FROM_FILE_DESCRIPTOR
        75,  # CANNOT_WRITE_TO_FILE_DESCRIPTOR
        76,  # CANNOT_OPEN_FILE
        159,  # TIMEOUT_EXCEEDED
        160,  # TOO_SLOW
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED
        241,  # MEMORY_LIMIT_EXCEEDED
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        289,  # REPLICA_IS_NOT_IN_QUORUM
        319,  # UNKNOWN_STATUS_OF_INSERT
        373,  # SESSION_IS_LOCKED
        394,  # QUERY_WAS_CANCELLED
        425,  # SYSTEM_ERROR
        439,  # CANNOT_SCHEDULE_TASK
        999,  # KEEPER_EXCEPTION
    }
)
