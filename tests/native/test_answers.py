"""Answers that others encode come out of the decoder as the reads that went in."""

import pytest
from tests.native.answered import (
    Answers,
    aare,
    aarq,
    body_of,
    denied,
    exception,
    in_blocks,
    normal,
    service,
)
from tests.native.frames import NOW_MS, Meter, ends
from tests.native.gurux_frames import BLOCK_TRANSFER, Push
from tests.native.pushed import NUMBERS, push_of
from tests.native.setting_up import decode, decoder, row

from meteringest.native import Batch, Decoder, Link

GLO_GET_RESPONSE = 0xCC
DED_GET_RESPONSE = 0xD4
DEDICATED_KEY = bytes(range(50, 66))


@pytest.fixture(scope="module")
def made() -> Decoder:
    return decoder()


def new_meter(made: Decoder, control: int = 0x30) -> Meter:
    meter = Meter(number=next(NUMBERS), control=control)
    made.upsert_meters([row(meter)])
    return meter


def value_of(meter: Meter) -> bytes:
    rows = [
        (end, dict.fromkeys(("volt", "imp_wh", "imp_vah", "exp_wh", "exp_vah", "curr"), at))
        for at, end in enumerate(ends(6))
    ]
    return body_of(meter.push(rows))


def taken(made: Decoder, link: Link, *frames: bytes) -> Batch:
    for frame in frames:
        link.feed(frame)
    return made.decode([link], NOW_MS)


@pytest.mark.parametrize("answers", [normal, in_blocks])
@pytest.mark.parametrize("control", [0x00, 0x10, 0x20, 0x30])
def test_an_answer_is_read_under_every_protection(
    control: int, answers: Answers, made: Decoder
) -> None:
    meter = new_meter(made, control)
    frames = [meter.seal(at, each) for at, each in enumerate(answers(value_of(meter)), 1)]
    batch = decode(made, *frames)
    assert batch.counts["reads_accepted"] == 6
    assert batch.counts["frames_accepted"] == len(frames)


@pytest.mark.parametrize("answers", [normal, in_blocks])
def test_services_are_opened_with_the_key_their_association_tells(
    answers: Answers, made: Decoder
) -> None:
    meter = new_meter(made)
    link = Link(next(NUMBERS), "wrapper", dcu=2, peer="192.0.2.7")
    asked = taken(made, link, aarq(meter, DEDICATED_KEY, 5), aare(meter.title))
    assert asked.counts["frames_accepted"] == 2
    assert not asked.counts["rejected"]
    parts = list(answers(value_of(meter)))
    for tag, key, first in (
        (GLO_GET_RESPONSE, meter.encryption_key, 1),
        (DED_GET_RESPONSE, DEDICATED_KEY, 1),
    ):
        frames = [service(tag, key, meter, first + at, part) for at, part in enumerate(parts)]
        batch = taken(made, link, *frames)
        wanted = "reads_accepted" if tag == GLO_GET_RESPONSE else "reads_duplicate"
        assert batch.counts[wanted] == 6, batch.counts
        assert not batch.counts["rejected"]
    replayed = taken(made, link, service(DED_GET_RESPONSE, DEDICATED_KEY, meter, 0, parts[0]))
    assert replayed.counts["rejected"] == {"replayed_counter": 1}


def test_refusals_of_a_meter_are_named(made: Decoder) -> None:
    meter = new_meter(made)
    batch = decode(made, meter.seal(1, denied()), meter.seal(2, exception()))
    assert batch.counts["rejected"] == {"said_deciphering_error": 1, "said_read_write_denied": 1}


def test_windows_that_gurux_sends_are_acknowledged_block_by_block(made: Decoder) -> None:
    def choose(_name: str, at: int) -> tuple[str, int]:
        return "double-long-unsigned", at

    push: Push = push_of(0x30, 1, 24, choose, apdu_bytes_max=200)
    made.upsert_meters([row(push.meter)])
    frames = push.frames()
    assert frames[8] == BLOCK_TRANSFER
    batch = decode(made, frames)
    assert batch.counts["reads_accepted"] == 24
    answers = [reply for _, reply in batch.replies if reply[8] == BLOCK_TRANSFER]
    acknowledged = [int.from_bytes(answer[12:14]) for answer in answers]
    assert acknowledged == list(range(1, len(acknowledged) + 1))
    assert len(acknowledged) == batch.counts["frames_accepted"]
