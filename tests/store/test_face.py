"""An ordinary client in another process than the store's, while that one inserts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, ProgrammingError, StreamFailureError
from tests.store.blocks import block, range_of, reads
from tests.store.conftest import Recorder
from tests.store.serve import PASSWORD, USER
from tests.store.serving import client, serving

from meteringest.errors import StoreRefused
from meteringest.model import Secret
from meteringest.store.clickhouse import Store, open_store
from meteringest.store.faults import EngineRefused
from meteringest.store.insertion import PoisonBlock, insert_range
from meteringest.store.migrate import migrate, migrations
from meteringest.store.queries import figures, reads_in
from meteringest.store.settings import StoreSettings

ROWS = 96_000


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("served"), result_rows_max=5_000_000) as port:
        yield port


@pytest.mark.parametrize("compress", [True, "lz4", "zstd", "gzip", False])
def test_every_compression(port: int, compress: bool | str) -> None:  # noqa: FBT001
    with client(port, compress=compress) as asking:
        assert asking.query("SELECT count() FROM m.reads_v").result_rows == [(ROWS,)]
        assert asking.query_np("SELECT meter, imp_wh FROM m.reads_v").shape == (ROWS, 2)


def test_every_shape_of_answer(port: int) -> None:
    with client(port) as asking:
        total = asking.query("SELECT sum(imp_wh) FROM reads_v").result_rows[0][0]
        frame = asking.query_df("SELECT meter, interval_start, imp_wh FROM m.reads_v")
        assert int(frame["imp_wh"].sum()) == total
        arrow = asking.query_arrow("SELECT imp_wh FROM m.reads_v")
        assert sum(arrow.column("imp_wh").to_pylist()) == total
        with asking.query_row_block_stream("SELECT imp_wh FROM m.reads_v") as blocks:
            assert sum(row[0] for rows in blocks for row in rows) == total
        with asking.query_df_stream("SELECT imp_wh FROM m.reads_v") as frames:
            assert sum(int(part["imp_wh"].sum()) for part in frames) == total
        assert asking.raw_query("SELECT 1, 'a'", fmt="CSV") == b'1,"a"\n'
        assert asking.raw_query("SELECT 1 AS x", fmt="JSONEachRow") == b'{"x":1}\n'
        assert asking.query("SELECT meter, dcu FROM m.reads_v LIMIT 0").column_names == (
            "meter",
            "dcu",
        )
        assert "reads_v" in str(asking.command("SHOW TABLES FROM m"))
        assert asking.ping()


@pytest.mark.parametrize("value", ["it's", "tab\tend", "back\\slash", "ü", "{x:String}", "''"])
def test_parameters_arrive_as_they_are(port: int, value: str) -> None:
    with client(port) as asking:
        sql = "SELECT {v:String}, {n:UInt32} + 1, {a:Array(UInt32)}"
        parameters = {"v": value, "n": 41, "a": [1, 2]}
        assert asking.query(sql, parameters=parameters).result_rows == [(value, 42, [1, 2])]
    with client(port, form_encode_query_params=True) as asking:
        assert asking.query(sql, parameters=parameters).result_rows == [(value, 42, [1, 2])]


def test_settings_are_taken_within_the_bounds(port: int) -> None:
    with client(port) as asking:
        sql = "SELECT getSetting('max_threads'), getSetting('max_execution_time')"
        assert asking.query(sql, settings={"max_threads": 1}).result_rows == [(1, 60)]
        wide = {"max_threads": 64, "max_execution_time": 0}
        assert asking.query(sql, settings=wide).result_rows == [(2, 60)]
        with pytest.raises(ProgrammingError, match="max_query_size"):
            asking.query(sql, settings={"max_query_size": 1 << 30})
        with pytest.raises(DatabaseError, match="Cannot modify settings in a"):
            asking.query("SELECT 1 SETTINGS max_memory_usage = 0")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM m.nothing", 60),
        ("SELECT nothing FROM m.reads", 47),
        ("SELECT FROM WHERE", 62),
        ("SELECT throwIf(1)", 395),
        ("SELECT * FROM nowhere.reads", 81),
        ("DROP TABLE m.reads", 164),
    ],
)
def test_errors_keep_their_code(port: int, sql: str, code: int) -> None:
    with client(port) as asking, pytest.raises(DatabaseError) as refused:
        asking.query(sql)
    assert refused.value.code == code


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_answer_that_breaks_off_is_noticed(port: int) -> None:
    sql = "SELECT number, throwIf(number = 900000, 'broke off') FROM numbers(1000000)"
    with (
        client(port) as asking,
        pytest.raises(StreamFailureError, match="broke off"),
        asking.query_row_block_stream(sql) as blocks,
    ):
        for _ in blocks:
            pass


@pytest.mark.parametrize(
    ("user", "password"),
    [(USER, "wrong"), ("nobody", PASSWORD), ("default", ""), (USER, "")],
)
def test_a_wrong_password_is_refused(port: int, user: str, password: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        client(port, username=user, password=password)
    assert refused.value.code == 516


def test_a_session_is_accepted_and_holds_nothing(port: int) -> None:
    with client(port, session_id="mine") as asking:
        assert asking.query("SELECT 1").result_rows == [(1,)]
        with pytest.raises(DatabaseError, match="not a reading statement"):
            asking.command("SET max_threads = 1")


def test_readers_see_whole_ranges_while_the_store_inserts(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with serving(tmp_path, mode="ingest") as port, client(port) as asking:
        while not seen or seen[-1][0] < 30:
            days, rows = asking.query(
                "SELECT (SELECT count() FROM m.batches FINAL), (SELECT count() FROM m.reads_v)"
            ).result_rows[0]
            seen.append((days, rows))
    assert all(rows >= days * 48_000 for days, rows in seen)
    assert len({days for days, _ in seen}) > 3
    assert seen[-1] == (30, 30 * 48_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Store]:
    """The endpoint with a policy that writes, as a stand-in for a ClickHouse server."""
    with serving(tmp_path, mode="write", request_bytes_max=64 << 20) as port:
        url = f"http://{USER}@127.0.0.1:{port}"
        store = open_store(StoreSettings(url=url, password=Secret(PASSWORD)), tmp_path)
        yield store
        store.close()


def test_the_same_store_works_over_http(server: Store, recorder: Recorder) -> None:
    assert not server.embedded
    settings = StoreSettings(url="http://unused")
    assert len(migrate(server, settings)) == len(migrations())
    assert migrate(server, settings) == ()
    gathered = range_of(1 << 40, reads(1 << 40, 100), changed=[(1, 0)], rejects=2)
    for _ in range(2):
        insert_range(server, 1, gathered, recorder)
    assert reads_in(server, 1 << 40, gathered.next) == 4_800
    assert server.ask("SELECT count() FROM m.reads").rows == [(4_800,)]
    assert figures(server).rejects == {"framing/bad_value": 2}


def test_a_server_that_refuses_is_heard(server: Store, recorder: Recorder) -> None:
    migrate(server, StoreSettings(url="http://unused"))
    columns = reads(1 << 40, 1)
    columns["quality"][:] = 9
    with pytest.raises(PoisonBlock, match="known_quality") as refused:
        insert_range(server, 1, range_of(1 << 40, columns), recorder)
    assert isinstance(refused.value.__cause__, EngineRefused)
    assert refused.value.__cause__.code == 469
    with pytest.raises(StoreRefused):
        server.insert("m.nothing", block(reads(1, 1)), "t")


def test_a_wrong_password_for_the_server_is_refused(port: int, tmp_path: Path) -> None:
    url = f"http://{USER}:wrong@127.0.0.1:{port}"
    with pytest.raises(StoreRefused, match="Authentication failed"):
        open_store(StoreSettings(url=url), tmp_path)
