"""What an engine says is sorted into asking again and stopping."""

import pytest

from meteringest.errors import StoreRefused, StoreUnavailable
from meteringest.store.faults import code_of, fault

WAIT = [
    "Code: 243. DB::Exception: Cannot reserve 1.00 MiB. (NOT_ENOUGH_SPACE)",
    "Code: 241. DB::Exception: (total) memory limit exceeded (MEMORY_LIMIT_EXCEEDED)",
    "Code: 252. DB::Exception: Too many parts (3000). Merges are slower. (TOO_MANY_PARTS)",
    "HTTP: Received ClickHouse exception, code: 999, server response: Coordination::Exception",
    "Code: 242. DB::Exception: Table is in readonly mode (TABLE_IS_READ_ONLY)",
    "Code: 319. DB::Exception: Unknown status, client must retry. (UNKNOWN_STATUS_OF_INSERT)",
]
STOP = [
    "Code: 252. DB::Exception: Too many partitions for single INSERT block (more than 100).",
    "Code: 469. DB::Exception: Constraint `whole_minutes` is violated (VIOLATED_CONSTRAINT)",
    "Code: 60. DB::Exception: Table m.reads does not exist. (UNKNOWN_TABLE)",
    "Code: 516. DB::Exception: Authentication failed (AUTHENTICATION_FAILED)",
    "Code: 987654. DB::Exception: something new",
]


@pytest.mark.parametrize("words", WAIT)
def test_what_passes_is_waited_for(words: str) -> None:
    assert isinstance(fault("here", words, None, unheard=False), StoreUnavailable)


@pytest.mark.parametrize("words", STOP)
def test_what_does_not_pass_stops(words: str) -> None:
    error = fault("here", words, None, unheard=True)
    assert isinstance(error, StoreRefused)
    assert words in str(error)


def test_silence_is_waited_for_and_nonsense_is_not() -> None:
    assert isinstance(fault("here", "Connection refused", None, unheard=True), StoreUnavailable)
    assert isinstance(fault("here", "Unknown setting", None, unheard=False), StoreRefused)


def test_the_code_is_the_drivers_or_in_the_words() -> None:
    assert code_of("Code: 60. DB::Exception") == 60
    assert code_of("exception, code: 516, server") == 516
    assert code_of("no number") == 0
    assert getattr(fault("here", "no number", 60, unheard=False), "code", None) == 60


def test_a_transports_wrapping_is_taken_off_its_cause() -> None:
    wrapped = (
        "Error HTTPConnectionPool(host='there', port=8123): Max retries exceeded with url: /?a=b "
        "(Caused by NewConnectionError(\"HTTPConnection(host='there', port=8123): Failed to "
        'establish a new connection: [Errno 111] Connection refused")) executing HTTP request '
        "attempt 1 (http://there:8123)"
    )
    told = fault("http://there:8123", wrapped, None, unheard=True)
    assert told.reason == "Failed to establish a new connection: [Errno 111] Connection refused"
    timed_out = "Read timed out. (read timeout=120)"
    assert fault("there", timed_out, None, unheard=True).reason == timed_out
