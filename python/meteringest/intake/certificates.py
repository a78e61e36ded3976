"""A listener's certificates as its files say now: read at the start, on reload and every so often.

Rule 1: files that cannot be used leave what was read before in force, and that is said.
Rule 2: revocation is not only for the next handshake: a link knows whose certificate it stands on.
"""

import ssl
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509

from meteringest.errors import ConfigError
from meteringest.intake.settings import TlsSettings
from meteringest.intake.tls import context_of

Identity = tuple[bytes, int]
"""Issuer and serial number: what a revocation list names a certificate by."""

_PEM_END = b"-----END X509 CRL-----"


class Certificates:
    """The context for new handshakes, and the certificates that count no longer."""

    def __init__(self, settings: TlsSettings, path: str) -> None:
        """Reads; `path` is where in the settings it stands, for errors."""
        self._settings = settings
        self._path = path
        self.context, self._revoked = self._read()

    @property
    def reread_s(self) -> float:
        """How often to read again."""
        return self._settings.reread_s

    def read_again(self) -> None:
        """Blocks; raises ConfigError and keeps what was."""
        self.context, self._revoked = self._read()

    def are_revoked(self, identity: Identity | None) -> bool:
        """Whether the lists read last name this certificate; no certificate is never revoked."""
        return identity in self._revoked

    def _read(self) -> tuple[ssl.SSLContext, frozenset[Identity]]:
        context = context_of(self._settings, self._path)
        revoked = self._settings.revoked
        return context, frozenset(_listed(revoked, self._path)) if revoked else frozenset()


def identity_of(der: bytes | None) -> Identity | None:
    """Of a peer's certificate, if it showed one."""
    if der is None:
        return None
    certificate = x509.load_der_x509_certificate(der)
    return certificate.issuer.public_bytes(), certificate.serial_number


def _listed(file: Path, path: str) -> Iterable[Identity]:
    try:
        for pem in file.read_bytes().split(_PEM_END)[:-1]:
            revoked = x509.load_pem_x509_crl(pem + _PEM_END + b"\n")
            issuer = revoked.issuer.public_bytes()
            yield from ((issuer, entry.serial_number) for entry in revoked)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}.revoked", f"cannot use {file}: {error}") from error
