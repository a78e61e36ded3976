"""TLS and mutual TLS with real certificates on real sockets: who is let in, and as whom."""

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from tests.wire.line import Bench, FakeLink, OneDcu, frame, reply
from tests.wire.sockets import Serving, ends, one, received, serving

from meteringest.errors import ConfigError
from meteringest.intake.happenings import CertificatesKept, LinkLost, LinkOpened, LinkRefused
from meteringest.intake.server import IntakeServer


class Authority:
    """A signer of servers and concentrators, with its files."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.folder = folder
        folder.mkdir()
        self.ca.cert_pem.write_to_path(folder / "ca.pem")
        server = self.ca.issue_cert("127.0.0.1")
        server.private_key_pem.write_to_path(folder / "key.pem")
        for index, part in enumerate(server.cert_chain_pems):
            part.write_to_path(folder / "server.pem", append=index > 0)

    def tls(self, **more: object) -> dict[str, object]:
        return {
            "certificate": self.folder / "server.pem",
            "key": self.folder / "key.pem",
            **more,
        }

    def mutual(self, **more: object) -> dict[str, object]:
        ca = self.folder / "ca.pem"
        return self.tls(client_ca=ca, require_client_certificate=True, **more)

    def client(self, certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ca.configure_trust(context)
        if certificate is not None:
            certificate.configure_cert(context)
        return context

    def revocations(self, *revoked: trustme.LeafCert) -> Path:
        """A revocation list of this authority, in its folder."""
        signer = x509.load_pem_x509_certificate(self.ca.cert_pem.bytes())
        now = datetime.now(UTC)  # noqa: TID251 (a certificate's validity is the wall's)
        crl = x509.CertificateRevocationListBuilder(
            issuer_name=signer.subject, last_update=now, next_update=now + timedelta(days=1)
        )
        for leaf in revoked:
            serial = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).serial_number
            entry = x509.RevokedCertificateBuilder(serial, now)
            crl = crl.add_revoked_certificate(entry.build())
        key = serialization.load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        path = self.folder / "revoked.pem"
        path.write_bytes(
            crl.sign(key, hashes.SHA256()).public_bytes(  # type: ignore[arg-type]
                serialization.Encoding.PEM
            )
        )
        return path


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ours")


@pytest.fixture
def strangers(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "strangers")


async def connect(it: Serving, context: ssl.SSLContext) -> trio.SSLStream[trio.SocketStream]:
    return trio.SSLStream(
        await it.connect(), context, server_hostname="127.0.0.1", https_compatible=True
    )


async def is_refused(stream: trio.SSLStream[trio.SocketStream]) -> bool:
    # In TLS 1.3 the client learns of its refusal only when it reads.
    try:
        await stream.send_all(frame(b"?let me in"))
        return await stream.receive_some() == b""
    except trio.BrokenResourceError:
        return True


async def test_frames_come_in_under_tls(ours: Authority) -> None:
    async with serving(one(tls=ours.tls())) as it:
        peer = await connect(it, ours.client())
        await peer.send_all(frame(b"?secret"))
        assert await received(peer, 7) == reply(b"secret")


@pytest.mark.parametrize(
    ("names", "common_name", "dcu"),
    [
        (["urn:meteringest:dcu:7"], "8", 7),
        (["urn:meteringest:dcu:north"], None, 11),
        (["urn:other:9"], "9", 9),
        ([], "east", 12),
    ],
)
async def test_the_certificate_says_which_concentrator(
    ours: Authority, names: list[str], common_name: str | None, dcu: int
) -> None:
    by_certificate = {"by": "certificate", "names": {"east": 12}}
    leaf = ours.ca.issue_cert("dcu.example", common_name=common_name)
    if names:
        leaf = uri_certificate(ours, names, common_name)
    async with serving(one(tls=ours.mutual(), dcu=by_certificate)) as it:
        peer = await connect(it, ours.client(leaf))
        await peer.send_all(frame(b"?who"))
        assert await received(peer, 4) == reply(b"who")
        assert it.bench.observer.of(LinkOpened)[0].dcu == dcu


async def test_a_certificate_of_nobody_is_refused(ours: Authority) -> None:
    leaf = ours.ca.issue_cert("dcu.example", common_name="nobody")
    async with serving(one(tls=ours.mutual(), dcu={"by": "certificate"})) as it:
        assert await is_refused(await connect(it, ours.client(leaf)))
        await it.seen(LinkRefused)
        refused = it.bench.observer.of(LinkRefused)
        assert [(each.rule, "'nobody'" in each.detail) for each in refused] == [
            ("certificate_unknown", True)
        ]
        assert it.bench.journal.frames == []


async def test_no_certificate_is_refused_and_told_once(ours: Authority) -> None:
    async with serving(one(tls=ours.mutual())) as it:
        assert await is_refused(await connect(it, ours.client()))
        await it.seen(LinkRefused)
        (refused,) = it.bench.observer.of(LinkRefused)
        assert refused.rule == "tls"
        assert "certificate" in refused.detail


async def test_a_strangers_certificate_is_refused(ours: Authority, strangers: Authority) -> None:
    leaf = strangers.ca.issue_cert("dcu.example", common_name="7")
    async with serving(one(tls=ours.mutual())) as it:
        assert await is_refused(await connect(it, ours.client(leaf)))
        await it.seen(LinkRefused)
        assert "verify failed" in it.bench.observer.of(LinkRefused)[0].detail


async def test_a_revoked_certificate_is_refused_and_the_others_are_not(ours: Authority) -> None:
    lost, kept = (ours.ca.issue_cert("dcu.example", common_name=name) for name in ("7", "8"))
    revoked = ours.revocations(lost)
    async with serving(one(tls=ours.mutual(revoked=revoked))) as it:
        assert await is_refused(await connect(it, ours.client(lost)))
        await it.seen(LinkRefused)
        assert "revoked" in it.bench.observer.of(LinkRefused)[0].detail
        peer = await connect(it, ours.client(kept))
        await peer.send_all(frame(b"?kept"))
        assert await received(peer, 5) == reply(b"kept")


async def still_answers(peer: trio.SSLStream[trio.SocketStream], word: bytes) -> None:
    await peer.send_all(frame(b"?" + word))
    assert await received(peer, len(word) + 1) == reply(word)


async def test_a_certificate_revoked_while_connected_ends_its_link_and_no_other(
    ours: Authority,
) -> None:
    lost, kept = (ours.ca.issue_cert("dcu.example", common_name=name) for name in ("7", "8"))
    revoked = ours.revocations()
    async with serving(one(tls=ours.mutual(revoked=revoked))) as it:
        first, second = [await connect(it, ours.client(leaf)) for leaf in (lost, kept)]
        await still_answers(first, b"one")
        await still_answers(second, b"two")
        ours.revocations(lost)
        await it.server.read_certificates()
        with suppress(trio.BrokenResourceError):
            assert await first.receive_some() == b""
        await it.seen(LinkLost)
        assert [event.rule for event in it.bench.observer.of(LinkLost)] == ["revoked"]
        await still_answers(second, b"three")
        assert await is_refused(await connect(it, ours.client(lost)))


async def test_the_lists_are_read_again_by_themselves(ours: Authority) -> None:
    leaf = ours.ca.issue_cert("dcu.example", common_name="7")
    settings = one(tls=ours.mutual(revoked=ours.revocations(), reread_s=0.05))
    async with serving(settings) as it:
        peer = await connect(it, ours.client(leaf))
        await still_answers(peer, b"one")
        ours.revocations(leaf)
        await it.seen(LinkLost)


async def test_a_list_that_cannot_be_read_leaves_the_one_before(ours: Authority) -> None:
    lost, kept = (ours.ca.issue_cert("dcu.example", common_name=name) for name in ("7", "8"))
    revoked = ours.revocations(lost)
    async with serving(one(tls=ours.mutual(revoked=revoked))) as it:
        peer = await connect(it, ours.client(kept))
        await still_answers(peer, b"one")
        revoked.write_text("half a fi")
        await it.server.read_certificates()
        (kept_on,) = it.bench.observer.of(CertificatesKept)
        assert "revoked" in kept_on.reason
        await still_answers(peer, b"two")
        assert await is_refused(await connect(it, ours.client(lost)))


async def test_plain_bytes_on_a_tls_port_are_refused(ours: Authority) -> None:
    async with serving(one(tls=ours.tls())) as it:
        peer = await it.connect()
        await peer.send_all(b"\x00\x01\x00\x01\x00\x10\x00\x05" * 10)
        await ends(peer)
        await it.seen(LinkRefused)
        assert it.bench.observer.of(LinkRefused)[0].rule == "tls"


async def test_a_handshake_that_never_ends_is_ended(ours: Authority) -> None:
    async with serving(one(tls=ours.tls(), handshake_timeout_s=0.2)) as it:
        peers = [await it.connect() for _ in range(50)]
        for peer in peers:
            assert await ends(peer) == b""
        await it.seen(LinkRefused, 50)
        rules = {event.rule for event in it.bench.observer.of(LinkRefused)}
        assert rules == {"handshake_timeout"}


async def test_peers_address_says_which_concentrator() -> None:
    by_peer = {"by": "peer", "names": {"127.0.0.1": 5}}
    async with serving(one(dcu=by_peer)) as it:
        await it.connect()
        await it.seen(LinkOpened)
        assert it.bench.observer.of(LinkOpened)[0].dcu == 5
    async with serving(one(dcu={"by": "peer", "refuse_unknown": True})) as it:
        assert await ends(await it.connect()) == b""
        assert it.bench.observer.of(LinkRefused)[0].rule == "peer_unknown"


@pytest.mark.parametrize(
    ("tls", "dcu", "said"),
    [
        ({"certificate": "/nowhere.pem", "key": "/nowhere.key"}, {}, "tls.certificate: cannot use"),
        ({"require_client_certificate": True}, {}, "needs client_ca"),
        ({"client_ca": "/nowhere.pem"}, {}, "tls.client_ca: cannot use /nowhere.pem"),
        ({}, {"by": "certificate"}, "dcu.by"),
    ],
)
def test_settings_that_cannot_be_used_name_themselves(
    ours: Authority, tls: dict[str, object], dcu: dict[str, object], said: str
) -> None:
    paths = {key: Path(value) if isinstance(value, str) else value for key, value in tls.items()}
    settings = one(tls=ours.tls() | paths, dcu=dcu)
    with pytest.raises(ConfigError) as wrong:
        IntakeServer(settings, Bench().line, FakeLink, dcus=OneDcu(), last_acked={})
    assert said in str(wrong.value)
    assert "$.intake.listeners[0]" in str(wrong.value)


def uri_certificate(ours: Authority, names: list[str], common_name: str | None) -> trustme.LeafCert:
    """Trustme has no URIs: the same key, signed again with them."""
    leaf = ours.ca.issue_cert("dcu.example", common_name=common_name)
    issued = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    signer = x509.load_pem_x509_certificate(ours.ca.cert_pem.bytes())
    key = serialization.load_pem_private_key(ours.ca.private_key_pem.bytes(), None)
    signed = (
        x509.CertificateBuilder(
            issuer_name=signer.subject,
            subject_name=issued.subject,
            public_key=issued.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=issued.not_valid_before_utc,
            not_valid_after=issued.not_valid_after_utc,
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name) for name in names]),
            critical=False,
        )
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    return trustme.LeafCert(
        leaf.private_key_pem.bytes(), signed.public_bytes(serialization.Encoding.PEM), []
    )
