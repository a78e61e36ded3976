"""Kinds of arguments that several commands take; what cannot be one is said at once."""

import argparse

from meteringest.prepaid.ledger.forms import ACCOUNT_MAX


def account(text: str) -> int:
    """An account's number."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(ACCOUNT_MAX))):
        number = 0
    else:
        number = int(text)
    if not 1 <= number <= ACCOUNT_MAX:
        reason = f"{text!r} is no account; wanted a whole number from 1 to {ACCOUNT_MAX}"
        raise argparse.ArgumentTypeError(reason)
    return number


def word(text: str) -> str:
    """What can be printed: bytes that are no text, and control characters, are not taken."""
    if not text.strip() or not text.strip().isprintable():
        reason = f"{text!r}; wanted printable text"
        raise argparse.ArgumentTypeError(reason)
    return text.strip()
