"""The linear memory of a native filter, through which arguments and results of hostcalls are passed.

The host reads and writes a guest's memory by address. In native mode, the memory contains data only during one hostcall, so the
arena is emptied before each hostcall. All memory is reserved at the start, because a guest's memory must not move. Unused pages
don't use memory.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import sys
from contextlib import suppress

from ...engine import Memory

__all__ = ["SLOTS", "SLOT_SIZE", "Arena"]

#: Address of the first output of a hostcall, and number of bytes of each output. Address 0 stays unused, because it means null.
SLOTS, SLOT_SIZE = 16, 8
_FREE = 128

#: Minimum reservation in bytes, and size above which emptying the arena returns memory to the system.
_MINIMUM, _RETAINED = 1 << 24, 1 << 20


class Arena(Memory):
    """Linear memory with an allocator that frees all allocations together.

    Parameters
    ----------
    limit
        Bytes to reserve. If the system refuses, fewer bytes are reserved.
    """

    __slots__ = ("_at", "_map")

    def __init__(self, limit: int) -> None:
        self._map = _reserve(max(limit, _MINIMUM))
        self._at = _FREE
        length = len(self._map)
        super().__init__(ctypes.addressof(ctypes.c_char.from_buffer(self._map)), lambda: length, lambda _pages: -1)

    def reset(self) -> None:
        """Free all allocations in the arena."""
        if self._at > _RETAINED:
            with suppress(AttributeError, OSError):  # not available on every system
                self._map.madvise(mmap.MADV_DONTNEED)
        self._at = _FREE

    def allocate(self, size: int) -> int:
        """Allocate bytes in the arena and return their address, or 0 if the arena is full."""
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
    """Reserve anonymous memory. If the system refuses, try half of the size, then a quarter, and so on."""
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
    """Return the flag MAP_NORESERVE of Linux, which Python 3.11 doesn't define.

    Without this flag, adjacent reservations of several VMs count as one area, and `fork` fails if the area is larger than the
    machine's memory.
    """
    return 0x4000 if sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64") else 0
