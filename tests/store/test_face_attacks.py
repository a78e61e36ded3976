"""What a hostile user or peer tries on the endpoint; store and machine stay as they were."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import lz4.frame  # type: ignore[import-untyped]
import pytest
import zstandard
from tests.store.serve import PASSWORD, SECRET, USER
from tests.store.serving import client, serving
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import ProtocolError
from urllib3.response import BaseHTTPResponse

HEADERS = {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}
BAIT = "root:"
LIMITS: dict[str, float | str] = {
    "request_bytes_max": 100_000,
    "memory_bytes_max": 100 << 20,
    "execution_max_s": 2,
    "result_rows_max": 1_000_000,
    "result_bytes_max": 64 << 20,
    "idle_timeout_s": 2.0,
    "stall_timeout_s": 1.0,
    "queue_wait_s": 0.3,
    "queries_max": 2,
    "connections_max": 20,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attacked")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with serving(folder, **LIMITS) as port:
        yield port
        with client(port) as asking:
            assert asking.query("SELECT count() FROM m.reads_v").result_rows == [(96_000,)]


@pytest.fixture
def http(port: int) -> Iterator[HTTPConnectionPool]:
    with HTTPConnectionPool("127.0.0.1", port, maxsize=1, retries=False, timeout=20) as pool:
        yield pool


def ask(
    http: HTTPConnectionPool, sql: str | bytes, target: str = "/", **headers: str
) -> BaseHTTPResponse:
    return http.request("POST", target, body=sql, headers={**HEADERS, **headers})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT file('/etc/passwd')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM `/etc/passwd`",
        "SELECT * FROM default.`/etc/passwd`",
        "SELECT * FROM (SELECT * FROM file('/etc/passwd', 'LineAsString'))",
        "WITH t AS (SELECT * FROM file('/etc/passwd', 'LineAsString')) SELECT * FROM t",
        "DESCRIBE file('/etc/passwd', 'LineAsString')",
        "EXPLAIN SELECT file('/etc/passwd')",
        "INSERT INTO FUNCTION file('{folder}/stolen', 'CSV', 'a String') VALUES ('x')",
        "SELECT 1 INTO OUTFILE '{folder}/stolen'",
        "SELECT 1 INTO OUTFILE '{folder}/stolen' TRUNCATE FORMAT CSV",
        "INSERT INTO m.reads SELECT * FROM m.reads",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', 'CSV', 'a String')",
        "SELECT * FROM remote('127.0.0.1:1', 'm', 'reads')",
        "SELECT * FROM sqlite('{folder}/x.db', 't')",
        "SELECT * FROM icebergLocal('{folder}')",
        "SELECT * FROM executable('id', 'CSV', 'a String')",
        "SELECT * FROM Python(secret)",
        "SELECT * FROM secret",
        "SELECT * FROM system.users",
        "SELECT * FROM system.grants",
        "SELECT * FROM system.stack_trace",
        "SELECT * FROM merge('system', '^stack_trace$')",
        "DROP TABLE m.reads",
        "ALTER TABLE m.reads DELETE WHERE 1",
        "CREATE TEMPORARY TABLE t (a Int8)",
        "SYSTEM STOP MERGES",
        "SET readonly = 0",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 0)",
        "SELECT 1; DROP TABLE m.reads",
        "/*!DROP*/ DROP TABLE m.reads",
        "KILL QUERY WHERE 1",
        "EXPLAIN AST SYSTEM SHUTDOWN; SYSTEM SHUTDOWN",
    ],
)
def test_a_user_reads_the_store_and_nothing_else(
    http: HTTPConnectionPool, folder: Path, sql: str
) -> None:
    answer = ask(http, sql.replace("{folder}", str(folder)))
    assert answer.status >= 400
    assert int(answer.headers["X-ClickHouse-Exception-Code"]) > 0
    assert BAIT not in answer.data.decode()
    assert SECRET not in answer.data.decode()
    assert not (folder / "stolen").exists()


def test_no_function_of_the_engine_reads_a_file(http: HTTPConnectionPool) -> None:
    names = (
        ask(http, "SELECT DISTINCT name FROM system.functions WHERE NOT is_aggregate")
        .data.decode()
        .split()
    )
    assert len(names) > 1_000
    assert "file" in names
    for name in names:
        answer = ask(http, f"SELECT `{name}`('/etc/passwd')")
        assert BAIT not in answer.data.decode(errors="replace"), name


def test_no_table_function_reads_a_file(http: HTTPConnectionPool) -> None:
    names = ask(http, "SELECT name FROM system.table_functions").data.decode().split()
    assert "file" in names
    for name in names:
        for arguments in ("'/etc/passwd'", "'/etc/passwd', 'LineAsString'", "secret"):
            answer = ask(http, f"SELECT * FROM {name}({arguments})")  # noqa: S608
            assert BAIT not in answer.data.decode(errors="replace"), name
            assert SECRET not in answer.data.decode(errors="replace"), name


def test_no_table_function_reaches_an_address(http: HTTPConnectionPool) -> None:
    names = ask(http, "SELECT name FROM system.table_functions").data.decode().split()
    with socket.create_server(("127.0.0.1", 0)) as bait:
        bait.settimeout(0)
        address = f"127.0.0.1:{bait.getsockname()[1]}"
        for name in names:
            for arguments in (f"'http://{address}/a', 'CSV', 'a String'", f"'{address}', 'a', 'b'"):
                ask(http, f"SELECT * FROM {name}({arguments}) LIMIT 1")  # noqa: S608
        with pytest.raises(BlockingIOError):
            bait.accept()


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT groupArray(number) FROM numbers(100000000)", 241),
        ("SELECT count() FROM system.numbers", 159),
        ("SELECT number FROM numbers(2000000)", 396),
        ("SELECT sleep(3) FROM numbers(10) SETTINGS max_block_size = 1", 164),
        ("SELECT " + "(" * 3_000 + "1" + ")" * 3_000, 306),
    ],
)
def test_what_a_question_costs_is_bounded(http: HTTPConnectionPool, sql: str, code: int) -> None:
    begun = time.monotonic()
    answer = ask(http, sql, "/?wait_end_of_query=1&max_execution_time=0&max_memory_usage=0")
    assert answer.headers["X-ClickHouse-Exception-Code"] == str(code)
    assert time.monotonic() - begun < 15


def test_an_endless_stream_is_cut(http: HTTPConnectionPool) -> None:
    answer = http.request(
        "POST",
        "/",
        body="SELECT number FROM system.numbers",
        headers=HEADERS,
        preload_content=False,
    )
    with pytest.raises(ProtocolError, match="ended prematurely"):
        assert sum(len(piece) for piece in answer.stream(1 << 16)) < 0


def test_turns_are_limited(port: int) -> None:
    codes: list[str] = []

    def one() -> None:
        with HTTPConnectionPool("127.0.0.1", port, timeout=20) as pool:
            answer = ask(pool, "SELECT sleepEachRow(0.5) FROM numbers(2)")
            codes.append(answer.headers.get("X-ClickHouse-Exception-Code", "0"))

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["0", "0", "202", "202", "202", "202"]


@pytest.mark.parametrize("encoding", ["zstd", "lz4", "gzip", ""])
def test_a_body_too_large_is_refused(http: HTTPConnectionPool, encoding: str) -> None:
    plain = b"SELECT '" + b"x" * 50_000_000 + b"'"
    body = {
        "zstd": lambda: zstandard.compress(plain),
        "lz4": lambda: lz4.frame.compress(plain),
        "gzip": lambda: gzip.compress(plain),
        "": lambda: plain[:200_000],
    }[encoding]()
    answer = ask(http, body, **({"Content-Encoding": encoding} if encoding else {}))
    assert answer.status == 413
    assert b"a request may hold 100000 bytes" in answer.data


def test_a_body_that_is_not_what_it_says_is_refused(http: HTTPConnectionPool) -> None:
    for encoding in ("zstd", "lz4", "gzip", "deflate", "br", "nonsense"):
        assert ask(http, b"SELECT 1 nothing", **{"Content-Encoding": encoding}).status >= 400


def test_a_form_cannot_bring_a_table(http: HTTPConnectionPool) -> None:
    fields = {
        "query": "SELECT * FROM t",
        "t": ("t.csv", b"1\n"),
        "t_structure": "a String DEFAULT file('/etc/passwd')",
    }
    answer = http.request("POST", "/", fields=fields, headers=HEADERS)
    assert b"external data is not taken" in answer.data


@pytest.mark.parametrize(
    "wire",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"GET /?query=" + b"x" * 200_000,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x00" * 5_000,
    ],
)
def test_what_is_not_http_is_cut_off(port: int, wire: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        answer = b""
        with suppress(OSError):  # It may be cut off before it has said all.
            peer.sendall(wire)
            peer.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: peer.recv(65_536), b""))
    assert b" 200 " not in answer.split(b"\r\n")[0]


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"POST / HT",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2147483647\r\n\r\nSELECT",
    ],
)
def test_a_stalled_peer_is_cut_off(port: int, start: bytes) -> None:
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(start)
        assert peer.recv(10) == b""
    assert time.monotonic() - begun < 6


def test_a_peer_that_does_not_read_is_cut_off(port: int) -> None:
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        peer.connect(("127.0.0.1", port))
        sql = b"SELECT repeat('x', 1000) FROM numbers(1000000)"
        head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        peer.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n%s"
            % (len(sql), head.encode(), sql)
        )
        threading.Event().wait(3)
        peer.settimeout(10)
        received = 0
        with suppress(ConnectionResetError):
            while piece := peer.recv(1 << 16):
                received += len(piece)
    assert received < 32 << 20


def test_connections_are_limited(port: int) -> None:
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(25)]
    try:
        with HTTPConnectionPool("127.0.0.1", port, retries=False, timeout=10) as pool:
            answer = ask(pool, "SELECT 1")
            assert answer.status == 503
            assert b"Too many connections" in answer.data
    finally:
        for peer in held:
            peer.close()
    with client(port) as asking:
        assert asking.ping()


@pytest.mark.parametrize(
    ("target", "status"),
    [("/ping", 200), ("/", 200), ("/etc/passwd", 404), ("/play", 404), ("/?query=SELECT%201", 403)],
)
def test_places_without_a_password(http: HTTPConnectionPool, target: str, status: int) -> None:
    answer = http.request("GET", target)
    assert answer.status == status
    assert answer.data == b"Ok.\n" or status >= 400


def test_headers_cannot_be_injected(http: HTTPConnectionPool) -> None:
    answer = ask(http, "SELECT 1", "/?query_id=a%0d%0aX-Evil:%201")
    assert "X-Evil" not in answer.headers
    assert answer.data == b"1\n"
    summary = json.loads(
        ask(http, "SELECT 1", "/?wait_end_of_query=1").headers["X-ClickHouse-Summary"]
    )
    assert summary["read_rows"] == "1"


@pytest.mark.parametrize("name", ["max_parser_depth", "readonly", "output_format_schema", "a'b"])
def test_a_setting_that_is_not_listed_is_refused(http: HTTPConnectionPool, name: str) -> None:
    answer = ask(http, "SELECT 1", f"/?{name}=1")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"
    assert f"Cannot modify '{name}'" in answer.data.decode()
