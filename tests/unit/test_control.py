"""The control socket: a running service answers its owner's commands, and nobody else's."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
import trio
from tests.unit.registry_fakes import Desk, parts

from meteringest.control.client import Client, connected
from meteringest.control.messages import LENGTH, MESSAGE_BYTES_MAX, Status
from meteringest.control.server import serve_control
from meteringest.csv_rows import Imported, ImportPart
from meteringest.errors import (
    CommandError,
    LinkError,
    MeterIngestError,
    RegistryError,
    StoreRefused,
    StoreUnavailable,
)
from meteringest.registry.rows import METERS, Listing
from meteringest.store.faults import EngineUnavailable

T = TypeVar("T")
STATUS = Status(running=True, version="1", node=7, rejected={"bad_tag": 3}, lag_s=0.5)


class Service:
    """Answers with what it was asked, on a registry in memory."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.faults: list[tuple[str, str]] = []

    def broken(self, question: str, reason: str) -> None:
        self.faults.append((question, reason))

    async def status(self) -> Status:
        return STATUS

    async def query(self, sql: str, output: str) -> bytes:
        if "DROP" in sql:
            raise StoreRefused("chdb:", "Code: 164. Cannot execute in readonly mode")
        if "silent" in sql:
            raise EngineUnavailable("http://there:8123", "connection refused", 210)
        if "bug" in sql:
            raise ZeroDivisionError(sql)
        if "big" in sql:
            return b"x" * (MESSAGE_BYTES_MAX + 1)
        return f"{sql} as {output}\n".encode()

    async def import_rows(self, parts: list[ImportPart]) -> Imported:
        return self.desk.registrar.import_rows(parts)

    async def list_rows(self, listing: Listing) -> list[dict[str, object]]:
        return self.desk.registrar.list_rows(listing)

    async def reload(self) -> str:
        return "3 meters"


async def ask(folder: Path, question: Callable[[Client], T], service: Service | None = None) -> T:
    """One command against a service that runs as long as the question."""

    def command() -> T:
        with connected(folder) as client:
            assert client is not None
            return question(client)

    async with trio.open_nursery() as nursery:
        service = service or Service()
        await nursery.start(serve_control, folder, service, service.broken)
        with trio.fail_after(20):
            answer = await trio.to_thread.run_sync(command)  # noqa: TID251 -- the other process
        nursery.cancel_scope.cancel()
    return answer


async def test_questions_are_answered(tmp_path: Path) -> None:
    assert await ask(tmp_path, lambda client: client.status()) == STATUS
    assert (
        await ask(tmp_path, lambda client: client.query("SELECT 1", "TSV")) == b"SELECT 1 as TSV\n"
    )
    assert await ask(tmp_path, lambda client: client.reload()) == "3 meters"


async def test_an_error_of_the_service_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="store chdb:: Code: 164"):
        await ask_and_raise(tmp_path, lambda client: client.query("DROP TABLE m.reads", "TSV"))


async def test_an_error_of_ours_ends_the_command_and_not_the_service(tmp_path: Path) -> None:
    service = Service()

    def twice(client: Client) -> Status:
        with pytest.raises(CommandError, match="internal error in AskQuery: ZeroDivisionError"):
            client.query("SELECT bug", "TSV")
        return client.status()

    assert await ask(tmp_path, twice, service) == STATUS
    ((question, reason),) = service.faults
    assert question == "AskQuery"
    assert "in query" in reason


async def test_an_error_of_a_kind_this_side_does_not_know_comes_back_as_the_nearest_it_does(
    tmp_path: Path,
) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(StoreUnavailable, match="connection refused")):
        await ask(tmp_path, lambda client: client.query("SELECT 'silent'", "TSV"))


async def test_an_import_takes_effect_as_a_whole(tmp_path: Path) -> None:
    service = Service()
    good = parts("serial,security\n" + "".join(f"S{n},none\n" for n in range(12_000)))
    assert len(good) == 3
    done = await ask(tmp_path, lambda client: client.import_rows(iter(good)), service)
    assert done.added == len(service.desk.book.rows) == 12_000
    rows = await ask(
        tmp_path,
        lambda client: client.list_rows(Listing(table=METERS, match="S77", limit=3)),
        service,
    )
    assert [row["serial"] for row in rows] == ["S77", "S770", "S771"]


