"""Meter keys sealed with AES-256-GCM under a master key that is kept elsewhere.

Rule 1: a sealed text names the master key it was made with (an eight-digit id), so that a wrong
one is told apart from damage before anything is opened.
Rule 2: the serial is authenticated with the keys: sealed keys moved to another meter do not open.
Rule 3: no key is ever part of an error or a repr.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from meteringest.errors import ConfigError, RegistryError
from meteringest.model import Secret

SETTING = "registry.master_key"
KEY_BYTES = 32
NONCE_BYTES = 12
VERSION = "1"
TABLE = "m.meters"


def new_master_key() -> str:
    """A fresh master key as it stands in its file."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


class MasterKey:
    """Seals and opens; knows its own id."""

    def __init__(self, key: bytes) -> None:
        """`key` has 32 bytes."""
        self._cipher = AESGCM(key)
        self.id = hashlib.sha256(b"meteringest master key id\0" + key).hexdigest()[:8]
        self._prefix = f"{VERSION}:{self.id}:"

    @classmethod
    def of(cls, secret: Secret) -> "MasterKey":
        """From the settings: 32 bytes as base64 or as 64 hex digits."""
        text = secret.reveal().strip()
        try:
            key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text)
        except (ValueError, binascii.Error):
            key = b""
        if len(key) != KEY_BYTES:
            where = secret.reference or "the value"
            reason = f"{where} holds no master key; `meteringest keygen` makes one"
            raise ConfigError(SETTING, reason)
        return cls(key)

    def __repr__(self) -> str:
        """Only the id."""
        return f"MasterKey({self.id})"

    def seal(self, serial: str, column: str, key: bytes) -> str:
        """Text for `column` of the meter's row; empty for no key."""
        if not key:
            return ""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, key, _bound(serial, column))
        return f"{self._prefix}{base64.b64encode(nonce + sealed).decode()}"

    def open(self, serial: str, column: str, sealed: str) -> bytes:
        """The key that was sealed for `column` of meter `serial`."""
        if not sealed:
            return b""
        self.check((sealed,))
        try:
            blob = base64.b64decode(sealed[len(self._prefix) :], validate=True)
            return self._cipher.decrypt(
                blob[:NONCE_BYTES], blob[NONCE_BYTES:], _bound(serial, column)
            )
        except (InvalidTag, ValueError):
            problem = f"meter {serial}: its sealed {column} is damaged; import the meter again"
            raise RegistryError(TABLE, (problem,)) from None

    def check(self, sealed: Iterable[str]) -> None:
        """Raises when any of these was sealed with another master key."""
        for text in sealed:
            if text and not text.startswith(self._prefix):
                raise self._wrong(text)

    def _wrong(self, sealed: str) -> ConfigError:
        made_with = sealed.removeprefix(f"{VERSION}:").partition(":")[0]
        return ConfigError(
            SETTING,
            f"keys in the registry were sealed with master key {made_with}, this is {self.id}; "
            "give the one they were sealed with",
        )


def _bound(serial: str, column: str) -> bytes:
    """What a sealed key may not be separated from."""
    return f"meteringest meter key v{VERSION}\0{column}\0{serial}".encode()
