"""Which concentrator a peer is, by certificate, address or setting.

Rule 1: the order is the URI urn:meteringest:dcu:<id>, then the common name; a name that nobody
knows is refused, never guessed.
Rule 2: this file knows no socket; a certificate comes as ssl's dictionary.
"""

from collections.abc import Iterable, Mapping

from meteringest.intake.ports import DcuDirectory
from meteringest.intake.settings import ListenerSettings

URI_PREFIX = "urn:meteringest:dcu:"
DCU_END = 1 << 32

Certificate = Mapping[str, object]


class PeerUnknown(Exception):  # noqa: N818 (a refusal of the peer, not a fault of ours)
    """The peer is nobody we serve."""

    def __init__(self, rule: str, detail: str) -> None:
        """`rule` is counted, `detail` is told."""
        super().__init__(rule, detail)
        self.rule = rule
        self.detail = detail

    def __str__(self) -> str:
        """One line for the log."""
        return f"{self.rule}: {self.detail}"


class Identities:
    """Names to numbers for one listener."""

    def __init__(self, settings: ListenerSettings, directory: DcuDirectory) -> None:
        """The listener's own names go before the registry's."""
        self._dcu = settings.dcu
        self._directory = directory
        self._by_certificate = settings.dcu.by == "certificate" or (
            settings.framing == "uplink"
            and settings.tls is not None
            and settings.tls.require_client_certificate
        )

    def of(self, certificate: Certificate | None, host: str) -> int:
        """The peer's concentrator, 0 where the listener does not ask; raises PeerUnknown."""
        if self._by_certificate:
            return self._certified(certificate or {})
        if self._dcu.by == "peer":
            return self._addressed(host)
        return self._dcu.fixed

    def number(self, dcu: int | str) -> int | None:
        """A number as it is, a name looked up; None when it is neither."""
        if isinstance(dcu, str):
            if dcu in self._dcu.names:
                return self._dcu.names[dcu]
            if not (dcu.isascii() and dcu.isdecimal() and len(dcu) <= len(str(DCU_END))):
                return self._directory.number(dcu)
            dcu = int(dcu)
        return dcu if 0 < dcu < DCU_END else None

    def _certified(self, certificate: Certificate) -> int:
        names = list(certificate_names(certificate))
        if not names:
            raise PeerUnknown("certificate_unnamed", f"no {URI_PREFIX}… URI and no common name")
        number = self.number(names[0])
        if number is None:
            raise PeerUnknown(
                "certificate_unknown", f"the certificate names {names[0]!r}: no such concentrator"
            )
        return number

    def _addressed(self, host: str) -> int:
        number = self._dcu.names.get(host)
        if number is None and self._dcu.refuse_unknown:
            raise PeerUnknown("peer_unknown", f"{host} is not in the listener's dcu.names")
        return number or 0


def certificate_names(certificate: Certificate) -> Iterable[str]:
    """The names a certificate gives its concentrator, the strongest first."""
    for kind, value in _pairs(certificate.get("subjectAltName")):
        if kind == "URI" and value.startswith(URI_PREFIX):
            yield value.removeprefix(URI_PREFIX)
    subject = certificate.get("subject")
    for group in subject if isinstance(subject, tuple) else ():
        yield from (value for kind, value in _pairs(group) if kind == "commonName")


def _pairs(group: object) -> Iterable[tuple[str, str]]:
    for pair in group if isinstance(group, tuple) else ():
        match pair:
            case (str(kind), str(value)):
                yield kind, value
            case _:
                continue
