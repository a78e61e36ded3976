"""What is said of an order besides accounts and amounts: by whom, under which number, why.

Rule 1: an order that nobody could find again, or that nobody answers for, is not entered.
"""

import msgspec

from meteringest.prepaid.ledger.orders import Order

WORD_BYTES_MAX = 100
REASON_BYTES_MAX = 1_000
_NAMES = ("origin", "reference", "author", "reason")


def stripped(order: Order) -> Order:
    """Without blanks around the words: they are the terminal's or the file's."""
    said = {name: text.strip() for name, text in _words(order).items()}
    return msgspec.structs.replace(order, **said)


def unnamed(order: Order) -> str:
    """What is missing or cannot be printed; empty when nothing is."""
    for name, text in _words(order).items():
        most = REASON_BYTES_MAX if name == "reason" else WORD_BYTES_MAX
        if not (text.isprintable() and 0 < len(text.encode()) <= most):
            return f"the {name}; wanted 1 to {most} printable bytes"
    return ""


def _words(order: Order) -> dict[str, str]:
    return {name: getattr(order, name) for name in _NAMES if hasattr(order, name)}
