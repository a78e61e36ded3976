"""Pushes that gurux-dlms encodes come out of the journal as the Native values that went in."""

from datetime import timedelta

import pytest
from tests.native.gurux_frames import COLUMNS, INTEGERS, Cell, Push
from tests.native.pushed import (
    decoded,
    earlier,
    inspected,
    largest,
    new_journal,
    push_of,
    stored,
    wanted,
)
from tests.native.setting_up import decode, decoder

from meteringest.native import Decoder, Journal


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    return new_journal(tmp_path_factory.mktemp("journal"))


@pytest.fixture(scope="module")
def made() -> Decoder:
    return decoder()


@pytest.mark.parametrize("count", [1, 48])
@pytest.mark.parametrize("phases", [1, 3])
@pytest.mark.parametrize("control", [0x00, 0x10, 0x20, 0x30])
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
def test_every_framing_protection_and_layout_comes_out_as_it_went_in(
    framing: str, control: int, phases: int, count: int, made: Decoder, journal: Journal
) -> None:
    def choose(name: str, at: int) -> Cell:
        kind = "long-unsigned" if name[:4] in ("volt", "curr") else "double-long-unsigned"
        return kind, 100 * COLUMNS[phases].index(name) + at

    push = push_of(control, phases, count, choose, framing=framing)
    batch = decoded(made, push)
    assert batch.counts["reads_accepted"] == count
    assert stored(journal, batch) == wanted(push)
    apdu = inspected(push)
    assert apdu["apdu"] == "data-notification"
    assert apdu["body"] == push.tree()


@pytest.mark.parametrize("phases", [1, 3])
@pytest.mark.parametrize("kind", INTEGERS)
def test_every_integer_type_is_taken_up_to_what_the_column_holds(
    kind: str, phases: int, made: Decoder, journal: Journal
) -> None:
    push = push_of(0x30, phases, 2, lambda name, at: (kind, at * largest(name, kind)))
    assert stored(journal, decoded(made, push)) == wanted(push)


@pytest.mark.parametrize("kind", ["double-long-unsigned", "long64", "long64-unsigned"])
def test_a_value_beyond_its_column_costs_its_row_alone(
    kind: str, made: Decoder, journal: Journal
) -> None:
    def choose(name: str, at: int) -> Cell:
        return kind, largest(name, kind) + (at == 1 and name == "volt")

    push = push_of(0x30, 1, 3, choose)
    batch = decoded(made, push)
    assert batch.counts["rejected"] == {"bad_value": 1}
    first, _, last = wanted(push)
    assert stored(journal, batch) == [first, last]


@pytest.mark.parametrize(("indian_sign", "policy"), [(True, "indian"), (False, "standard")])
def test_the_sign_of_the_deviation_is_the_policys(
    indian_sign: bool,  # noqa: FBT001 (a parameter of the test)
    policy: str,
    made: Decoder,
    journal: Journal,
) -> None:
    def sent(*, indian: bool) -> Push:
        push = push_of(0x30, 1, 2, lambda _, at: ("unsigned", at), indian_sign=indian)
        return earlier(push, timedelta(days=1))

    push, reversed_sign = sent(indian=indian_sign), sent(indian=not indian_sign)
    assert stored(journal, decoded(made, push, policy)) == wanted(push)
    rows = stored(journal, decoded(made, reversed_sign, policy))
    twice_s = 2 * 330 * 60
    assert rows == [
        each | {"interval_start": each["interval_start"] + twice_s, "offset_min": -330}
        for each in wanted(reversed_sign)
    ]


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("control", [0x00, 0x10, 0x20, 0x30])
def test_a_push_in_blocks_is_one_push(
    control: int, framing: str, made: Decoder, journal: Journal
) -> None:
    push = push_of(
        control, 3, 48, lambda _, at: ("unsigned", at), framing=framing, apdu_bytes_max=600
    )
    assert push.frames().count(b"\xe0\x01\x00\x01\x00\x00") == 1, "the first block"
    assert stored(journal, decoded(made, push)) == wanted(push)
    assert inspected(push)["body"] == push.tree()


def test_a_changed_byte_is_seen() -> None:
    push = push_of(0x30, 1, 1, lambda _, at: ("unsigned", at))
    frame = bytearray(push.frames())
    frame[-20] ^= 1
    batch = decode(decoder(push.meter), bytes(frame))
    assert batch.counts["rejected"] == {"bad_authentication": 1}
