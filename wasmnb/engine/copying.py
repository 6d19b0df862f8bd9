"""A copy of a running instance, to try on it what the original must not suffer.

Facts: between two calls, the modules that wasmnb links have all their state in linear memory: their tables never change,
and their one mutable global, the stack pointer, is back at its start. Other modules may differ.
"""

from __future__ import annotations

from ctypes import memmove
from typing import TYPE_CHECKING

from .instance import Instance, Resolve

if TYPE_CHECKING:
    from .image import Image

__all__ = ["copy_into", "copy_of"]

#: Bytes that a copy may grow beyond its original, and of a page.
_ROOM, _PAGE = 64 << 20, 1 << 16


def copy_of(image: Image, original: Instance, resolve: Resolve, *, deadline: float) -> Instance:
    """A new instance with the memory of `original`, which must not be running.

    Parameters
    ----------
    image
        What `original` was made from, linked by wasmnb.
    resolve, deadline
        As for `Instance`: the copy may have other hostcalls.
    """
    made = Instance(image.code, resolve, memory_limit=original.memory.refresh() + _ROOM, deadline=deadline)
    copy_into(made, original)
    return made


def copy_into(copy: Instance, original: Instance) -> bool:
    """Make a copy one of another instance of the same module; False if it has no room. It must not have trapped.

    It is several times as fast as a new copy, for whose memory the system has to find pages first.
    """
    size = original.memory.refresh()
    missing = size - copy.memory.size
    if missing > 0:
        if size > copy.memory_limit:
            return False
        copy.memory.grow(missing // _PAGE)
    memmove(copy.memory.base, original.memory.base, size)
    return True
