"""The linear memory that a native filter has instead of Wasm's: hostcalls' arguments and results pass through it.

The host reads and writes a guest's memory by address. Here nothing lives longer than one hostcall, so that the arena is
emptied before each. The whole range is reserved at once, since a guest's memory never moves; pages that nobody touches
cost nothing.
"""

from __future__ import annotations

import ctypes
import mmap
from contextlib import suppress

from ...engine import Memory

__all__ = ["SLOTS", "SLOT_SIZE", "Arena"]

#: Where outputs of a hostcall go, eight bytes each; address 0 stays free, for it means nothing.
SLOTS, SLOT_SIZE = 16, 8
_FREE = 128

#: The least that a machine must be able to reserve, and what is given back to it when a hostcall was larger.
_LEAST, _KEPT = 1 << 24, 1 << 20


class Arena(Memory):
    """Memory whose allocator is a pointer that goes up, and back to the start.

    Parameters
    ----------
    limit
        Bytes to reserve; less if the machine refuses.
    """

    __slots__ = ("_at", "_map")

    def __init__(self, limit: int) -> None:
        self._map = _reserve(max(limit, _LEAST))
        self._at = _FREE
        length = len(self._map)
        super().__init__(ctypes.addressof(ctypes.c_char.from_buffer(self._map)), lambda: length, lambda _pages: -1)

    def reset(self) -> None:
        """Everything allocated is free again."""
        if self._at > _KEPT:
            with suppress(AttributeError, OSError):  # not on every system
                self._map.madvise(mmap.MADV_DONTNEED)
        self._at = _FREE

    def allocate(self, size: int) -> int:
        """Address of `size` bytes; 0 if there is no room."""
        start, end = self._at, self._at + size
        if end > self.size:
            return 0
        self._at = (end + 7) & ~7
        return start

    def store(self, data: bytes) -> int:
        """Allocate for `data` and put it there; raises `MemoryError` if there is no room."""
        start = self.allocate(len(data))
        if not start:
            raise MemoryError(f"{len(data)} bytes do not fit into the VM's memory")
        self.write(start, data)
        return start


def _reserve(size: int) -> mmap.mmap:
    """Anonymous memory of this size, or of a half, a quarter..."""
    while True:
        try:
            return mmap.mmap(-1, size, **_private())
        except (OSError, ValueError, OverflowError):
            if size <= _LEAST:
                raise MemoryError(f"the machine does not give {size} bytes of address space") from None
            size //= 2


def _private() -> dict[str, int]:
    """Pages of this process alone, promised but not set aside, where one can say so."""
    if not hasattr(mmap, "MAP_PRIVATE"):
        return {}
    return {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)}
