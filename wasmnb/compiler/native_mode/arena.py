"""The linear memory of a native filter, through which arguments and results of hostcalls are passed.

The host reads and writes a guest's memory by address. Data is needed here only during one hostcall, so the arena is emptied
before each. All memory is reserved at the start, because a guest's memory must not move; unused pages cost nothing.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import sys
from contextlib import suppress

from ...engine import Memory

__all__ = ["SLOTS", "SLOT_SIZE", "Arena"]

#: Addresses of a hostcall's outputs, eight bytes each. Address 0 stays unused because it means null.
SLOTS, SLOT_SIZE = 16, 8
_FREE = 128

#: Smallest reservation in bytes, and the size above which memory is returned to the system after a hostcall.
_MINIMUM, _RETAINED = 1 << 24, 1 << 20


class Arena(Memory):
    """Linear memory with a bump allocator.

    Parameters
    ----------
    limit
        Bytes to reserve. If the system can't reserve so much, less is reserved.
    """

    __slots__ = ("_at", "_map")

    def __init__(self, limit: int) -> None:
        self._map = _reserve(max(limit, _MINIMUM))
        self._at = _FREE
        length = len(self._map)
        super().__init__(ctypes.addressof(ctypes.c_char.from_buffer(self._map)), lambda: length, lambda _pages: -1)

    def reset(self) -> None:
        """Free all allocations."""
        if self._at > _RETAINED:
            with suppress(AttributeError, OSError):  # not available on every system
                self._map.madvise(mmap.MADV_DONTNEED)
        self._at = _FREE

    def allocate(self, size: int) -> int:
        """Allocate bytes, and return their address, or 0 if the arena is full."""
        start, end = self._at, self._at + size
        if end > self.size:
            return 0
        self._at = (end + 7) & ~7
        return start

    def store(self, data: bytes) -> int:
        """Copy data into the arena, and return its address. Raises `MemoryError` if the arena is full."""
        start = self.allocate(len(data))
        if not start:
            raise MemoryError(f"{len(data)} bytes don't fit into the VM's memory")
        self.write(start, data)
        return start


def _reserve(size: int) -> mmap.mmap:
    """Reserve anonymous memory of this size, or if that fails, a half of it, a quarter, and so on."""
    while True:
        try:
            return mmap.mmap(-1, size, **_map_flags())
        except (OSError, ValueError, OverflowError):
            if size <= _MINIMUM:
                raise MemoryError(f"the system refuses to reserve {size} bytes of address space") from None
            size //= 2


def _map_flags() -> dict[str, int]:
    """Return flags for private pages without a swap reservation, on systems that support them."""
    if not hasattr(mmap, "MAP_PRIVATE"):
        return {}
    return {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", _linux_no_reserve())}


def _linux_no_reserve() -> int:
    """Return Linux's MAP_NORESERVE, which Python 3.11 doesn't have.

    Without it, adjacent reservations of several VMs count as one area, and `fork` fails if it is larger than the machine's memory.
    """
    return 0x4000 if sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64") else 0
