"""Bodies in and out of lz4, zstd, gzip and deflate; bounded on the way in, streamed on the way out.

Rule 1: a small body that grows past the limit is refused while it grows, not after.
"""

import zlib
from typing import Protocol

import lz4.frame  # type: ignore[import-untyped]
import zstandard

from meteringest.store.face.refusal import Refusal

ENCODINGS = ("lz4", "zstd", "gzip", "deflate")
_GZIP = 31
_DEFLATE = 15


class Packer(Protocol):
    """Compresses an answer piece by piece."""

    def pack(self, piece: bytes) -> bytes:
        """Takes `piece`; gives back what is ready, perhaps nothing."""
        ...

    def finish(self) -> bytes:
        """What is left."""
        ...


class Plain:
    """No compression."""

    def pack(self, piece: bytes) -> bytes:
        """As it is."""
        return piece

    def finish(self) -> bytes:
        """Nothing is held back."""
        return b""


class _Lz4:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._head: bytes = self._frame.begin()

    def pack(self, piece: bytes) -> bytes:
        head, self._head = self._head, b""
        return bytes(head + self._frame.compress(piece))

    def finish(self) -> bytes:
        return bytes(self._head + self._frame.flush())


class _Zstd:
    def __init__(self) -> None:
        self._frame = zstandard.ZstdCompressor(level=1).compressobj()

    def pack(self, piece: bytes) -> bytes:
        return self._frame.compress(piece)

    def finish(self) -> bytes:
        return self._frame.flush()


class _Zlib:
    def __init__(self, window: int) -> None:
        self._stream = zlib.compressobj(1, zlib.DEFLATED, window)

    def pack(self, piece: bytes) -> bytes:
        return self._stream.compress(piece)

    def finish(self) -> bytes:
        return self._stream.flush()


def chosen(accepted: str) -> str:
    """The first encoding of ours that an Accept-Encoding names; empty for none."""
    names = {name.split(";")[0].strip() for name in accepted.split(",")}
    return next((encoding for encoding in ENCODINGS if encoding in names), "")


def packer(encoding: str) -> Packer:
    """A packer for one answer."""
    match encoding:
        case "lz4":
            return _Lz4()
        case "zstd":
            return _Zstd()
        case "gzip":
            return _Zlib(_GZIP)
        case "deflate":
            return _Zlib(_DEFLATE)
        case _:
            return Plain()


def unpack(body: bytes, encoding: str, bytes_max: int) -> bytes:
    """A request's body as it was before its Content-Encoding; at most `bytes_max`."""
    if encoding in {"", "identity"}:
        return body
    try:
        plain = _unpacked(body, encoding, bytes_max)
    except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError) as error:
        raise Refusal(
            432, "UNKNOWN_COMPRESSION_METHOD", f"body is not {encoding}: {error}"
        ) from error
    if len(plain) > bytes_max:
        raise too_large(bytes_max)
    return plain


def too_large(bytes_max: int) -> Refusal:
    """A request past endpoint.request_bytes_max."""
    return Refusal(1_003, "REQUEST_TOO_LARGE", f"a request may hold {bytes_max} bytes")


def _unpacked(body: bytes, encoding: str, bytes_max: int) -> bytes:
    match encoding:
        case "lz4":
            frame = lz4.frame.LZ4FrameDecompressor()
            return bytes(frame.decompress(body, max_length=bytes_max + 1))
        case "zstd":
            reader = zstandard.ZstdDecompressor().stream_reader(body)
            return reader.read(bytes_max + 1)
        case "gzip":
            return zlib.decompressobj(_GZIP).decompress(body, bytes_max + 1)
        case "deflate":
            return zlib.decompressobj().decompress(body, bytes_max + 1)
        case _:
            raise Refusal(48, "NOT_IMPLEMENTED", f"Content-Encoding {encoding}")
