"""Ways to a server: the address, the certificate and the address one calls from.

Rule 1: every connection of the simulator is opened here.
Rule 2: what cannot be reached is a LinkError that names both ends.
"""

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from meteringest.errors import ConfigError, LinkError

SEND_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """What a concentrator shows and whom it trusts."""

    authority: Path
    certificates: Path | None = None
    """A folder with `dcu-<number>.pem` for each concentrator: certificate, then key."""

    def context(self, dcu: int) -> ssl.SSLContext:
        """As the concentrator `dcu` would connect."""
        with _blaming("--tls-ca", self.authority):
            context = ssl.create_default_context(cafile=self.authority)
        if self.certificates is not None:
            file = self.certificates / f"dcu-{dcu}.pem"
            with _blaming("--tls-certificates", file):
                context.load_cert_chain(file)
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """One port of one server, as one concentrator sees it."""

    host: str
    port: int
    dcu: int
    tls: ssl.SSLContext | None = None
    source_net: str | None = None
    """A network of this machine; concentrator n calls from its n-th address (127.1.0.0/16)."""

    def __str__(self) -> str:
        """For messages."""
        return f"dcu {self.dcu} to {self.host}:{self.port}"

    async def connect(self) -> trio.abc.Stream:
        """A stream that is ready to send."""
        try:
            stream: trio.abc.Stream = await self._tcp()
            if self.tls is not None:
                secured = trio.SSLStream(stream, self.tls, server_hostname=self.host)
                await secured.do_handshake()
                stream = secured
        except (OSError, trio.BrokenResourceError) as error:
            raise LinkError(str(self), _reason(error)) from None
        return stream

    async def _tcp(self) -> trio.SocketStream:
        source = None
        if self.source_net is not None:
            source = str(ipaddress.ip_network(self.source_net)[self.dcu])
        stream = await trio.open_tcp_stream(self.host, self.port, local_address=source)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        return stream


@contextmanager
def _blaming(option: str, file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{option}={file}", str(error)) from None


def _reason(error: BaseException) -> str:
    """The innermost words: trio wraps what each address of a name answered."""
    cause = error.__cause__
    if isinstance(cause, BaseExceptionGroup):
        return "; ".join(str(each) for each in cause.exceptions)
    return str(cause or error)
