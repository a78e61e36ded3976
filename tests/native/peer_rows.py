"""Rows of a push in one wrapper frame, as dlms-cosem and gurux-dlms read them."""

import contextlib
import io
from datetime import datetime, timedelta

from dlms_cosem import security, utils
from dlms_cosem.protocol.xdlms import DataNotification, GeneralGlobalCipher
from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.secure import GXDLMSSecureClient
from tests.native.gurux_frames import Push


def wall_time(clock: object) -> datetime:
    """The wall time of a clock, which dlms-cosem parses when it is tagged as a date-time."""
    if isinstance(clock, tuple):
        parsed: datetime = clock[0]
        return parsed.replace(tzinfo=None)
    assert isinstance(clock, bytes | bytearray)
    year, month, day = int.from_bytes(clock[:2]), clock[2], clock[3]
    return datetime(year, month, day) + timedelta(  # noqa: DTZ001 (local by definition)
        hours=clock[5], minutes=clock[6], seconds=clock[7]
    )


def dlms_cosem_rows(push: Push, frame: bytes) -> list[list[object]]:
    apdu = frame[8:]
    if push.meter.control:
        envelope = GeneralGlobalCipher.from_bytes(apdu)
        apdu = security.decrypt(
            envelope.security_control,
            envelope.system_title,
            envelope.invocation_counter,
            push.meter.encryption_key,
            envelope.ciphered_text,
            push.meter.authentication_key,
        )
    rows: list[list[object]] = utils.parse_as_dlms_data(DataNotification.from_bytes(apdu).body)[3]
    return rows


def gurux_rows(push: Push, frame: bytes) -> list[list[int]]:
    client = GXDLMSSecureClient(True, 64, 1, Authentication.NONE, None, InterfaceType.WRAPPER)  # noqa: FBT003
    client.ciphering.security = Security(push.meter.control)
    client.ciphering.blockCipherKey = push.meter.encryption_key
    client.ciphering.authenticationKey = push.meter.authentication_key
    client.ciphering.systemTitle = b"ABCDEFGH"
    client.settings.sourceSystemTitle = push.meter.title
    client.settings.useUtc2NormalTime = push.indian_sign
    reply, notify = GXReplyData(), GXReplyData()
    with contextlib.redirect_stdout(io.StringIO()):  # it prints
        client.getData(GXByteBuffer(frame), reply, notify)
    value = reply.value if reply.value is not None else notify.value
    rows: list[list[int]] = value[3]
    return rows
