"""Compression and decompression of bodies with the content codings gzip and deflate.

Other codings, such as br and zstd, are not supported, because no pure Python package decodes them. `content-encoding` lists
codings in the order in which they were applied. For `deflate`, most servers send a zlib stream, but some send raw deflate. A
few kilobytes can expand to gigabytes, so all decoders have a size limit.
"""

import zlib
from collections.abc import Callable
from typing import Any

from ..errors import ContentError
from ..messages.encoding import Value, encode

__all__ = ["CONTENT_LIMIT", "StreamDecoder", "compress", "compressed_format", "decompress", "no_text"]

#: Default limit for the size of a decoded body, in bytes.
CONTENT_LIMIT = 16 << 20

_GZIP, _ZLIB, _RAW = 31, 15, -15

#: First bytes of a compressed body -> name of its content coding.
_MAGIC = {
    b"\x1f\x8b\x08": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    **dict.fromkeys((b"\x78\x01", b"\x78\x9c", b"\x78\xda"), "deflate"),
}

_PLAIN = ("", "identity")

#: Control characters that don't occur in text.
_CONTROLS = bytes(sorted({*range(32)} - {*b"\t\n\r\f\b\x1b"}))


def compressed_format(data: bytes) -> str:
    """Guess the content coding (`gzip`, `zstd`, `deflate`) from a body's first bytes. Returns '' if it isn't compressed."""
    return next((coding for magic, coding in _MAGIC.items() if data.startswith(magic)), "")


def no_text(data: bytes) -> str:
    """Return the reason why bytes can't be text in any character set, or '' if they can be text."""
    coding = compressed_format(data)
    if coding:
        return f"it is compressed (content-encoding {coding})"
    return "it is binary or compressed (check content-encoding)" if data.translate(None, _CONTROLS) != data else ""


def _codings(header: str | None) -> list[str]:
    return [name for part in (header or "").lower().split(",") if (name := part.strip()) not in _PLAIN]


class StreamDecoder:
    """Decoder that decompresses a body chunk by chunk.

    Parameters
    ----------
    header
        Value of the body's `content-encoding` header, or None or '' if it has none.
    limit
        Largest allowed size of one decoded chunk, in bytes (default 16 MiB).

    Raises
    ------
    ContentError
        The content coding is not supported.
    """

    def __init__(self, header: str | None, limit: int = CONTENT_LIMIT) -> None:
        self._steps = [_decoder(coding, limit) for coding in reversed(_codings(header))]

    def feed(self, chunk: bytes) -> bytes:
        """Decompress the next chunk. Raises ContentError if the chunk is invalid, or its decoded size exceeds the limit."""
        for step in self._steps:
            chunk = step.feed(chunk)
        return chunk

    def finish(self) -> None:
        """Raise ContentError if the compressed body has ended too early."""
        for step in self._steps:
            step.finish()


class _ZlibDecoder:
    """Decoder for zlib streams, raw deflate streams, and gzip streams with one or several members."""

    def __init__(self, coding: str, limit: int) -> None:
        self._coding = coding
        self._limit = limit
        self._wbits = _GZIP if coding == "gzip" else _ZLIB
        self._inflate: Any = None
        self._received = 0

    def feed(self, data: bytes) -> bytes:
        out = b""
        while data:
            if self._inflate is None or self._inflate.eof:
                self._inflate = self._begin(data)
            self._received += len(data)
            try:
                out += self._inflate.decompress(data, self._limit + 1 - len(out))
            except zlib.error as error:
                raise ContentError(f"the body is not valid {self._coding} ({error})") from None
            if len(out) > self._limit:
                raise ContentError(
                    f"the decoded body is larger than the limit of {self._limit} bytes: pass a larger limit="
                )
            data = self._inflate.unused_data
        return out

    def _begin(self, data: bytes) -> Any:
        """Create a decompressor for the next member of the stream, whose first bytes are `data`."""
        if self._wbits == _ZLIB and data[0] & 0x0F != zlib.DEFLATED:
            self._wbits = _RAW
        return zlib.decompressobj(self._wbits)

    def finish(self) -> None:
        if self._received and not self._inflate.eof:
            raise ContentError(f"the body is not valid {self._coding} (it is incomplete)")


def _unknown(coding: str) -> ContentError:
    return ContentError(
        f"content-encoding {coding} can't be decoded in a filter. Set accept-encoding of the request to gzip, or remove it, so "
        "that the upstream doesn't use it."
    )


def _decoder(coding: str, limit: int) -> Any:
    name = coding.removeprefix("x-")
    if name not in ("gzip", "deflate"):
        raise _unknown(coding)
    return _ZlibDecoder(name, limit)


def decompress(data: bytes, encoding: str | None, *, limit: int = CONTENT_LIMIT) -> bytes:
    """Decompress a complete body, and return its bytes.

    Parameters
    ----------
    data
        The compressed body.
    encoding
        Value of its `content-encoding` header: gzip, deflate, or several of them. For None and "identity", the body is
        returned unchanged.
    limit
        Maximum size of the result, in bytes (default 16 MiB).

    Raises
    ------
    ContentError
        The content coding is not supported, the body is invalid or incomplete, or the result exceeds the limit.
    """
    decoder = StreamDecoder(encoding, limit)
    result = decoder.feed(data)
    decoder.finish()
    return result


def compress(data: Value, encoding: str | None) -> bytes:
    """Compress a complete body, and return the compressed bytes.

    Parameters
    ----------
    data
        The uncompressed body, as bytes or text.
    encoding
        Value of the `content-encoding` header: gzip, deflate, or several of them. For None and "identity", the body is
        returned unchanged.

    Raises
    ------
    ContentError
        The content coding is not supported.
    """
    result = encode(data)
    for coding in _codings(encoding):
        result = _ENCODERS.get(coding.removeprefix("x-"), _encoder(coding))(result)
    return result


def _encoder(coding: str) -> Callable[[bytes], bytes]:
    def refuse(_data: bytes) -> bytes:
        raise _unknown(coding)

    return refuse


def _deflate(data: bytes, wbits: int) -> bytes:
    deflate = zlib.compressobj(wbits=wbits)
    return deflate.compress(data) + deflate.flush()


_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: _deflate(data, _GZIP),
    "deflate": lambda data: _deflate(data, _ZLIB),
}
