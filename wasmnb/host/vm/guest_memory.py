"""The guest's memory as hostcalls use it: one view, one bounds check, and allocation by the guest itself.

Facts: pointers and sizes are u32; a range is valid if it lies inside the memory, otherwise the hostcall answers
InvalidMemoryAccess. What is returned to the guest lies in memory that the guest's own `malloc` gave (or
`proxy_on_memory_allocate` if there is no `malloc`); Envoy never allocates nothing: an empty result is pointer 0, size 0. An
allocator that gives 0 makes the hostcall answer InvalidMemoryAccess.

A memoryview's slices cost a quarter of what `ctypes.string_at` costs, and hostcalls live on that. The engine promises
that a memory never moves, so that one view over the whole address range serves for life; what lies behind the
memory's present end is kept out of reach by the check, not by the view.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from struct import Struct

from ...engine import Memory, OutOfBounds

__all__ = ["GuestMemory"]

_U32 = Struct("<I").pack_into
_U64 = Struct("<Q").pack_into
_WRAP = (1 << 64) - 1


class GuestMemory:
    """Checked access to one guest's memory.

    Attributes
    ----------
    view
        Bytes from guest address 0 on. Touch it only inside `size`.
    size
        Bytes known to be there; `check` looks again.
    put
        Has the guest allocate, stores data there and gives the address; 0 for no data.
    """

    __slots__ = ("_memory", "put", "size", "view")

    def __init__(self) -> None:
        self._memory: Memory | None = None
        self.put: Callable[[bytes], int] = _no_allocator
        self.size = 0
        self.view = memoryview(bytearray(0))

    def attach(self, memory: Memory) -> None:
        """The instance is there: use its memory."""
        self._memory = memory
        self.size = memory.size
        if memory.base:
            self.view = memoryview((ctypes.c_ubyte * (1 << 32)).from_address(memory.base)).cast("B")

    def detach(self) -> None:
        """The memory is gone; every access fails from now on."""
        self._memory, self.put, self.size = None, _no_allocator, 0
        self.view = memoryview(bytearray(0))

    def check(self, pointer: int, size: int) -> None:
        """Raise `OutOfBounds` unless the range is inside; call it when the range lies beyond `size`."""
        if self._memory is not None:
            self.size = self._memory.refresh()
        if pointer + size > self.size:
            raise OutOfBounds(pointer, size, self.size)

    def read(self, pointer: int, size: int) -> bytes:
        """Copy of a range."""
        if pointer + size > self.size:
            self.check(pointer, size)
        return self.view[pointer : pointer + size].tobytes()

    def write(self, pointer: int, data: bytes) -> None:
        """Store bytes."""
        end = pointer + len(data)
        if end > self.size:
            self.check(pointer, len(data))
        self.view[pointer:end] = data

    def write_u32(self, pointer: int, value: int) -> None:
        """Store a u32."""
        if pointer + 4 > self.size:
            self.check(pointer, 4)
        _U32(self.view, pointer, value & 0xFFFFFFFF)

    def write_u64(self, pointer: int, value: int) -> None:
        """Store a u64."""
        if pointer + 8 > self.size:
            self.check(pointer, 8)
        _U64(self.view, pointer, value & _WRAP)


def _no_allocator(_data: bytes) -> int:
    """Without an allocator nothing can be returned."""
    raise OutOfBounds(0, len(_data), 0)
