"""A journal record read with struct alone, from the table in rust/reads/src/record.rs."""

import struct
from dataclasses import dataclass, field

CHANNELS = (
    "imp_wh", "exp_wh", "imp_vah", "exp_vah", "volt_cv", "curr_ma",
    "varh_q1", "varh_q2", "varh_q3", "varh_q4",
    "volt_r_cv", "volt_y_cv", "volt_b_cv", "curr_r_ma", "curr_y_ma", "curr_b_ma",
)  # fmt: skip
BEFORE = (("meter", "I"), ("interval_start", "I"), ("interval_s", "H"))
BEHIND = (
    ("present", "H"), ("quality", "B"), ("flags", "I"), ("status", "I"),
    ("deviation_min", "h"), ("clock_status", "B"), ("dcu", "I"), ("counter", "I"),
)  # fmt: skip

Row = dict[str, int]


@dataclass
class Record:
    """The sections that tests look at."""

    reads: list[Row] = field(default_factory=list)
    rejects: list[tuple[str, str, bytes]] = field(default_factory=list)
    ledger: list[tuple[int, ...]] = field(default_factory=list)


def parse(record: bytes) -> Record:
    parsed = Record()
    at = 0
    while at < len(record):
        section, length = struct.unpack_from("<BI", record, at)
        body = record[at + 5 : at + 5 + length]
        at += 5 + length
        assert body[0] == 1, "version"
        if section == 1:
            parsed.reads = _reads(body)
        elif section == 2:
            parsed.rejects = _rejects(body)
        elif section == 3:
            parsed.ledger = list(struct.iter_unpack("<qI9Q", body[5:]))
    return parsed


def _reads(body: bytes) -> list[Row]:
    mask, count = struct.unpack_from("<HI", body, 1)
    channels = [(name, "I") for bit, name in enumerate(CHANNELS) if mask >> bit & 1]
    rows: list[Row] = [{} for _ in range(count)]
    at = 7
    for name, code in (*BEFORE, *channels, *BEHIND):
        column = f"<{count}{code}"
        for row, value in zip(rows, struct.unpack_from(column, body, at), strict=True):
            row[name] = value
        at += struct.calcsize(column)
    assert at == len(body)
    return rows


def _rejects(body: bytes) -> list[tuple[str, str, bytes]]:
    (count,) = struct.unpack_from("<I", body, 1)
    at, rejects = 5, []
    for _ in range(count):
        at += 24
        texts = []
        for _ in range(3):
            (length,) = struct.unpack_from("<H", body, at)
            texts.append(body[at + 2 : at + 2 + length].decode())
            at += 2 + length
        (length,) = struct.unpack_from("<I", body, at)
        rejects.append((texts[0], texts[1], body[at + 4 : at + 4 + length]))
        at += 4 + length
    return rejects
