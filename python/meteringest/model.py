"""The words every part shares: what a meter, a concentrator and a secret are.

Rule 1: a term that two parts must spell alike lives here.
Rule 2: this file knows no files, sockets, clock or database.
"""

import hmac
from enum import StrEnum


class SecurityPolicy(StrEnum):
    """What a meter's frames must carry at the least; decided here, never by the frame."""

    ENCRYPT_AUTHENTICATE = "encrypt+authenticate"
    AUTHENTICATE = "authenticate"
    ENCRYPT = "encrypt"
    NONE = "none"


class Secret:
    """A password, token or key out of the settings: shows where it stands, never what it is."""

    __slots__ = ("_text", "reference")

    def __init__(self, text: str, reference: str = "") -> None:
        """`reference` is the `file:` or `env:` it was read from, empty for a literal."""
        self._text = text
        self.reference = reference

    def reveal(self) -> str:
        """The secret itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        """Safe in logs, errors and tracebacks."""
        return f"Secret({self.reference or 'literal'})"

    def __eq__(self, other: object) -> bool:
        """Compares in constant time."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        """Of the reference only: a hash of the text would be a trace of it."""
        return hash(self.reference)
