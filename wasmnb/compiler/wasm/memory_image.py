"""Initial contents of a linear memory, and their encoding as data segments."""

from __future__ import annotations

import re

from ...formats import leb128 as leb

__all__ = ["PAGE", "MemoryImage", "active_segment"]

#: Size of a page of linear memory in bytes.
PAGE = 65536

#: Shorter runs of zeros stay inside a segment: they compress well, and each segment has an overhead.
_GAP = 32

_ZEROS = re.compile(rb"\0{%d,}" % _GAP)


class MemoryImage:
    """Initial contents of a linear memory of `pages` pages. Bytes are zero unless set."""

    def __init__(self, pages: int) -> None:
        self.bytes = bytearray(pages * PAGE)

    @property
    def pages(self) -> int:
        """Size in pages."""
        return len(self.bytes) // PAGE

    def put(self, address: int, data: bytes | memoryview) -> None:
        """Set bytes; raise `IndexError` if they are outside the memory."""
        if address < 0 or address + len(data) > len(self.bytes):
            raise IndexError(f"{len(data)} bytes at {address:#x} are outside the memory")
        self.bytes[address : address + len(data)] = data

    def grow(self, pages: int) -> int:
        """Add pages and return the address of the first new byte."""
        address = len(self.bytes)
        self.bytes += bytes(pages * PAGE)
        return address

    def segments(self) -> list[tuple[int, bytes]]:
        """Return (address, bytes) of everything except long runs of zeros."""
        image = bytes(self.bytes)
        segments = []
        at = 0
        for gap in _ZEROS.finditer(image):
            if gap.start() > at:
                segments.append((at, image[at : gap.start()]))
            at = gap.end()
        if at < len(image):
            segments.append((at, image[at:]))
        return segments

    def section(self) -> bytes:
        """Return the contents of the data section."""
        return leb.vector(active_segment(address, data) for address, data in self.segments())


def active_segment(address: int, data: bytes) -> bytes:
    """Encode a data segment that is copied to `address` when the module starts."""
    offset = address - (1 << 32) if address >= 1 << 31 else address
    return b"\0\x41" + leb.signed(offset) + b"\x0b" + leb.unsigned(len(data)) + data