async def test_an_import_that_breaks_off_changes_nothing(tmp_path: Path) -> None:
    service = Service()

    def broken() -> Iterator[ImportPart]:
        yield from parts("serial,security\nS1,none\n")
        raise RegistryError("file.csv", ("row 9, column phase: found '7'; wanted 1 or 3",))

    with pytest.raises(RegistryError, match="row 9"):
        await ask_and_raise(tmp_path, lambda client: client.import_rows(broken()), service)
    assert service.desk.store.saved[METERS] == []


async def test_problems_of_an_import_come_back_each_on_its_own(tmp_path: Path) -> None:
    bad = parts("serial,layout,security\nS1,nope,none\nS2,nope,none\n")
    with pytest.raises(RegistryError) as caught:
        await ask_and_raise(tmp_path, lambda client: client.import_rows(iter(bad)))
    assert [line.split(",")[0] for line in caught.value.problems] == ["row 2", "row 3"]


async def ask_and_raise(
    folder: Path, question: Callable[[Client], object], service: Service | None = None
) -> None:
    """`ask`, with the error taken out of the groups it came through."""
    try:
        await ask(folder, question, service)
    except* MeterIngestError as group:
        leaf: BaseException = group
        while isinstance(leaf, BaseExceptionGroup):
            leaf = leaf.exceptions[0]
        raise leaf from None


async def test_an_answer_too_large_says_where_to_go(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="the HTTP endpoint streams large results"):
        await ask_and_raise(tmp_path, lambda client: client.query("big", "TSV"))


async def test_only_the_owner_can_open_it(tmp_path: Path) -> None:
    mode = await ask(tmp_path, lambda _: (tmp_path / "control.sock").stat().st_mode)
    assert mode & 0o777 == 0o600


async def test_it_is_gone_afterwards(tmp_path: Path) -> None:
    await ask(tmp_path, lambda client: client.status())
    assert os.listdir(tmp_path) == []  # noqa: PTH208 -- no blocking path calls in async tests


async def test_a_long_folder_name_fits(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    assert (await ask(folder, lambda client: client.status())).node == 7


async def test_a_socket_left_behind_is_taken_over(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(tmp_path / "control.sock"))
    left.close()
    with connected(tmp_path) as client:
        assert client is None
    assert (await ask(tmp_path, lambda client: client.status())).node == 7


def test_no_service_is_no_error(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with connected(folder) as client:
            assert client is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root opens everything")
def test_somebody_else_s_socket_is_an_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(tmp_path / "control.sock"))
        other.listen()
        (tmp_path / "control.sock").chmod(0)
        with (
            pytest.raises(LinkError, match="cannot be opened: Permission denied"),
            connected(tmp_path),
        ):
            pass


@pytest.mark.parametrize(
    "noise",
    [
        b"\x00",
        b"\xff\xff\xff\xff",
        LENGTH.pack(3) + b"abc",
        LENGTH.pack(2) + b"\x80",
        b"GET / HTTP/1.1\r\n",
    ],
)
async def test_noise_ends_its_own_connection_only(tmp_path: Path, noise: bytes) -> None:
    def make_noise() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.connect(str(tmp_path / "control.sock"))
            stream.sendall(noise)
            stream.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                while stream.recv(100):
                    pass

    def question(client: Client) -> Status:
        make_noise()
        return client.status()

    assert await ask(tmp_path, question) == STATUS


async def test_a_service_that_goes_away_is_an_error(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(tmp_path / "control.sock"))
    listener.listen()

    def leave() -> None:
        stream, _ = listener.accept()
        stream.recv(100)
        stream.close()

    def command() -> None:
        with connected(tmp_path) as client:
            assert client is not None
            client.status()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, leave)  # noqa: TID251 -- the other process
        with pytest.raises(LinkError, match="the service went away: connection closed"):
            await trio.to_thread.run_sync(command)  # noqa: TID251 -- the other process
    listener.close()
