"""A utility's control room: who is warned, cut and reconnected by a running service, and why."""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from tests.crash.running import House

POLICY = """
name = "test"
title = "cut at any hour"
area = "T"
effective_from = 2020-01-01
[cut]
below = 0.00
[notices]
percent_of_last_recharge = [30, 10, 0]
[[exempt]]
name = "hospitals"
classes = ["hospital"]
[postpaid]
unpaid_bills = 2
"""
TARIFF = """
name = "flat"
title = "flat"
currency = "INR"
effective_from = 2020-01-01
slabs = [{ rate = 5 }]
"""
ACCOUNTS = """\
account,effective_from,payment,tariff,class,area,opening
1,2020-01-01,prepaid,flat,home,T/North,-50
2,2020-01-01,prepaid,flat,hospital,T/North,-50
3,2020-01-01,prepaid,flat,home,T/South,100
4,2020-01-01,prepaid,flat,home,X,-50
5,2026-10-01,postpaid,flat,government,T,-50
"""
SWEEP_S = 3_600
PATIENCE_S = 30


class Room:
    """Commands on a running service, and a reader of its endpoint."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._clients: list[Client] = []

    def outbox(self, account: int = 0) -> list[dict[str, object]]:
        of = ("--account", str(account)) if account else ()
        said = self.house.command("outbox", "list", "--json", *of)
        return [json.loads(line) for line in said.splitlines()]

    def until(self, account: int, count: int) -> list[dict[str, object]]:
        """The account's rows, the oldest first, once there are so many."""
        sql = f"SELECT kind, place, at FROM m.outbox FINAL WHERE account = {account} ORDER BY at"  # noqa: S608
        deadline = time.monotonic() + PATIENCE_S
        while len(rows := self.reader.query(sql).result_rows) < count:
            assert time.monotonic() < deadline, rows
            time.sleep(0.05)  # rows of another process, which tells nobody
        return [dict(zip(("kind", "place", "at"), row, strict=True)) for row in rows]

    @property
    def reader(self) -> Client:
        if not self._clients:
            client = clickhouse_connect.get_client(
                host="127.0.0.1",
                port=self.house.endpoint_port,
                username="reader",
                password="reader's password",  # noqa: S106 (of this test)
            )
            self._clients.append(client)
        return self._clients[0]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("room")
    house = House(folder, settings=f"[deciding]\nsweep_s = {SWEEP_S}\n")
    (folder / "policy.toml").write_text(POLICY)
    (folder / "tariff.toml").write_text(TARIFF)
    (folder / "accounts.csv").write_text(ACCOUNTS)
    house.command("policy", "load", "policy.toml", "tariff.toml")
    house.command("accounts", "import", "accounts.csv")
    before = house.command("outbox", "list")
    assert len(before.splitlines()) == 1
    house.start()
    yield Room(house)
    house.kill()


def test_the_first_sweep_cuts_whom_the_policy_cuts_and_nobody_else(room: Room) -> None:
    rows = room.until(1, 2)
    assert [(row["kind"], row["place"]) for row in rows] == [
        ("notice", "notices.percent"),
        ("disconnect", "cut.below"),
    ]
    assert {row["account"] for row in room.outbox() if row["kind"] == "disconnect"} == {1}


def test_a_payment_brings_supply_back_within_a_second(room: Room) -> None:
    room.until(1, 2)
    asked = time.time()  # noqa: TID251 (held against the service's own clock)
    room.house.command(
        *("payments", "take", "1", "80", "--origin", "upi", "--reference", "r1"),
    )
    rows = room.until(1, 3)
    assert rows[-1]["kind"] == "reconnect"
    (paid_at,) = room.reader.query("SELECT at FROM m.entries WHERE reference = 'r1'").result_rows[0]
    decided_at = rows[-1]["at"]
    assert isinstance(paid_at, datetime)
    assert isinstance(decided_at, datetime)
    assert decided_at - paid_at <= timedelta(seconds=1)
    assert decided_at.timestamp() >= int(asked)


def test_the_dry_run_names_a_clause_for_everybody_and_writes_nothing(room: Room) -> None:
    room.until(1, 2)
    before = room.outbox()
    said = room.house.command("policy", "dry-run", "--json")
    verdicts = {each["account"]: each for each in map(json.loads, said.splitlines())}
    assert {number: each["place"] for number, each in verdicts.items() if number != 1} == {
        2: "exempt[0]",
        3: "cut.below",
        4: "none",
        5: "postpaid",
    }
    assert {each["action"] for number, each in verdicts.items() if number != 1} == {"keep"}
    text = room.house.command("policy", "dry-run", "--area", "T/North", "--account", "2")
    assert "hospitals" in text
    assert text.endswith("0 cut, 1 kept, 0 reconnected; nothing was written\n")
    assert room.outbox() == before


def test_bills_and_arrears_answer_on_an_empty_book(room: Room) -> None:
    assert "0 bills over 0.00" in room.house.command("bills", "issue", "--on", "2026-10-01")
    assert not room.house.succeeds("bills", "issue", "--account", "99")
    assert not room.house.succeeds("bills", "issue", "--on", "9999-12-31")
    assert room.house.command("bills", "list").startswith("account\tbill\tversion\t")
    assert not room.house.succeeds("bills", "show", "5-20260901")
    assert len(room.house.command("arrears", "list", "--unpaid", "1").splitlines()) == 1
    told = room.house.command("arrears", "recovery", "--from", "2020-01-01", "--to", "2100-01-01")
    assert [line.split("\t")[1] for line in told.splitlines()] == ["disconnected", "1"]
