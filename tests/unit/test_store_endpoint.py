"""The endpoint's pure parts: bodies, users, questions, bounds."""

import base64
import gzip
import zlib

import lz4.frame  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from meteringest.http.request import Request
from meteringest.model import Secret
from meteringest.store.face.auth import user_of
from meteringest.store.face.compression import ENCODINGS, chosen, packer, unpack
from meteringest.store.face.policy import ReadOnly
from meteringest.store.face.question import question_of
from meteringest.store.face.refusal import EngineRefusal, Refusal, from_engine
from meteringest.store.face.settings import EndpointSettings

PACK = {
    "lz4": lz4.frame.compress,
    "zstd": zstandard.compress,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "": bytes,
}
UNPACK = {
    "lz4": lz4.frame.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "": bytes,
}
USERS = {"ro": Secret("s:ecret")}


@given(st.binary(max_size=2_000), st.sampled_from(sorted(PACK)))
def test_a_body_comes_out_as_it_went_in(plain: bytes, encoding: str) -> None:
    assert unpack(PACK[encoding](plain), encoding, 2_000) == plain


@given(st.lists(st.binary(max_size=500), max_size=5), st.sampled_from(["", *ENCODINGS]))
def test_an_answer_in_pieces_is_one_frame(pieces: list[bytes], encoding: str) -> None:
    pack = packer(encoding)
    wire = b"".join(pack.pack(piece) for piece in pieces) + pack.finish()
    assert UNPACK[encoding](wire) == b"".join(pieces)


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_a_bomb_is_stopped_while_it_grows(encoding: str) -> None:
    with pytest.raises(Refusal) as refused:
        unpack(PACK[encoding](bytes(50_000_000)), encoding, 1_000)
    assert refused.value.status == 413


@given(st.binary(max_size=200), st.sampled_from([*ENCODINGS, "br", "nonsense"]))
def test_any_bytes_are_unpacked_or_refused(body: bytes, encoding: str) -> None:
    try:
        assert len(unpack(body, encoding, 100)) <= 100
    except Refusal as refusal:
        assert refusal.status >= 400  # noqa: PT017


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("lz4,zstd", "lz4"), ("gzip;q=1, zstd", "zstd"), ("br", ""), ("", ""), ("*", "")],
)
def test_the_encoding_is_one_the_peer_names(accepted: str, encoding: str) -> None:
    assert chosen(accepted) == encoding


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        (basic("ro:s:ecret"), {}),
        ({"x-clickhouse-user": "ro", "x-clickhouse-key": "s:ecret"}, {}),
        ({}, {"user": "ro", "password": "s:ecret"}),
    ],
)
def test_a_user_is_known_by_either_way(headers: dict[str, str], fields: dict[str, str]) -> None:
    assert user_of(headers, fields, USERS) == "ro"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("ro:"),
        basic("ro:secret"),
        basic("RO:s:ecret"),
        basic(":"),
        {"authorization": "Basic !!!"},
        {"authorization": "Basic ü"},
        {"authorization": "Basic gICA"},
        {"authorization": "Bearer x"},
        {"x-clickhouse-user": "ro"},
    ],
)
def test_anybody_else_is_refused_in_the_same_words(headers: dict[str, str]) -> None:
    with pytest.raises(Refusal, match="password is incorrect, or there is no user") as refused:
        user_of(headers, {}, USERS)
    assert (refused.value.code, refused.value.status) == (516, 403)


def test_without_users_the_setting_is_named() -> None:
    with pytest.raises(Refusal, match=r"endpoint\.users"):
        user_of({}, {"user": "ro"}, {})


def asked(target: str, body: bytes = b"", **headers: str) -> Request:
    return Request("POST", target, headers, body)


def test_what_a_request_carries_is_told_apart() -> None:
    request = asked("/?query=SELECT&database=m&param_x=1&max_threads=1&session_id=s&query_id=q")
    question = question_of(request, b"2")
    assert question.sql == b"SELECT\n2"
    assert (question.database, question.query_id) == ("m", "q")
    assert question.parameters == {"x": "1"}
    assert question.settings == {"max_threads": "1"}


@given(st.binary(max_size=300))
def test_any_form_is_read_or_refused(body: bytes) -> None:
    kind = {"content-type": "multipart/form-data; boundary=b"}
    for wire in (body, b"--b\r\n" + body + b"\r\n--b--\r\n"):
        try:
            question_of(Request("POST", "/", kind, wire), wire)
        except Refusal as refusal:
            assert refusal.status >= 400  # noqa: PT017


def prepared(target: str) -> str:
    limits = EndpointSettings(execution_max_s=10, threads_max=2, result_bytes_max=5)
    task = ReadOnly(limits).allow(question_of(asked(target), b"SELECT 1"))
    assert task.prepare[-1] == "SET readonly = 1"
    return " ".join(task.prepare)


@pytest.mark.parametrize("value", ["0", "-1", "11", "1e9", "999999999999"])
def test_a_bound_is_not_lifted(value: str) -> None:
    assert "max_execution_time = '10'" in prepared(f"/?max_execution_time={value}")


def test_a_bound_may_be_lowered() -> None:
    assert "max_execution_time = '3'" in prepared("/?max_execution_time=3")
    assert "USE `m`" in prepared("/")
    assert "max_result_bytes = '5'" in prepared("/?wait_end_of_query=1")
    assert "max_result_bytes" not in prepared("/")


@pytest.mark.parametrize(
    "target",
    [
        *("/?readonly=0", "/?max_execution_time=soon", "/?output_format_schema=x", "/?x'=1"),
        *("/?database=`m", "/?default_format=a%20b", "/?dialect=kusto", "/?max_parser_depth=9"),
    ],
)
def test_what_would_lift_limits_is_refused(target: str) -> None:
    with pytest.raises(Refusal):
        prepared(target)


def test_the_engines_words_keep_their_code() -> None:
    refusal = from_engine("boom Code: 241. DB::Exception: no memory. (MEMORY_LIMIT_EXCEEDED)")
    assert isinstance(refusal, EngineRefusal)
    assert (refusal.code, refusal.name) == (241, "MEMORY_LIMIT_EXCEEDED")
    assert str(refusal).startswith("Code: 241.")
    assert from_engine("").code == 1_002
