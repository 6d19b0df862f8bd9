"""Layout of the interpreter's memory: addresses of its tables, stack and code, relative to its first page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ...wasm_binary.memory_image import PAGE

__all__ = ["ARCHIVE_BLOCK", "WINDOW_SHIFT", "Layout"]

#: Binary logarithm of the size of a window. Code is unpacked in windows of 8 KiB.
WINDOW_SHIFT = 13

#: Size in bytes of a block of the archive. Each block is compressed separately.
ARCHIVE_BLOCK = 1 << 17

#: Size of the stack of frames in bytes. Unused pages of it use no memory.
_STACK = 4 << 20

#: Maximum size of a frame in bytes.
_LARGEST_FRAME = 1 << 16

#: Size in bytes of the request that resumes a loaded program.
_REQUEST = 32

#: Size in bytes of the tables of `inflate.wat`. Those of `lzma.wat` are smaller.
_INFLATE_TABLES = 15040 + 64


class Layout:
    """Addresses of the parts of the interpreter's memory.

    Parameters
    ----------
    function_count, slot_count
        Number of functions of the interpreted module, including imported ones, and number of slots of its table.
    windows
        Number of windows of code.
    largest_chunk
        Size of the largest compressed chunk in bytes.
    """

    def __init__(self, function_count: int, slot_count: int, windows: int, largest_chunk: int) -> None:
        self.slot_count = slot_count
        self.halt = 0
        self.functions = 8
        self.slots = self.functions + 4 * function_count
        self.chunks = _aligned(self.slots + 4 * slot_count, 8)
        self.request = self.chunks + 8 * windows
        #: End of the part with initial content.
        self.tables_end = self.request + _REQUEST
        #: State of the program's start. It is stored in memory, so that a copy of the memory is a complete copy of the VM.
        self.state = self.tables_end
        self.unpacked = self.state + 8
        self.inflate_tables = _aligned(self.unpacked + windows, 4096)
        self.input = _aligned(self.inflate_tables + _INFLATE_TABLES, 4096)
        self.archive_input = _aligned(self.input + largest_chunk + 8, 4096)
        self.archive_unpacked = _aligned(self.archive_input + ARCHIVE_BLOCK + 4096, 4096)
        self.stack = _aligned(self.archive_unpacked + 8 + ARCHIVE_BLOCK, 4096)
        self.code = self.stack + _STACK
        self.end = self.code + (windows << WINDOW_SHIFT)

    @property
    def pages(self) -> int:
        """Total size of the interpreter's memory in pages of 64 KiB."""
        return -(-self.end // PAGE)

    @cached_property
    def constants(self) -> Mapping[str, int]:
        """Values of the placeholders in `calls.wat`, by name."""
        return {
            "halt": self.halt,
            "slots": self.slots,
            "slot_count": self.slot_count,
            "chunks": self.chunks,
            "chunk_sizes": self.chunks + 4,
            "unpacked": self.unpacked,
            "window_shift": WINDOW_SHIFT,
            "tables": self.inflate_tables,
            "input": self.input,
            "archive_block": ARCHIVE_BLOCK,
            "archive_input": self.archive_input,
            "archive_unpacked": self.archive_unpacked,
            "stack_limit": self.code - _LARGEST_FRAME,
            "code": self.code,
        }


def _aligned(address: int, size: int) -> int:
    return -(-address // size) * size
