"""A utility as a stranger meets it: the real service, its ports, and its endpoint."""

import time
from pathlib import Path

import clickhouse_connect
from tests.crash.running import House
from tests.e2e import stranger as own


class Utility:
    """A running service, a stranger's connections to it, and a reader of its endpoint."""

    def __init__(self, folder: Path, *, settings: str = "") -> None:
        self.house = House(folder, settings=f"[store]\nfreshness_s = 0.1\n{settings}")
        self._meters = 0

    def meter(self, **shape: object) -> own.Meter:
        """A new meter, imported while the service runs."""
        self._meters += 1
        meter = own.Meter(f"S{self._meters:04}", self._meters, **shape)  # type: ignore[arg-type]
        self.import_csv(f"{own.CSV_HEAD}\n{meter.csv('DCU-1')}\n")
        return meter

    def import_csv(self, content: str) -> None:
        (self.house.folder / "meters.csv").write_text(content)
        self.house.command("meters", "import", "meters.csv")

    def send(self, *chunks: bytes) -> bytes:
        return own.exchange(self.house.port, *chunks)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Asked once everything appended is stored."""
        while (status := self.house.status()).stored < status.appended:
            time.sleep(0.05)  # the position moves in another process, which tells nobody
        client = clickhouse_connect.get_client(
            host="127.0.0.1",
            port=self.house.endpoint_port,
            username="reader",
            password="reader's password",  # noqa: S106 (of this test)
        )
        try:
            return [tuple(row) for row in client.query(sql).result_rows]
        finally:
            client.close()

    def reads(self, meter: own.Meter, columns: str = "imp_wh") -> list[tuple[object, ...]]:
        return self.query(
            f"SELECT toUnixTimestamp(interval_start), {columns} FROM m.reads_v "  # noqa: S608
            f"WHERE meter = {meter.number} ORDER BY interval_start"
        )

    def rejects(self, meter: own.Meter, columns: str) -> list[tuple[object, ...]]:
        return self.query(
            f"SELECT {columns} FROM m.rejects_v "  # noqa: S608
            f"WHERE meter = {meter.number} ORDER BY position"
        )
