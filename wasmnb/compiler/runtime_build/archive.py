"""Search for the archive of Python's library in the memory of the guest that compiled it. Filters read the archive with
`guest_code/archive.py`.
"""

from __future__ import annotations

import struct
import zlib

from ...parsing.leb128 import Malformed

__all__ = ["archive_in"]

#: Marker at the beginning of the guest's result, followed by checksum and size of the rest (`guest_code/archive_pack.py`).
_MAGIC, _HEAD = b"wasmnb archive", struct.Struct("<II")


def archive_in(memory: bytes) -> bytes:
    """Return the archive from a guest's memory. It contains the size of the index, the index, and the modules' marshalled code.

    Parameters
    ----------
    memory
        Content of the guest's memory.

    Raises
    ------
    Malformed
        The memory doesn't contain an archive.
    """
    at = memory.find(_MAGIC)
    while at >= 0:
        start = at + len(_MAGIC) + _HEAD.size
        checksum, size = _HEAD.unpack_from(memory, at + len(_MAGIC))
        if zlib.crc32(memory[start : start + size]) == checksum:
            return memory[start : start + size]
        at = memory.find(_MAGIC, at + 1)
    raise Malformed("the guest's memory doesn't contain an archive of Python's library")
