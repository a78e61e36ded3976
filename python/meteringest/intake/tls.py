"""TLS contexts from settings, with errors that name the file that is wrong."""

import ssl
from pathlib import Path

import trio

from meteringest.errors import ConfigError
from meteringest.intake.settings import ListenerSettings, TlsSettings


def context_of(settings: TlsSettings, path: str) -> ssl.SSLContext:
    """A server context; `path` is where in the settings it stands, for errors."""
    _check(settings, path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.certificate, settings.key)
    except (ssl.SSLError, OSError) as error:
        where = f"{settings.certificate} with {settings.key}"
        raise ConfigError(f"{path}.certificate", f"cannot use {where}: {error}") from error
    if settings.client_ca is not None:
        _trust(context, settings.client_ca, f"{path}.client_ca")
        required = settings.require_client_certificate
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    if settings.revoked is not None:
        _trust(context, settings.revoked, f"{path}.revoked")
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    return context


def check_transport(settings: ListenerSettings, path: str) -> None:
    """Datagrams come in the clear, from no one connection that an uplink could resume."""
    if settings.transport == "tcp":
        return
    if settings.tls is not None:
        raise ConfigError(f"{path}.tls", "is for TCP; a UDP listener has none")
    if settings.framing in {"uplink", "prime-dc"}:
        raise ConfigError(f"{path}.framing", f'"{settings.framing}" needs transport = "tcp"')


def check_identity(settings: ListenerSettings, path: str) -> None:
    """A listener that names concentrators by certificate must ask for one."""
    tls = settings.tls
    if settings.dcu.by == "certificate" and not (tls and tls.require_client_certificate):
        raise ConfigError(
            f"{path}.dcu.by", '"certificate" needs tls.require_client_certificate = true'
        )


def _check(settings: TlsSettings, path: str) -> None:
    if settings.require_client_certificate and settings.client_ca is None:
        raise ConfigError(f"{path}.require_client_certificate", "needs client_ca, the signers")
    if settings.revoked is not None and settings.client_ca is None:
        raise ConfigError(f"{path}.revoked", "needs client_ca, whose certificates it revokes")


def _trust(context: ssl.SSLContext, file: Path, path: str) -> None:
    try:
        context.load_verify_locations(file)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(path, f"cannot use {file}: {error}") from error


def wrapped(stream: trio.abc.Stream, context: ssl.SSLContext) -> "trio.SSLStream[trio.abc.Stream]":
    """`stream` under TLS, its handshake still to be done.

    Frames say their own length, so a peer that leaves without closing TLS cannot cut one unseen.
    """
    return trio.SSLStream(stream, context, server_side=True, https_compatible=True)
