"""Questions that want all the memory or all the time get a bound of them, one after another."""

import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from tests.store.serve import PASSWORD, USER
from tests.store.serving import client, serving
from tests.wire.cost import REPORT
from urllib3 import HTTPConnectionPool

MIB = 1 << 20
RSS_MIB_MAX = 500
SECONDS_MAX = 15.0
CPU_S_MAX = 20.0
LIMITS: dict[str, float | str] = {
    "memory_bytes_max": 100 * MIB,
    "execution_max_s": 1,
    "result_rows_max": 1_000_000,
    "result_bytes_max": 64 * MIB,
    "queries_max": 2,
    "queue_wait_s": 20.0,
}
TOO_MUCH = {"159", "241", "396", "131", "128", "173", "306", "160", "190", "307", "36", "43"}
BOMBS = [
    "SELECT number FROM numbers(1000000000) ORDER BY rand() LIMIT 1 OFFSET 900000000",
    "SELECT uniqExact(number, toString(number)) FROM numbers(1000000000)",
    "SELECT count() FROM numbers(10) WHERE number IN (SELECT number FROM numbers(1000000000))",
    "SELECT count() FROM numbers(1000000) AS a CROSS JOIN numbers(1000000) AS b",
    "SELECT a.number FROM numbers(100000000) AS a JOIN numbers(100000000) AS b USING (number)",
    "SELECT length(toString(range(100000000)))",
    "SELECT arrayJoin(range(100000000)) AS x GROUP BY x",
    "SELECT repeat(repeat('x', 1000000), 1000)",
    "SELECT groupArray(randomPrintableASCII(1000)) FROM numbers(10000000)",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count() FROM t",
    "SELECT sleepEachRow(1) FROM numbers(1000)",
    "SELECT count() FROM numbers_mt(1000000000000) WHERE NOT ignore(sipHash64(number))",
    "SELECT max(length(arrayMap(x -> repeat('x', 100), range(number)))) FROM numbers(1000000)",
    "SELECT * FROM m.reads AS a, m.reads AS b, m.reads AS c ORDER BY a.ver + b.ver + c.ver",
    "SELECT windowFunnel(100)(toDateTime(number), number % 2 = 0) FROM numbers(100000000)",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bombed")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with serving(folder, **LIMITS) as port:
        yield port
        with client(port) as asking:
            assert asking.query("SELECT count() FROM m.reads_v").result_rows == [(96_000,)]


def process_of(folder: Path) -> int:
    """The endpoint's process: the one that was started for this very folder."""
    for number in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208
        try:
            words = Path("/proc", number, "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if b"tests.store.serve" in words and str(folder).encode() in words:
            return int(number)
    raise AssertionError(folder)


def resident(process: int) -> float:
    pages = int(Path("/proc", str(process), "statm").read_text().split()[1])
    return pages * resource.getpagesize() / MIB


def processor_s(process: int) -> float:
    fields = Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watched:
    """The process's memory at its worst, looked at many times a second, and what it worked."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._over = threading.Event()
        self._before = resident(process)
        self._worked_s = processor_s(process)
        self.cpu_s = 0.0
        self.worst = 0.0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        """Begins to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it."""
        self._over.set()
        self._thread.join()
        self.cpu_s = processor_s(self._process) - self._worked_s

    def _run(self) -> None:
        while not self._over.wait(0.02):
            self.worst = max(self.worst, resident(self._process) - self._before)


def ask(port: int, sql: str) -> tuple[str, int]:
    """ClickHouse's code, "0" for none, and the size of the answer."""
    headers = {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}
    with HTTPConnectionPool("127.0.0.1", port, retries=False, timeout=60) as pool:
        answer = pool.request("POST", "/?wait_end_of_query=1", body=sql, headers=headers)
        return answer.headers.get("X-ClickHouse-Exception-Code", "0"), len(answer.data)


def note(attack: str, watched: Watched) -> None:
    """A row of docs/operations/attacks.md."""
    if REPORT:
        with Path(REPORT).open("a") as report:
            report.write(
                f"| `{attack}` | `endpoint.memory_bytes_max`, `.execution_max_s` "
                f"| `endpoint_refused_total` "
                f"| {watched.worst:.0f} of {RSS_MIB_MAX} "
                f"| {watched.cpu_s:.2f} of {CPU_S_MAX:.0f} |\n"
            )


@pytest.mark.parametrize("sql", BOMBS)
def test_a_bomb_costs_no_more_than_its_bounds(port: int, folder: Path, sql: str) -> None:
    with Watched(process_of(folder)) as watched:
        begun = time.monotonic()
        code, size = ask(port, sql)
        took_s = time.monotonic() - begun
    assert code in TOO_MUCH or size < 64 * MIB, code
    note(sql, watched)
    assert took_s < SECONDS_MAX
    assert watched.cpu_s < CPU_S_MAX
    assert watched.worst < RSS_MIB_MAX


def test_bombs_at_once_take_turns_and_a_plain_question_gets_its_own(
    port: int, folder: Path
) -> None:
    codes: list[str] = []
    bombs = [
        threading.Thread(target=lambda sql=sql: codes.append(ask(port, sql)[0]))
        for sql in BOMBS[:6]
    ]
    with Watched(process_of(folder)) as watched:
        for bomb in bombs:
            bomb.start()
        code, _ = ask(port, "SELECT count() FROM m.reads_v")
        for bomb in bombs:
            bomb.join()
    note("six of these at once", watched)
    assert code == "0"
    assert set(codes) <= TOO_MUCH | {"202", "0"}
    assert watched.worst < RSS_MIB_MAX
