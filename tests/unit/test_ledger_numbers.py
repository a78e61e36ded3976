"""Numbers rise whatever the clock does; what is refused is told, once each."""

import threading

from meteringest.app.happenings import OrderRefused
from meteringest.app.money import tell_refused
from meteringest.events import Event
from meteringest.prepaid.ledger.orders import ALREADY, REFUSED, TAKEN, Entered, TakePayment
from meteringest.prepaid.ledger.sequence import Sequence


def test_numbers_rise_when_the_clock_stands_still_or_goes_back() -> None:
    times = iter([5, 5, 4, 7])
    numbers = Sequence(lambda: next(times), lambda: 4_000)
    assert [numbers.draw() for _ in range(4)] == [5_000, 5_001, 5_002, 7_000]


def test_the_first_number_is_above_what_the_store_has() -> None:
    asked = []

    def newest() -> int:
        asked.append(1)
        return 9_000_000

    numbers = Sequence(lambda: 5, newest)
    assert not asked
    assert [numbers.draw(), numbers.draw()] == [9_000_001, 9_000_002]
    assert len(asked) == 1


def test_nobody_draws_while_another_is_alone() -> None:
    numbers = Sequence(lambda: 1, lambda: 0)
    seen: list[str] = []

    def other() -> None:
        with numbers.alone():
            seen.append("other")

    with numbers.alone():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.05)
        seen.append("first")
    thread.join()
    assert seen == ["first", "other"]


class Recorder:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


def test_each_refused_order_is_an_event() -> None:
    orders = [
        TakePayment(account=number, amount="1", origin="upi", reference=f"r{number}")
        for number in range(3)
    ]
    done = [
        Entered(account=0, outcome=TAKEN),
        Entered(account=1, outcome=REFUSED, problem="negative"),
        Entered(account=2, outcome=ALREADY),
    ]
    recorder = Recorder()
    tell_refused(recorder, orders, done)
    assert recorder.events == [
        OrderRefused(account=1, origin="upi", reference="r1", problem="negative")
    ]
