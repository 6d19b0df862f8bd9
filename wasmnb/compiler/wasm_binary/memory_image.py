"""Initial content of a linear memory, and its encoding as data segments."""

from __future__ import annotations

import re

from ...parsing import leb128 as leb
from ...parsing.wasm_types import PAGE

__all__ = ["PAGE", "MemoryImage", "active_segment"]

#: Minimum length of a run of zeros between two segments. Shorter runs compress well, and each segment needs additional bytes.
_GAP = 32

_ZEROS = re.compile(rb"\0{%d,}" % _GAP)


class MemoryImage:
    """Initial content of a linear memory. All bytes are zero unless they are set."""

    def __init__(self, pages: int) -> None:
        self.bytes = bytearray(pages * PAGE)

    @property
    def pages(self) -> int:
        """Size of the memory in pages of 64 KiB."""
        return len(self.bytes) // PAGE

    def put(self, address: int, data: bytes | memoryview) -> None:
        """Set bytes at an address. Raises `IndexError` if they don't fit into the memory."""
        if address < 0 or address + len(data) > len(self.bytes):
            raise IndexError(f"{len(data)} bytes at {address:#x} are outside of the memory")
        self.bytes[address : address + len(data)] = data

    def grow(self, pages: int) -> int:
        """Add pages to the memory, and return the address of the first new byte."""
        address = len(self.bytes)
        self.bytes += bytes(pages * PAGE)
        return address

    def segments(self) -> list[tuple[int, bytes]]:
        """Return the content of the memory as pairs of address and bytes. Long runs of zeros are omitted."""
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
        """Return the encoded content of the data section for this memory."""
        return leb.vector(active_segment(address, data) for address, data in self.segments())


def active_segment(address: int, data: bytes) -> bytes:
    """Encode a data segment that is copied to `address` when the module starts."""
    offset = address - (1 << 32) if address >= 1 << 31 else address
    return b"\0\x41" + leb.signed(offset) + b"\x0b" + leb.unsigned(len(data)) + data
