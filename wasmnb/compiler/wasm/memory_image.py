"""The memory that a module starts with, and how it is written as data segments."""

from __future__ import annotations

import re

from ...formats import leb128 as leb

__all__ = ["PAGE", "MemoryImage", "active_segment"]

#: Bytes of a page of linear memory.
PAGE = 65536

#: Shorter runs of zeros stay inside a segment: they compress well, and each segment costs its head and its set-up.
_GAP = 32

_ZEROS = re.compile(rb"\0{%d,}" % _GAP)


class MemoryImage:
    """First content of a linear memory of `pages` pages; what is not set is zero."""

    def __init__(self, pages: int) -> None:
        self.bytes = bytearray(pages * PAGE)

    @property
    def pages(self) -> int:
        """Size in pages."""
        return len(self.bytes) // PAGE

    def put(self, address: int, data: bytes | memoryview) -> None:
        """Set bytes; raises IndexError outside the memory."""
        if address < 0 or address + len(data) > len(self.bytes):
            raise IndexError(f"{len(data)} bytes at {address:#x} are outside the memory")
        self.bytes[address : address + len(data)] = data

    def grow(self, pages: int) -> int:
        """Add pages and give the address of the first new byte."""
        address = len(self.bytes)
        self.bytes += bytes(pages * PAGE)
        return address

    def segments(self) -> list[tuple[int, bytes]]:
        """(address, bytes) of everything that is not a long run of zeros."""
        image = bytes(self.bytes)
        found = []
        at = 0
        for gap in _ZEROS.finditer(image):
            if gap.start() > at:
                found.append((at, image[at : gap.start()]))
            at = gap.end()
        if at < len(image):
            found.append((at, image[at:]))
        return found

    def section(self) -> bytes:
        """Body of the data section."""
        return leb.vector(active_segment(address, data) for address, data in self.segments())


def active_segment(address: int, data: bytes) -> bytes:
    """A data segment that is put at `address` when the module starts."""
    offset = address - (1 << 32) if address >= 1 << 31 else address
    return b"\0\x41" + leb.signed(offset) + b"\x0b" + leb.unsigned(len(data)) + data
