"""Accounts and money on a running service: taken once, kept over a kill, shown whole."""

import json
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.e2e.test_commands import ROOT, run, serving, settings

TARIFF = ROOT / "python" / "meteringest" / "prepaid" / "examples" / "flat.toml"
TODAY = datetime.now(UTC).date()  # noqa: TID251 -- the service under test runs on it
BEGUN, CONVERTED = TODAY - timedelta(days=200), TODAY - timedelta(days=20)
ACCOUNTS = f"""\
account,effective_from,payment,tariff,class,area,load_kw,recover_percent,opening,arrears
1,{BEGUN},prepaid,example-flat,domestic,UP/Lucknow,2,25,150,100
2,{BEGUN},postpaid,example-flat,domestic,UP/Kanpur,2,,,
"""
LINKS = f"account,serial,from,to,multiplier\n1,S1,{BEGUN},,\n"
PAYMENTS = f"""\
account,amount,origin,reference,paid_at
1,100,upi,r1,{TODAY}T00:00
9,100,upi,r2,
1,100.001,upi,r3,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    settings(tmp_path, "meteringest.toml")
    for name, text in (("a.csv", ACCOUNTS), ("l.csv", LINKS), ("p.csv", PAYMENTS)):
        (tmp_path / name).write_text(text)
    (tmp_path / "m.csv").write_text("serial,security\nS1,none\n")
    assert run(tmp_path, "keygen", "--out", "master.key").returncode == 0
    return tmp_path


def told(result: subprocess.CompletedProcess[str], status: int = 0) -> str:
    assert result.returncode == status, result.stderr + result.stdout
    assert "Traceback" not in result.stderr
    return result.stdout + result.stderr


def prepared(folder: Path) -> None:
    assert ": loaded" in told(run(folder, "tariffs", "load", str(TARIFF)))
    told(run(folder, "meters", "import", "m.csv"))
    assert "2 added" in told(run(folder, "accounts", "import", "a.csv"))
    assert "1 added" in told(run(folder, "accounts", "meters", "l.csv"))


def pay(folder: Path, amount: str) -> subprocess.CompletedProcess[str]:
    return run(
        folder, "payments", "take", "1", amount, "--origin", "upi", "--reference", "4471", "--json"
    )


def shown(folder: Path, account: int) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads(
        run(folder, "accounts", "show", str(account), "--json").stdout
    )
    return found


def recharged(folder: Path) -> tuple[int, int]:
    """What of the payment reached the balance, and what is still owed of old."""
    balance = shown(folder, 1)["balance"]
    return balance["last_recharge"], balance["arrears"]


def test_a_payment_sent_from_everywhere_is_taken_once_and_outlives_a_kill(folder: Path) -> None:
    with serving(folder) as service:
        prepared(folder)
        with ThreadPoolExecutor(4) as senders:
            done = list(senders.map(lambda _: pay(folder, "200"), range(4)))
        outcomes = sorted(json.loads(told(each))["outcome"] for each in done)
        assert outcomes == ["already taken"] * 3 + ["taken"]
        service.send_signal(signal.SIGKILL)
        service.wait()
    assert recharged(folder) == (150_000_000, -50_000_000)
    with serving(folder):
        assert json.loads(told(pay(folder, "200")))["outcome"] == "already taken"
        refused = json.loads(told(pay(folder, "210"), 1))
        assert refused["problem"] == "other_amount"
        assert recharged(folder) == (150_000_000, -50_000_000)
        sql = "SELECT subject, says FROM m.outbox FINAL FORMAT TSV"
        assert told(run(folder, "query", sql)) == (
            "payment refused\tother_amount: entered with 200.00 before\n"
        )


def test_money_moves_by_command_and_statements_add_up(folder: Path) -> None:
    """Nothing is charged meanwhile, so that what stands is what the commands did."""
    with (folder / "meteringest.toml").open("a") as file:
        file.write("[worker]\nenabled = false\n")
    with serving(folder):
        prepared(folder)
        moved(folder)


def moved(folder: Path) -> None:
    assert told(run(folder, "payments", "import", "p.csv"), 1).splitlines() == [
        "p.csv: 3 rows, 1 taken, 0 already taken, 2 refused",
        "row 3, account 9 refused: unknown_account: no terms, no meter: 9",
        "row 4, account 1 refused: inexact: 100.001 has more than 2 decimals",
    ]
    reasons = ("--reason", "moved house", "--author", "asha")
    told(run(folder, "transfer", "1", "2", "25", "--reference", "t1", *reasons))
    told(run(folder, "adjust", "2", "-5.50", "--reference", "a1", *reasons))
    told(run(folder, "refund", "2", "10", "--reference", "f1", *reasons))
    told(run(folder, "reverse", "transfer", "--reference", "t1", *reasons))
    convert = ("accounts", "convert", "2", "prepaid", "--from", str(CONVERTED), "--credit", "1")
    told(run(folder, *convert, "--reference", "c1", *reasons))
    for account, balance in ((1, 225_000_000), (2, 1_000_000)):
        asked = ("accounts", "statement", str(account), "--json", "--from", str(BEGUN))
        statement = json.loads(told(run(folder, *asked)))
        for book in ("prepaid", "postpaid", "arrears"):
            lines = sum(each["amount"] for each in statement["lines"] if each["book"] == book)
            assert statement["opening"][book] + lines == statement["closing"][book]
        assert statement["closing"]["prepaid"] == balance
        assert shown(folder, account)["balance"]["prepaid"] == balance
    # What the postpaid book owed when it was converted: 5.50 and 10.
    assert shown(folder, 2)["balance"]["arrears"] == -15_500_000
    text = told(run(folder, "accounts", "statement", "1", "--from", str(CONVERTED)))
    assert "transfer office t1: moved house" in text
    assert "reversal office t1: moved house" in text
    listed = told(run(folder, "accounts", "list", "Kanpur")).splitlines()
    assert listed[1].split("\t")[:3] == ["2", "prepaid", "example-flat"]


def test_files_and_arguments_that_cannot_be_are_refused_with_their_place(folder: Path) -> None:
    (folder / "bad.toml").write_text(TARIFF.read_text().replace("[[slabs]]", "[[slab]]", 1))
    assert "bad.toml:" in told(run(folder, "tariffs", "load", "bad.toml"), 4)
    told(run(folder, "accounts", "import", "a.csv"), 4)
    assert told(run(folder, "accounts", "list")).count("\n") == 1
    (folder / "p.csv").write_text("account,amount,origin,reference\nx,1,upi,1\n")
    found = told(run(folder, "payments", "import", "p.csv"), 4)
    assert "row 2, column account: found 'x'; wanted a whole number" in found
    assert "is no day" in told(run(folder, "accounts", "statement", "1", "--from", "1.1."), 2)
    nobody = "account     77\nunknown     no terms, no meter, no money\n"
    for command in (("accounts", "show"), ("accounts", "statement"), ("policy", "dry-run")):
        number = ("--account", "77") if command[0] == "policy" else ("77",)
        assert told(run(folder, *command, *number), 1) == nobody
        found = json.loads(told(run(folder, *command, *number, "--json"), 1))
        assert (found["account"], found["known"]) == (77, False)
