"""Whether there is such an account: one answer for every command that is given a number."""

from meteringest.prepaid.ledger.entries import Balance
from meteringest.prepaid.ledger.ledger import Ledger
from meteringest.prepaid.ledger.terms import load_links, load_terms
from meteringest.prepaid.worker.ports import Engine


def is_known(engine: Engine, ledger: Ledger, account: int) -> bool:
    """It has terms, a meter or money; most have terms, so the rest is seldom asked."""
    return bool(
        load_terms(engine, [account]).of(account)
        or load_links(engine, [account]).get(account)
        or ledger.balance(account) != Balance()
    )
