"""Objects of wasmtime's C API. Each is freed exactly once, even if an interrupt arrives in between.

Facts: CPython handles signals between two bytecodes, so a KeyboardInterrupt can fall between the C call that frees an
object and the assignment that forgets its address; the finalizer then frees it again, and the process dies. In the same
way it can fall between the C call that makes an object and the assignment that remembers it, and the object is lost.
A chain of C iterators runs no bytecode. So an object is made and remembered by one `list.extend`, forgotten and freed by
one `next`, and its finalizer is that same `next`: CPython calls `__del__` without entering a Python function.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_void_p
from functools import partial
from itertools import starmap
from operator import attrgetter
from typing import Any

__all__ = ["CObject"]


class CObject:
    """An object of the C API, which this Python object owns.

    Parameters
    ----------
    delete
        The C function that frees the object. Its argument is `held[1]`.

    Attributes
    ----------
    close
        Frees the object if there is one; calling it again has no effect.
    held
        A list of None and the object: its address, or the place that C wrote it to. An address of 0 is not freed. The list
        is empty after `close`.
    """

    __slots__ = ("close", "held")

    __del__ = property(attrgetter("close"))  # a property, so that no Python function runs

    def __init__(self, delete: Callable[[Any], None]) -> None:
        held: list[Any] = [None]
        self.held = held
        self.close: Callable[[], None] = partial(next, map(delete, filter(None, iter(held.pop, None))), None)

    @classmethod
    def returned(cls, delete: Callable[[Any], None], create: Callable[..., Any], *args: Any) -> CObject:
        """Own the object whose address `create(*args)` returns."""
        owner = cls(delete)
        owner.held.extend(starmap(create, (args,)))
        return owner

    @classmethod
    def written(cls, delete: Callable[[Any], None], place: Any) -> CObject:
        """Own what C writes to `place`: a `c_void_p`, or a pointer to a structure that `delete` empties."""
        owner = cls(delete)
        owner.held.append(place)
        return owner

    @property
    def address(self) -> int:
        """Address of the object, or 0 if there is none.

        Raises
        ------
        ValueError
            The object has been freed.
        """
        if len(self.held) < 2:
            raise ValueError("This object of the engine has been closed.")
        place = self.held[1]
        return (place.value or 0) if isinstance(place, c_void_p) else int(place)
