"""`meteringest decode`: lines in, lines out, in order, whatever is in them; trees for people."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meteringest import inspect
from meteringest.errors import ConfigError

VECTORS = Path(__file__).parents[1] / "vectors" / "dlms.jsonl"
PUSH = "00010001004000140f0063d76a0c07e7011f021222170000000003ff"


def decoded(lines: list[bytes]) -> list[dict[str, Any]]:
    sink = io.BytesIO()
    assert inspect.run_lines(io.BytesIO(b"\n".join(lines)), sink) == 0
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def printed(text: str, **keys: str) -> tuple[int, str]:
    names = ("encryption_key", "authentication_key", "system_title")
    sink = io.StringIO()
    given_keys = dict.fromkeys(names) | keys
    status = inspect.run_hex(text, sink=sink, **given_keys)
    return status, sink.getvalue()


def test_every_vector_is_answered_in_order() -> None:
    lines = VECTORS.read_bytes().splitlines()
    answers = decoded(lines)
    assert [answer["id"] for answer in answers] == [json.loads(line)["id"] for line in lines]
    accepted = sum(answer["outcome"] == "accept" for answer in answers)
    assert accepted == sum(json.loads(line)["outcome"] in ("accept", "quirk") for line in lines)


def test_a_line_that_is_no_json_is_an_answer_and_the_next_one_is_read() -> None:
    lines = [b"{", b"[]", b'{"id":7,"hex":"0g"}', b"", json.dumps({"id": 8, "hex": PUSH}).encode()]
    answers = decoded(lines)
    assert [answer["outcome"] for answer in answers] == ["reject", "reject", "reject", "accept"]
    assert answers[2]["reject"] == {"layer": "link", "offset": 1, "kind": "bad_value"}
    assert [answer["id"] for answer in answers] == [None, None, 7, 8]


def test_a_line_too_long_to_hold_is_refused_and_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "LINE_BYTES_MAX", 100)
    answers = decoded([b"x" * 950, json.dumps({"id": 1, "hex": PUSH}).encode()])
    assert [answer["outcome"] for answer in answers] == ["reject", "accept"]
    assert answers[0]["reject"]["kind"] == "too_long"


def test_answers_leave_before_the_next_line_is_there() -> None:
    class Terminal(io.BytesIO):
        def readline(self, _size: int | None = -1, /) -> bytes:
            assert sink.getvalue().count(b"\n") == self.asked
            self.asked += 1
            return b'{"hex":""}\n' if self.asked <= 3 else b""

        asked = 0

    sink = io.BytesIO()
    inspect.run_lines(Terminal(), sink)
    assert sink.getvalue().count(b"\n") == 3


@given(st.binary(max_size=300), st.sampled_from(["none", "wrapper", "hdlc", "mbus", "uplink", ""]))
def test_any_bytes_get_an_answer(octets: bytes, transport: str) -> None:
    line = json.dumps({"id": 1, "hex": octets.hex(), "transport": transport}).encode()
    (answer,) = decoded([line])
    assert answer["outcome"] in ("accept", "reject", "incomplete")


@given(st.binary(max_size=200).filter(lambda line: b"\n" not in line and line.strip()))
def test_any_line_gets_one_answer(line: bytes) -> None:
    assert len(decoded([line])) == 1


def test_a_frame_is_printed_as_a_tree() -> None:
    status, text = printed(PUSH)
    assert status == 0
    assert text.splitlines() == [
        "accept",
        "  data-notification",
        "    long_invoke_id: 6543210",
        "    invoke_flags: 0",
        "    date_time: 2023-01-31T18:34:23  deviation 0 min  status 0",
        "    body: boolean yes",
        "    framing: wrapper",
        "    source: 1",
        "    destination: 64",
    ]


def test_hex_may_have_spaces_and_a_prefix() -> None:
    assert printed("0x" + " ".join(PUSH[at : at + 8] for at in range(0, len(PUSH), 8))) == printed(
        PUSH
    )


def test_octets_are_shown_with_what_they_look_like() -> None:
    _, text = printed("0f0000000100020309060100010800ff0903414243090c07e70406040d3132ff800000")
    assert "octet-string 0100010800ff  1.0.1.8.0.255" in text
    assert 'octet-string 414243  "ABC"' in text
    assert "  2023-04-06 13:49:50" in text


GREEN_BOOK = "c81e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b"
KEYS = {
    "encryption_key": "000102030405060708090A0B0C0D0E0F",
    "authentication_key": "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
    "system_title": "4d4d4d0000bc614e",
}


def test_keys_open_a_ciphered_frame_and_a_wrong_one_is_named() -> None:
    status, text = printed(GREEN_BOOK, **KEYS)
    assert status == 0
    assert "get-request-normal" in text
    assert "verified: yes" in text
    status, text = printed(GREEN_BOOK, **KEYS | {"encryption_key": "00" * 16})
    assert status == 1
    assert "reject: bad_authentication at offset 0 of the ciphering layer" in text


def test_without_keys_the_header_is_shown() -> None:
    status, text = printed(GREEN_BOOK)
    assert status == 0
    assert "invocation_counter: 19088743" in text
    assert "get-request" not in text.replace("glo-get-request", "")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"encryption_key": "zz"}, "--key: not hexadecimal; give 32 or 64 digits"),
        ({"authentication_key": "00"}, "--auth-key: 2 hex digits; give 32 or 64"),
        ({"system_title": "00" * 9}, "--title: 18 hex digits; give 16"),
    ],
)
def test_a_bad_key_is_an_error_that_says_what_to_give(keys: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        printed(PUSH, **keys)
    assert str(error.value) == message


def test_a_refused_frame_says_where_and_why() -> None:
    status, text = printed("0f0063d76a0003")
    assert status == 1
    assert text.splitlines()[1:] == [
        "  reject: truncated at offset 1 of the data layer, byte 7 of what was given",
        "    03 >> end",
    ]


def test_names_and_units_stand_beside_what_they_are_of() -> None:
    body = "0203" + "09060100011d00ff" + "02020f01161e" + "06000004d2"
    status, text = printed("0f00000001" + "00" + body)
    assert status == 0
    assert "octet-string 0100011d00ff  1.0.1.29.0.255  active import, in the interval" in text
    assert "structure (2)  x 10^1 Wh" in text


def test_a_refusal_shows_the_bytes_around_it_and_where_they_are() -> None:
    frame = "000100010040000c" + "0f0000000100" + "0202" + "1105" + "ee00"
    status, text = printed(frame)
    assert status == 1
    assert "bad_tag at offset 4 of the data layer, byte 18 of what was given" in text
    assert "02021105 >> ee00" in text
    assert "02 >> 02" in printed("0f00000001000202")[1]
