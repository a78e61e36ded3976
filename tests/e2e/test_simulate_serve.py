"""The simulator and the service, each a process: every fault, every kind of link, no loss."""

from pathlib import Path

import pytest
import trustme
from tests.crash.running import House, free_ports

from meteringest_sim.faults import Fault
from meteringest_sim.reconcile import Query, arrived, differences, look
from meteringest_sim.report import Report, read_report

FLEET = ("--meters", "800", "--dcus", "4", "--seed", "17")
FAULTS = ("--fault", "all=0.01")
LOOKS_MAX = 600


def compared(house: House, report: Report) -> list[str]:
    """Once everything stands; each look is a question to the store, which takes its time."""
    with house.reader() as store:
        query: Query = lambda sql: store.ask(sql).rows  # noqa: E731
        for _ in range(LOOKS_MAX):
            if arrived(report, look(query)):
                break
        return differences(report, query)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("push", ["48", "1"])
def test_every_fault_on_plain_links_and_uplinks_reconciles(tmp_path: Path, push: str) -> None:
    """The half-hourly pushes come over links whose addresses say whose they are."""
    (named_port,) = free_ports(1)
    names = ", ".join(f'"127.1.0.{dcu}" = {dcu}' for dcu in range(1, 5))
    named = f"""
        [[intake.listeners]]
        name = "named"
        port = {named_port}
        dcu = {{ by = "peer", refuse_unknown = true, names = {{ {names} }} }}
        """
    house = House(tmp_path, settings=named)
    house.register(*FLEET)
    house.start()
    if push == "48":
        plain = ("--days", "6", "--port", str(house.port))
    else:
        plain = ("--days", "1", "--port", str(named_port), "--source-net", "127.1.0.0/16")
    house.command(
        *("simulate", *FLEET, *FAULTS, *plain, "--push", push, "--confirmed"),
        *("--uplink-port", str(house.uplink_port), "--report", "r.json"),
    )
    report = read_report(tmp_path / "r.json")
    assert report.total.faults.keys() == {*Fault}
    assert compared(house, report) == []
    with house.reader() as store:
        ledger = look(lambda sql: store.ask(sql).rows).ledger
    assert (0 in ledger) == (push == "48"), "strangers' frames from links without a name"
    for each in report.dcus:
        assert each.confirms == (0 if each.uplink else each.account.confirms)
        assert each.uplink == (each.acked > 0)
    assert house.stop() == 0


@pytest.mark.timeout(180)
def test_certificates_say_whose_a_link_is(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = authority.issue_cert("127.0.0.1")
    server.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    for dcu in range(1, 5):
        certificate = authority.issue_cert(common_name=f"sim-dcu-{dcu}")
        certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / f"dcu-{dcu}.pem")
    (port,) = free_ports(1)
    tls = f"""
        [[intake.listeners]]
        name = "tls"
        port = {port}
        dcu = {{ by = "certificate" }}
        [intake.listeners.tls]
        certificate = "{tmp_path}/server.pem"
        key = "{tmp_path}/server.pem"
        client_ca = "{tmp_path}/ca.pem"
        require_client_certificate = true
        """
    house = House(tmp_path, settings=tls)
    house.register(*FLEET)
    house.start()
    house.command(
        *("simulate", *FLEET, *FAULTS, "--days", "2", "--port", str(port), "--report", "r.json"),
        *("--tls-ca", "ca.pem", "--tls-certificates", "."),
    )
    report = read_report(tmp_path / "r.json")
    assert report.total.faults["cut"]
    assert report.total.faults["break"]
    assert compared(house, report) == []
    with house.reader() as store:
        ledger = look(lambda sql: store.ask(sql).rows).ledger
    assert sorted(ledger) == [1, 2, 3, 4], "nothing came from nobody"
    assert house.stop() == 0
