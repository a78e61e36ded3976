"""Generated pushes: what gurux-dlms encodes, the decoder and both peers read alike.

What a peer cannot do is listed: faults of its frames in gurux_frames.py, what it cannot open here.

METERINGEST_DIFFERENTIAL=5000 makes that many of them; `pytest --hypothesis-show-statistics` says
what came of each kind.
"""

import os

import numpy as np
import pytest
from dlms_cosem.exceptions import DecryptionError
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.native.frames import INTERVAL
from tests.native.gurux_frames import BLOCK_TRANSFER, COLUMNS, INTEGERS, Cell, Push
from tests.native.peer_rows import dlms_cosem_rows, gurux_rows, wall_time
from tests.native.pushed import (
    U32_MAX,
    decoded,
    earlier,
    inspected,
    largest,
    new_journal,
    push_of,
    stored,
    wanted,
)
from tests.native.setting_up import decoder

from meteringest.native import Decoder, Journal

EXAMPLES = int(os.environ.get("METERINGEST_DIFFERENTIAL", "300"))
KINDS = tuple(INTEGERS)
REFUSED_BY_DLMS_COSEM = {
    0x10: "takes an authenticated text for an encrypted one",
    0x20: "takes the last twelve bytes of an encrypted text for a tag",
}
"""Security controls whose frames dlms-cosem cannot open, and why."""


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    return new_journal(tmp_path_factory.mktemp("journal"))


@pytest.fixture(scope="module")
def made() -> Decoder:
    return decoder()


@st.composite
def pushes(draw: st.DrawFn) -> Push:
    """Any push of the two layouts; its values come from a seed, as there are hundreds of them."""
    phases = draw(st.sampled_from((1, 3)))
    count = draw(st.sampled_from((1, 1, 2, 3, 7, 48)))
    seed = np.random.default_rng(draw(st.integers(0, 2**32)))
    mixed = draw(st.booleans())
    typed = [
        {name: KINDS[seed.integers(len(KINDS))] for name in COLUMNS[phases]} for _ in range(count)
    ]

    def choose(name: str, at: int) -> Cell:
        kind = typed[at if mixed else 0][name]
        limit = largest(name, kind)
        chosen = (0, 1, limit, seed.integers(0, limit, endpoint=True))[seed.integers(4)]
        return kind, int(chosen)

    push = push_of(
        draw(st.sampled_from((0x00, 0x10, 0x20, 0x30))),
        phases,
        count,
        choose,
        counter=draw(st.integers(1, U32_MAX)),
        framing=draw(st.sampled_from(("wrapper", "wrapper", "hdlc"))),
        indian_sign=draw(st.booleans()),
        tagged_clocks=draw(st.booleans()),
        told_time=draw(st.booleans()),
        info_bytes_max=draw(st.sampled_from((64, 128, 1_000, 2_030))),
        apdu_bytes_max=draw(st.sampled_from((0xFFFF, 0xFFFF, 300, 1_000))),
    )
    return earlier(push, INTERVAL * draw(st.integers(0, 80 * 48)))


@pytest.mark.timeout(120 + EXAMPLES // 5)
@given(push=pushes(), ist=st.booleans())
@settings(max_examples=EXAMPLES)
def test_any_push_is_read_as_encoded_and_as_the_peers_read_it(
    push: Push,
    ist: bool,  # noqa: FBT001 (a parameter of the test)
    made: Decoder,
    journal: Journal,
) -> None:
    if fault := push.fault():
        assert decoded(decoder(), push).counts["reads"] == 0
        event(fault)
        return
    policy = "ist" if ist else "indian" if push.indian_sign else "standard"
    batch = decoded(made, push, policy)
    assert stored(journal, batch) == wanted(push)
    apdu = inspected(push)
    assert apdu["body"] == push.tree()
    assert (apdu["date_time"] is not None) == push.told_time
    compare_with_peers(push)


def compare_with_peers(push: Push) -> None:
    """Both peers read the frame as it was encoded, or as the table of refusals says."""
    kind = f"{push.framing}, {push.meter.control:#04x}"
    frame = push.frames()
    if push.framing != "wrapper" or frame[8] == BLOCK_TRANSFER:
        event(f"encoded as read: {kind}{'' if frame[8] != BLOCK_TRANSFER else ' in blocks'}")
        return
    said = [[value for _, value in cells.values()] for _, cells in push.rows]
    assert [[int(value) for value in entry[1:]] for entry in gurux_rows(push, frame)] == said
    if push.meter.control in REFUSED_BY_DLMS_COSEM:
        with pytest.raises(DecryptionError):
            dlms_cosem_rows(push, frame)
        event(f"gurux agrees, dlms-cosem {REFUSED_BY_DLMS_COSEM[push.meter.control]}: {kind}")
        return
    rows = dlms_cosem_rows(push, frame)
    assert [entry[1:] for entry in rows] == said
    assert [wall_time(entry[0]) for entry in rows] == [
        end.replace(tzinfo=None) for end, _ in push.rows
    ]
    event(f"both agree: {kind}")
