"""The door to the core: every name goes through it, and nothing in it can be changed."""

import ast
from pathlib import Path

import pytest
from tests.native.setting_up import decode, decoder

from meteringest import native

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
