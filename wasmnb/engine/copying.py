"""Copies of running instances, for calls that must not affect the original.

Facts: between two calls, the modules that wasmnb links have all their state in linear memory: their tables never change,
and their only mutable global, the stack pointer, has its initial value. Other modules may differ.
"""

from __future__ import annotations

from ctypes import memmove
from typing import TYPE_CHECKING

from .imports import Resolve
from .instance import Instance

if TYPE_CHECKING:
    from .image import Image

__all__ = ["copy_into", "copy_of"]

#: Bytes by which a copy may grow larger than its original, and bytes of a page.
_GROWTH, _PAGE = 64 << 20, 1 << 16


def copy_of(image: Image, original: Instance, resolve: Resolve, *, deadline: float) -> Instance:
    """Return a new instance with the memory of `original`, which must not be running.

    Parameters
    ----------
    image
        The image of `original`, linked by wasmnb.
    original
        The instance to copy.
    resolve, deadline
        As for `Instance`. The copy may use other hostcalls than the original.
    """
    copy = Instance(image.code, resolve, memory_limit=original.memory.refresh() + _GROWTH, deadline=deadline)
    copy_into(copy, original)
    return copy


def copy_into(copy: Instance, original: Instance) -> bool:
    """Overwrite a copy's memory with that of another instance of the same module.

    This is several times faster than a new copy, whose memory pages must be allocated. The copy must not have trapped.

    Returns
    -------
    bool
        False if the copy's memory limit is too low. Nothing is copied then.
    """
    size = original.memory.refresh()
    missing = size - copy.memory.size
    if missing > 0:
        if size > copy.memory_limit:
            return False
        copy.memory.grow(missing // _PAGE)
    memmove(copy.memory.base, original.memory.base, size)
    return True
