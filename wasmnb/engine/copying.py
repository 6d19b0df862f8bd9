"""Copies of running instances, for calls that must not affect the original.

Between two calls, modules linked by wasmnb have all their state in linear memory. Their tables never change, and their
only mutable global, the stack pointer, has its initial value. This may not be true for other modules.
"""

from __future__ import annotations

from ctypes import memmove
from typing import TYPE_CHECKING

from .imports import Resolve
from .instance import Instance

if TYPE_CHECKING:
    from .image import Image

__all__ = ["copy_into", "copy_of"]

#: Bytes that a copy may grow beyond the size of its original, and size of a page in bytes.
_GROWTH, _PAGE = 64 << 20, 1 << 16


def copy_of(image: Image, original: Instance, resolve: Resolve, *, deadline: float) -> Instance:
    """Create an instance with the same memory as `original`, which must not be running.

    Parameters
    ----------
    image
        Image of `original`, whose module must have been linked by wasmnb.
    original
        The instance to copy.
    resolve, deadline
        As for `Instance`. The copy can use other hostcalls than the original.
    """
    copy = Instance(image.code, resolve, memory_limit=original.memory.refresh() + _GROWTH, deadline=deadline)
    copy_into(copy, original)
    return copy


def copy_into(copy: Instance, original: Instance) -> bool:
    """Overwrite the memory of a copy with that of another instance of the same module.

    This is several times faster than `copy_of`, because most memory pages are already allocated. The copy must not have
    trapped.

    Returns
    -------
    bool
        False if the copy's memory limit is too low. Nothing has been copied then.
    """
    size = original.memory.refresh()
    missing = size - copy.memory.size
    if missing > 0:
        if size > copy.memory_limit:
            return False
        copy.memory.grow(missing // _PAGE)
    memmove(copy.memory.base, original.memory.base, size)
    return True
