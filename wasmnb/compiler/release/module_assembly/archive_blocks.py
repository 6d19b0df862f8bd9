"""The archive of Python's library as a passive segment with compressed blocks."""

from __future__ import annotations

import itertools
import struct

from ..interpreter.cold_code import compress
from ..interpreter.layout import ARCHIVE_BLOCK

__all__ = ["archive_blocks"]


def archive_blocks(archive: bytes) -> bytes:
    """Return the segment that `copy-archive` reads: offsets of all blocks and of the end (u32 each), followed by the blocks."""
    blocks = [compress(archive[at : at + ARCHIVE_BLOCK]) for at in range(0, len(archive), ARCHIVE_BLOCK)]
    first = 4 * (len(blocks) + 1)
    offsets = itertools.accumulate(map(len, blocks), initial=first)
    return struct.pack(f"<{len(blocks) + 1}I", *offsets) + b"".join(blocks)
