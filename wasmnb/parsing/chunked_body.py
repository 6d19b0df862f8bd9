"""Chunks of HTTP/1 bodies (RFC 9112, section 7.1): their encoding, and the line with a chunk's size."""

from __future__ import annotations

import re

__all__ = ["encode_chunk", "read_chunk_size"]

_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
_STRICT_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t;][^\r\n]*)?")


def encode_chunk(data: bytes) -> bytes:
    """Return data as one chunk of a chunked body. Empty data returns b"", because an empty chunk would end the body."""
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


def read_chunk_size(line: bytes, *, strict: bool = False) -> int | None:
    """Return the size of a chunk from the line before its data, or None if the line is invalid. Extensions are ignored.

    Parameters
    ----------
    line
        The line, without its line break.
    strict
        Whether to accept the same lines as Envoy 1.40 (default False). Otherwise, blanks around the size are accepted as well.
    """
    if strict:
        match = _STRICT_LINE.fullmatch(line)
        return None if match is None else int(match[1], 16)
    digits = line.partition(b";")[0].strip()
    return int(digits, 16) if _SIZE.fullmatch(digits) else None
