"""Intake's slice of the settings: listeners, what each link may cost, when the line holds back.

Rule 1: every limit of intake has its name, meaning and default here.
Rule 2: units come last in a name; a default is safe before it is fast.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from meteringest.model import Secret

MEBIBYTE = 1 << 20

Framing = Literal["auto", "wrapper", "hdlc", "mbus", "uplink", "prime-dc"]
Seconds = Annotated[float, Meta(gt=0)]


class TlsSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A listener's certificate, and what it asks of its peers."""

    certificate: Annotated[
        Path, Meta(description="PEM file: the server's certificate, then its intermediates.")
    ]
    key: Annotated[Path, Meta(description="PEM file: the certificate's private key.")]
    client_ca: Annotated[
        Path | None,
        Meta(description="PEM file of the authorities that sign concentrators' certificates."),
    ] = None
    require_client_certificate: Annotated[
        bool, Meta(description="Refuse peers without a certificate signed by client_ca.")
    ] = False
    revoked: Annotated[
        Path | None,
        Meta(description="PEM file of revocation lists (CRLs), one for each signing authority."),
    ] = None
    reread_s: Annotated[
        Seconds,
        Meta(
            description="How often all these files are read again, which `meteringest reload` does "
            "at once; a link whose certificate is revoked by then is closed.",
        ),
    ] = 300.0


class DcuSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which concentrator a link belongs to."""

    by: Annotated[
        Literal["fixed", "certificate", "peer"],
        Meta(
            description="fixed: the number below; certificate: the URI "
            "urn:meteringest:dcu:<id> or the common name; peer: the address, looked up in names.",
        ),
    ] = "fixed"
    fixed: Annotated[
        int, Meta(ge=0, lt=1 << 32, description="The concentrator of every link; 0 is unknown.")
    ] = 0
    names: Annotated[
        dict[str, int],
        Meta(description="Certificate name or peer address = concentrator number."),
    ] = field(default_factory=dict)
    refuse_unknown: Annotated[
        bool,
        Meta(description="Refuse a peer address that is not in names instead of taking it as 0."),
    ] = False


class ListenerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One listening port and what each of its links may cost."""

    name: Annotated[str, Meta(min_length=1, description="As it is called in logs and metrics.")] = (
        "dlms"
    )
    host: Annotated[str, Meta(description="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1"
    port: Annotated[
        int,
        Meta(ge=0, le=65_535, description="4059 is DLMS's registered port; 0 takes any."),
    ] = 4_059
    transport: Annotated[
        Literal["tcp", "udp"],
        Meta(
            description="udp takes datagrams of whole frames and answers to the address they "
            "came from; without TLS and without the uplink.",
        ),
    ] = "tcp"
    framing: Annotated[
        Framing,
        Meta(
            description="auto tells wrapper, HDLC and M-Bus apart by a link's first bytes; "
            "uplink is the acked protocol of docs/uplink.md, prime-dc the wrapper of PRIME data "
            "concentrators that name their meters (docs/intake.md).",
        ),
    ] = "auto"
    dcu: DcuSettings = field(default_factory=DcuSettings)
    tls: Annotated[TlsSettings | None, Meta(description="Without it the port is plain TCP.")] = None
    tokens: Annotated[
        dict[str, Secret],
        Meta(description="Uplink only: concentrator number or name = token its hello must carry."),
    ] = field(default_factory=dict)
    idle_timeout_s: Annotated[
        Seconds,
        Meta(description="Without a whole frame for so long, a link is closed."),
    ] = 900.0
    handshake_timeout_s: Annotated[
        Seconds, Meta(description="Patience for a TLS handshake, and for an uplink hello.")
    ] = 10.0
    send_timeout_s: Annotated[
        Seconds, Meta(description="A peer that takes no acknowledgement for so long is closed.")
    ] = 60.0
    frame_bytes_max: Annotated[
        int,
        Meta(ge=64, le=MEBIBYTE, description="Largest frame; a wrapper frame cannot pass 65543."),
    ] = 65_543
    datagram_bytes_max: Annotated[
        int,
        Meta(ge=64, le=65_527, description="UDP only: a longer datagram is a reject."),
    ] = 65_507
    connections_max: Annotated[
        int,
        Meta(
            ge=1,
            description="Links at a time; one more is closed at once and counted. UDP: senders "
            "remembered, of whom the longest silent is forgotten for one more.",
        ),
    ] = 10_000
    connections_per_peer_max: Annotated[
        int, Meta(ge=1, description="Links at a time from one address; UDP: its ports remembered.")
    ] = 1_024
    window: Annotated[
        int, Meta(ge=1, description="Uplink only: envelopes a client may send ahead of their ack.")
    ] = 16_384


UPLINK = ListenerSettings(name="uplink", port=4_060, framing="uplink")


class IntakeSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Listeners, and when the whole line holds back."""

    listeners: Annotated[
        tuple[ListenerSettings, ...], Meta(description="Where concentrators connect.")
    ] = (ListenerSettings(), UPLINK)
    pending_bytes_max: Annotated[
        int,
        Meta(
            ge=MEBIBYTE,
            description="Frames received and not yet in the journal, over all links; "
            "past it no socket is read.",
        ),
    ] = 64 * MEBIBYTE
    link_pending_bytes_max: Annotated[
        int, Meta(ge=65_536, description="The same for one link: the others are read on.")
    ] = 4 * MEBIBYTE
    batch_bytes_max: Annotated[
        int, Meta(ge=65_536, description="Frames decoded in one go, rounded up to a whole link.")
    ] = 8 * MEBIBYTE
    batches_unsynced_max: Annotated[
        int,
        Meta(ge=1, description="Journal records written and not yet synced before decoding waits."),
    ] = 8
    journal_full_retry_s: Annotated[
        Seconds,
        Meta(description="How often a full disk is tried again; nothing is lost."),
    ] = 2.0
    drain_timeout_s: Annotated[
        Seconds,
        Meta(description="When stopping: how long to bring what is in to disk and acknowledge it."),
    ] = 20.0
