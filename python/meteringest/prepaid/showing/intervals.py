"""A day of an account charged again before one's eyes: every interval, and whether it still agrees.

Rule 1: nothing is stored here; what was posted counts, also where it does not agree.
"""

from datetime import date

from meteringest.prepaid.charges import charge_day
from meteringest.prepaid.ledger.history import charged_on
from meteringest.prepaid.ledger.rules import Rules
from meteringest.prepaid.lines import by_component, total
from meteringest.prepaid.showing.inputs import Account, charged_day
from meteringest.prepaid.showing.pages import DayAgain, IntervalLine
from meteringest.prepaid.worker.ports import Engine


def day_again(engine: Engine, rules: Rules, account: Account, day: date) -> DayAgain:
    """Charges the day from the stored reads, registers and terms of this moment."""
    posted = charged_on(engine, account.number, day)
    over = posted.over if posted is not None else False
    asked, opening = charged_day(engine, rules, account, day, over=over)
    done = charge_day(asked, opening)
    computed = {name: amount for name, amount in by_component(done.lines).items() if amount}
    stands = posted.components if posted is not None else {}
    names = sorted({*computed, *stands})
    return DayAgain(
        day=day,
        lines=tuple(
            IntervalLine(
                kind=line.kind,
                start_s=line.start_s,
                component=line.component,
                amount=line.amount,
                energy_uwh=line.energy_uwh,
                estimated=line.estimated,
            )
            for line in done.lines
        ),
        computed=total(done.lines),
        posted=sum(stands.values()) if posted is not None else None,
        differs=tuple(name for name in names if computed.get(name, 0) != stands.get(name, 0)),
    )
