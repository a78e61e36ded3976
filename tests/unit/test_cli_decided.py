"""Rows of the outbox as they are listed: each says why, wherever that is written."""

import json

import pytest

from meteringest.cli.decided import OutboxShown, outbox_text

HELD = json.dumps({"day": "2026-11-20", "held": ["no_register 7", "no_terms"]})


@pytest.mark.parametrize(
    ("subject", "says", "evidence", "because"),
    [
        ("unpriced", "", HELD, "2026-11-20: no_register 7, no_terms"),
        ("reads_held", "", HELD, "2026-11-20: no_register 7, no_terms"),
        ("payment refused", "upi r1: inexact", "{}", "upi r1: inexact"),
        ("supply", "balance -5.00", '{"held_reads": "0"}', "balance -5.00"),
        ("another", "", "", ""),
        ("another", "", '{"balance": "5.00"}', ""),
    ],
)
def test_every_row_says_why(subject: str, says: str, evidence: str, because: str) -> None:
    row = OutboxShown(
        account=7,
        id=f"{subject}-1",
        kind="operator",
        subject=subject,
        meter=0,
        place="",
        says=says,
        policy="",
        evidence=evidence,
        at="2026-11-21 00:00:00.000",
    )
    head, line = outbox_text([row]).splitlines()
    shown = dict(zip(head.split("\t"), line.split("\t"), strict=True))
    assert (shown["subject"], shown["because"]) == (subject, because)
