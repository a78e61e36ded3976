"""The door to the core: every name goes through it, and nothing in it can be changed."""

import ast
from pathlib import Path

import pytest
from tests.native.setting_up import decode, decoder

from meteringest import native
from meteringest.errors import ConfigError, InvariantError

STUB = Path(native.__file__).with_name("_native.pyi")


def test_native_exports_exactly_what_the_stub_describes() -> None:
    tree = ast.parse(STUB.read_text())
    described = {
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    }
    assert set(native.__all__) == described


@pytest.mark.parametrize("name", ["rows", "record", "counts", "replies", "uplink", "more"])
def test_a_batch_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(decode(decoder()), name, 1)


WRAPPED = bytes.fromhex("00010001004000030f0102")


def test_every_framing_has_a_link_and_an_unknown_one_none() -> None:
    for framing in ("auto", "wrapper", "hdlc", "mbus", "uplink", "prime-dc"):
        assert native.Link(1, framing).waiting == 0
    with pytest.raises(ConfigError, match="prime-dc"):
        native.Link(1, "hdcl")


def test_a_datagram_leaves_nothing_to_wait_for() -> None:
    link = native.Link(1, "wrapper")
    assert link.feed_datagram(WRAPPED + WRAPPED[:5], 100) == len(WRAPPED) + 5
    assert link.feed_datagram(WRAPPED, 100) == 2 * len(WRAPPED) + 5
    assert link.feed_datagram(b"no frame", 100) == 2 * len(WRAPPED) + 13
    assert link.closed is None
    batch = decoder().decode([link], 1_795_000_000_000)
    assert batch.counts["frames"] == 4
    assert batch.counts["rejected"] == {"truncated": 3, "bad_value": 1}


def test_a_datagram_is_not_taken_beyond_what_a_link_may_hold() -> None:
    link = native.Link(1, "wrapper", pending_bytes_max=10)
    link.feed_datagram(WRAPPED, 100)
    with pytest.raises(InvariantError):
        link.feed_datagram(WRAPPED, 100)
