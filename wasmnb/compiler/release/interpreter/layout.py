"""Where the interpreter's tables, stack and code lie in the module's memory, counted from its first page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ...wasm.memory_image import PAGE

__all__ = ["WINDOW_SHIFT", "Layout"]

#: Code is unpacked in windows of 32 KiB.
WINDOW_SHIFT = 15

#: Bytes of the stack of frames. As long as nothing is there, it costs nothing.
_STACK = 4 << 20

#: A frame is smaller than this, so that one that begins below the limit fits.
_LARGEST_FRAME = 1 << 16

#: Bytes for a request to the program, made when it starts.
_REQUEST = 32

#: Bytes that `inflate.wat` needs for its tables.
_INFLATE_TABLES = 131072 + 320 + 128


class Layout:
    """Addresses of the parts.

    Parameters
    ----------
    function_count, slot_count
        Functions of the interpreted module, imported ones included, and slots of its table.
    windows
        Windows of code.
    largest_chunk
        Bytes of the largest packed chunk.
    """

    def __init__(self, function_count: int, slot_count: int, windows: int, largest_chunk: int) -> None:
        self.slot_count = slot_count
        self.halt = 0
        self.functions = 8
        self.slots = self.functions + 4 * function_count
        self.chunks = _aligned(self.slots + 4 * slot_count, 8)
        self.request = self.chunks + 8 * windows
        #: End of what has content from the beginning.
        self.tables_end = self.request + _REQUEST
        #: Whether the program has started. It is in memory so that a copy of a VM's memory is a copy of the VM.
        self.state = self.tables_end
        self.unpacked = self.state + 8
        self.inflate_tables = _aligned(self.unpacked + windows, 4096)
        self.input = _aligned(self.inflate_tables + _INFLATE_TABLES, 4096)
        self.stack = _aligned(self.input + largest_chunk + 8, 4096)
        self.code = self.stack + _STACK
        self.end = self.code + (windows << WINDOW_SHIFT)

    @property
    def pages(self) -> int:
        """Pages of memory that all of it takes."""
        return -(-self.end // PAGE)

    @cached_property
    def constants(self) -> Mapping[str, int]:
        """For `calls.wat`."""
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
            "stack_limit": self.code - _LARGEST_FRAME,
            "code": self.code,
        }


def _aligned(address: int, size: int) -> int:
    return -(-address // size) * size
