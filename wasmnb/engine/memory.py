"""Access to the guest's linear memory from the host.

The engine is configured so that a memory never moves (its whole address range is reserved at the start), and WebAssembly
memories only grow. The base address is therefore read once, and the size only when an access is beyond the last known size.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ctypes import memmove, string_at

from .traps import OutOfBounds

__all__ = ["Memory"]

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


class Memory:
    """Bounds-checked access to memory by guest addresses (u32).

    Every method raises `OutOfBounds` for addresses outside the memory.

    Parameters
    ----------
    base
        Address of the guest's byte 0 in this process, or 0 if the module has no memory.
    measure
        Function that returns the size in bytes.
    grow
        Function that adds a number of 64-KiB pages, and returns the previous number of pages.

    Attributes
    ----------
    base
        Address of the guest's byte 0 in this process, or 0 if the module has no memory or is closed.
    size
        Last known size in bytes. Call `refresh` to update it, because the guest may have grown its memory.
    """

    __slots__ = ("_grow", "_measure", "base", "size")

    def __init__(self, base: int, measure: Callable[[], int], grow: Callable[[int], int]) -> None:
        self.base = base
        self._measure = measure
        self._grow = grow
        self.size = measure()

    def refresh(self) -> int:
        """Update the known size of the memory, and return it in bytes."""
        self.size = self._measure()
        return self.size

    def check(self, pointer: int, size: int) -> None:
        """Check that a range of addresses is inside the memory.

        Parameters
        ----------
        pointer
            Address of the first byte.
        size
            Number of bytes.

        Raises
        ------
        OutOfBounds
            A byte is outside of the memory.
        """
        if pointer + size > self.size and pointer + size > self.refresh():
            raise OutOfBounds(pointer, size, self.size)

    def read(self, pointer: int, size: int) -> bytes:
        """Return a copy of bytes of the memory.

        Parameters
        ----------
        pointer
            Address of the first byte.
        size
            Number of bytes.

        Raises
        ------
        OutOfBounds
            A byte is outside of the memory.
        """
        if pointer + size > self.size:
            self.check(pointer, size)
        return string_at(self.base + pointer, size)

    def write(self, pointer: int, data: bytes) -> None:
        """Store bytes in the memory.

        Parameters
        ----------
        pointer
            Address of the first byte.
        data
            The bytes.

        Raises
        ------
        OutOfBounds
            A byte is outside of the memory.
        """
        if pointer + len(data) > self.size:
            self.check(pointer, len(data))
        memmove(self.base + pointer, data, len(data))

    def u32(self, pointer: int) -> int:
        """Return the little-endian u32 at address `pointer`."""
        value: int = _U32.unpack(self.read(pointer, 4))[0]
        return value

    def write_u32(self, pointer: int, value: int) -> None:
        """Store a number of 32 bits in little-endian order.

        Parameters
        ----------
        pointer
            Address of the first byte.
        value
            The number. Only its lower 32 bits are stored.

        Raises
        ------
        OutOfBounds
            A byte is outside of the memory.
        """
        self.write(pointer, _U32.pack(value & 0xFFFFFFFF))

    def write_u64(self, pointer: int, value: int) -> None:
        """Store a number of 64 bits in little-endian order.

        Parameters
        ----------
        pointer
            Address of the first byte.
        value
            The number. Only its lower 64 bits are stored.

        Raises
        ------
        OutOfBounds
            A byte is outside of the memory.
        """
        self.write(pointer, _U64.pack(value & 0xFFFFFFFFFFFFFFFF))

    def grow(self, pages: int) -> int:
        """Add `pages` pages of 64 KiB, and return the guest address of the first new byte."""
        before = self._grow(pages)
        self.refresh()
        return before * 65536

    def forget(self) -> None:
        """Make every later access raise `OutOfBounds`, because the memory has been freed."""
        self.base = self.size = 0
        self._measure = lambda: 0
        self._grow = _refuse_growth


def _refuse_growth(pages: int) -> int:
    raise OutOfBounds(0, pages * 65536, 0)
