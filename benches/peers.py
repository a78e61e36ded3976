"""The peers the decoder is compared with: test-only, each doing frame, tag and values."""

import contextlib
import io
from collections.abc import Callable

from dlms_cosem import security, utils
from dlms_cosem.protocol.xdlms.data_notification import DataNotification
from dlms_cosem.protocol.xdlms.general_global_cipher import GeneralGlobalCipher
from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.secure import GXDLMSSecureClient

from benches.frames import AUTHENTICATION_KEY, Meter

WRAPPER_BYTES = 8


def dlms_cosem_rows(frame: bytes, meter: Meter) -> list[list[object]]:
    """One frame's rows, by the library's own classes."""
    envelope = GeneralGlobalCipher.from_bytes(frame[WRAPPER_BYTES:])
    plain = security.decrypt(
        envelope.security_control,
        envelope.system_title,
        envelope.invocation_counter,
        meter.key,
        envelope.ciphered_text,
        AUTHENTICATION_KEY,
    )
    rows: list[list[object]] = utils.parse_as_dlms_data(DataNotification.from_bytes(plain).body)[3]
    return rows


def gurux_decoder(meter: Meter) -> Callable[[bytes], list[list[object]]]:
    """A decoder of `meter`'s frames; the library keeps title and keys in a client object."""
    client = GXDLMSSecureClient(True, 64, 1, Authentication.NONE, None, InterfaceType.WRAPPER)  # noqa: FBT003
    client.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
    client.ciphering.blockCipherKey = meter.key
    client.ciphering.authenticationKey = AUTHENTICATION_KEY
    client.ciphering.systemTitle = b"ABCDEFGH"
    client.settings.sourceSystemTitle = meter.title

    def rows(frame: bytes) -> list[list[object]]:
        reply, notify = GXReplyData(), GXReplyData()
        # It prints two lines a message.
        with contextlib.redirect_stdout(io.StringIO()):
            client.getData(GXByteBuffer(frame), reply, notify)
        value = reply.value if reply.value is not None else notify.value
        found: list[list[object]] = value[3]
        return found

    return rows
