"""Generated data: `inspect` and both peers make the same trees of the same bytes.

Each tree's bytes come from the standard's tables (data_trees.py), so `inspect` is held to what was
meant, and each peer to what was meant but for its known quirks (peer_quirks.py).
METERINGEST_DIFFERENTIAL=5000 makes that many trees.
"""

import json
import os

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from tests.native.data_trees import SCALARS, SHARED, Node, Tree, trees
from tests.native.peer_quirks import ODDITIES, QUIRKS, Oddity, Quirk, Told, retold
from tests.native.peer_trees import dlms_cosem_tree, gurux_tree

from meteringest.native import inspect

EXAMPLES = int(os.environ.get("METERINGEST_DIFFERENTIAL", "300"))
PEERS = {"gurux": gurux_tree, "dlms-cosem": dlms_cosem_tree}


def inspected(octets: bytes) -> Told:
    line = {"hex": octets.hex(), "transport": "none", "kind": "data"}
    answer = json.loads(inspect(json.dumps(line).encode()))
    assert "quirks" not in answer
    if answer["outcome"] == "reject":
        return str(answer["reject"]["kind"])
    tree: Tree = answer["data"]
    return tree


def compare(node: Node) -> None:
    """All three read what was meant, or as the table says."""
    tree, octets = node
    assert inspected(octets) == tree
    for peer, parse in PEERS.items():
        reasons: set[str] = set()
        told, wanted = parse(octets), retold(peer, tree, reasons)
        if isinstance(wanted, str):
            assert told in wanted.split("|")
        else:
            assert told == wanted
        event(f"{peer} agrees" + (" but" if reasons else ""))
        for reason in reasons:
            event(f"{peer} {reason}")


@pytest.mark.timeout(120 + EXAMPLES // 5)
@given(trees(SHARED, compact=False))
@example(({"t": "array", "v": []}, b"\x01\x00"))
@settings(max_examples=EXAMPLES)
def test_types_that_both_peers_know_are_read_alike(node: Node) -> None:
    compare(node)


@pytest.mark.timeout(120 + EXAMPLES // 5)
@given(trees(SCALARS, compact=True))
@settings(max_examples=EXAMPLES)
def test_all_types_are_read_alike_or_as_listed(node: Node) -> None:
    compare(node)


@given(trees(SCALARS, compact=True), st.data())
def test_bytes_cut_short_or_followed_by_others_are_no_data(
    node: Node, choice: st.DataObject
) -> None:
    octets = node[1]
    cut = choice.draw(st.integers(0, len(octets) - 1))
    assert isinstance(inspected(octets[:cut]), str)
    assert inspected(octets + b"\x00") == "trailing_bytes"


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: f"{quirk.peer} {quirk.reason}")
def test_a_listed_quirk_is_still_there(quirk: Quirk) -> None:
    octets = bytes.fromhex(quirk.witness)
    tree = inspected(octets)
    assert isinstance(tree, dict)
    reasons: set[str] = set()
    wanted, told = retold(quirk.peer, tree, reasons), PEERS[quirk.peer](octets)
    assert quirk.reason in reasons
    assert told != tree
    assert told == wanted or told in str(wanted).split("|")


@pytest.mark.parametrize("odd", ODDITIES, ids=lambda odd: f"{odd.peer} {odd.reason}")
def test_a_listed_oddity_is_still_there(odd: Oddity) -> None:
    octets = bytes.fromhex(odd.witness)
    assert inspected(octets) == odd.ours
    assert PEERS[odd.peer](octets) == odd.told
