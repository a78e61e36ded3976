"""Answers to GET, associations and dedicated keys, made by dlms-cosem and gurux-dlms alone."""

import struct
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from dlms_cosem import dlms_data, enumerations
from dlms_cosem.protocol.acse import ApplicationAssociationResponse
from dlms_cosem.protocol.xdlms import (
    ExceptionResponse,
    GetResponseLastBlock,
    GetResponseNormal,
    GetResponseNormalWithError,
    GetResponseWithBlock,
)
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.secure import GXDLMSSecureClient
from tests.native.frames import TAG_BYTES, Meter

CLIENT = 16
CLIENT_TITLE = b"HES\0\0\0\0\x07"
NOTIFICATION_HEAD_BYTES = 6
"""Tag, long-invoke-id and the length of no date: what stands before a push's body."""


def body_of(push: bytes) -> bytes:
    """The value that a data-notification carries."""
    return push[NOTIFICATION_HEAD_BYTES:]


def normal(value: bytes) -> Iterator[bytes]:
    """The value in one piece; dlms-cosem reads these and cannot write them."""
    answer = b"\xc4\x01\xc1\x00" + value
    assert GetResponseNormal.from_bytes(answer).data == value
    yield answer


def in_blocks(value: bytes, size: int = 60) -> Iterator[bytes]:
    """The value in data-blocks."""
    parts = [value[at : at + size] for at in range(0, len(value), size)]
    for number, part in enumerate(parts[:-1], 1):
        yield GetResponseWithBlock(data=part, block_number=number).to_bytes()
    yield GetResponseLastBlock(data=parts[-1], block_number=len(parts)).to_bytes()


def to_client(apdu: bytes) -> bytes:
    """A wrapper frame from the meter's port to the client's, whose association it belongs to."""
    return struct.pack(">HHHH", 1, 1, CLIENT, len(apdu)) + apdu


Answers = Callable[[bytes], Iterator[bytes]]


def denied() -> bytes:
    return GetResponseNormalWithError(
        error=enumerations.DataAccessResult.READ_WRITE_DENIED
    ).to_bytes()


def exception() -> bytes:
    return ExceptionResponse(
        state_error=enumerations.StateException.SERVICE_NOT_ALLOWED,
        service_error=enumerations.ServiceException.DECIPHERING_ERROR,
    ).to_bytes()


def aare(title: bytes) -> bytes:
    """The meter's answer to an association request, in a wrapper frame."""
    answer = ApplicationAssociationResponse(
        result=enumerations.AssociationResult.ACCEPTED,
        result_source_diagnostics=enumerations.AcseServiceUserDiagnostics.NULL,
        ciphered=True,
        system_title=title,
    )
    return to_client(answer.to_bytes())


def aarq(meter: Meter, dedicated_key: bytes, counter: int) -> bytes:
    """gurux-dlms asks for an association under the meter's keys; a wrapper frame."""
    client = GXDLMSSecureClient(True, CLIENT, 1, Authentication.NONE, None, InterfaceType.WRAPPER)  # noqa: FBT003 (its only way)
    ciphering = client.ciphering
    ciphering.security = Security.AUTHENTICATION_ENCRYPTION
    ciphering.systemTitle = CLIENT_TITLE
    ciphering.blockCipherKey = meter.encryption_key
    ciphering.authenticationKey = meter.authentication_key
    ciphering.dedicatedKey = dedicated_key
    ciphering.invocationCounter = counter
    (frame,) = client.aarqRequest()
    return bytes(frame)


def service(tag: int, key: bytes, meter: Meter, counter: int, apdu: bytes) -> bytes:
    """A glo- or ded- service of `meter` under `key`, in a wrapper frame."""
    head = b"\x30" + counter.to_bytes(4)
    sealed = AESGCM(key).encrypt(
        meter.title + counter.to_bytes(4), apdu, b"\x30" + meter.authentication_key
    )
    content = head + sealed[: TAG_BYTES - 16]
    length = dlms_data.encode_variable_integer(len(content))
    return to_client(bytes([tag]) + bytes(length) + content)
