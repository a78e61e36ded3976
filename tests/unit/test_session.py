"""A link's debts and patience: plain calls, no loop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meteringest.errors import InvariantError
from meteringest.intake.session import Session, Verdict
from meteringest.intake.uplink import Ack, packed


def session(*, acked: int = 0) -> Session:
    return Session(
        1, 0.0, idle_timeout_s=900.0, waiting_bytes_max=100, unsent_bytes_max=50, acked=acked
    )


def test_nothing_is_due_before_it_is_durable() -> None:
    link = session()
    link.appended(5, b"five")
    link.appended(9, b"nine")
    assert link.durable(4).bytes == b""
    assert link.durable(8).bytes == b"five"
    assert link.durable(8).bytes == b""
    assert link.durable(9).bytes == b"nine"


def test_uplink_is_acknowledged_cumulatively() -> None:
    link = session(acked=41)
    link.appended(5, sequence=43)
    link.appended(9, sequence=60)
    link.appended(12, sequence=61)
    due = link.durable(11)
    assert due.acked == 60
    assert due.bytes == packed(Ack(60))


def test_a_repeat_of_what_was_acked_is_acknowledged_without_going_back() -> None:
    link = session(acked=41)
    link.appended(5, sequence=12)
    assert link.durable(5) == (packed(Ack(41)), 41)


def test_positions_never_go_back() -> None:
    link = session()
    link.appended(5, b"five")
    with pytest.raises(InvariantError, match="I5"):
        link.appended(4, b"four")


def test_silence_ends_patience() -> None:
    link = session()
    assert link.verdict(899.9, line_full=False) is Verdict.READ
    assert link.verdict(900.0, line_full=False) is Verdict.CLOSE


def test_only_a_whole_frame_earns_patience() -> None:
    link = session()
    link.received(0, 800.0)
    assert link.idle_until() == 900.0
    link.received(20, 800.0)
    assert link.idle_until() == 1_700.0


def test_a_full_line_holds_back_even_an_idle_link() -> None:
    # Nothing is read from it, so its silence says nothing about the peer.
    assert session().verdict(1_000.0, line_full=True) is Verdict.WAIT


def test_a_link_is_held_back_while_its_own_frames_are_pending() -> None:
    link = session()
    link.received(100, 1.0)
    assert link.verdict(1.0, line_full=False) is Verdict.WAIT
    assert link.taken() == 100
    assert link.verdict(1.0, line_full=False) is Verdict.WAIT
    link.decoded(waiting=99)
    assert link.verdict(1.0, line_full=False) is Verdict.READ


def test_a_link_that_does_not_take_its_answers_is_held_back() -> None:
    link = session()
    link.appended(1, b"x" * 50)
    link.durable(1)
    assert link.verdict(1.0, line_full=False) is Verdict.WAIT
    link.sent(1)
    assert link.verdict(1.0, line_full=False) is Verdict.READ


def test_over_means_close_whatever_else() -> None:
    link = session()
    link.over = True
    assert link.verdict(0.0, line_full=True) is Verdict.CLOSE


def test_settled_is_stored_and_said() -> None:
    link = session()
    link.received(10, 1.0)
    assert not link.stored()
    link.taken()
    assert not link.stored()
    link.decoded(0)
    link.appended(3, b"ok")
    assert not link.stored()
    link.durable(3)
    assert link.stored()
    assert not link.settled()
    link.sent(2)
    assert link.settled()


@given(steps=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.booleans()), max_size=40))
def test_acked_implies_durable_whatever_the_order(steps: list[tuple[int, int, bool]]) -> None:
    link = session()
    position = durable = sequence = 0
    ends: dict[int, int] = {}
    for rows, envelopes, sync in steps:
        position += rows
        if envelopes:
            sequence += envelopes
            ends[sequence] = position
            link.appended(position, sequence=sequence)
        if sync:
            durable = position
        acked = link.durable(durable).acked
        if acked is not None:
            assert ends[acked] <= durable
            assert all(end > durable for number, end in ends.items() if number > acked)
