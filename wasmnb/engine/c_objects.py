"""Objects of wasmtime's C API, which are freed exactly once, even if an interrupt arrives at any moment.

CPython handles signals between two bytecodes. In ordinary code, a KeyboardInterrupt could occur between the C call that frees
an object and the assignment that drops its address. The finalizer would then free the object again, and the process would die.
An interrupt could also occur between the C call that creates an object and the assignment that stores its address. The object
would then never be freed.

A chain of C iterators runs no bytecode. Here, an object is therefore created and stored by one `list.extend`, and removed and
freed by one `next`. Its finalizer is the same `next`, because CPython calls `__del__` without entering a Python function.
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
    """An object of the C API that is owned by this Python object.

    Parameters
    ----------
    delete
        C function that frees the object. Its argument is `held[1]`.

    Attributes
    ----------
    close
        Function that frees the object if there is one. Further calls have no effect.
    held
        List of None and either the object's address or the place to which C has written the address. An address of 0 isn't
        freed. After `close`, the list is empty.
    """

    __slots__ = ("close", "held")

    __del__ = property(attrgetter("close"))  # a property, so that no Python function runs

    def __init__(self, delete: Callable[[Any], None]) -> None:
        held: list[Any] = [None]
        self.held = held
        self.close: Callable[[], None] = partial(next, map(delete, filter(None, iter(held.pop, None))), None)

    @classmethod
    def returned(cls, delete: Callable[[Any], None], create: Callable[..., Any], *args: Any) -> CObject:
        """Create an object with `create(*args)`, which returns its address, and own the object."""
        owner = cls(delete)
        owner.held.extend(starmap(create, (args,)))
        return owner

    @classmethod
    def written(cls, delete: Callable[[Any], None], place: Any) -> CObject:
        """Own the object that C writes to `place`: a `c_void_p`, or a pointer to a structure that `delete` empties."""
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
            raise ValueError("This object of the engine has been closed and can't be used any more.")
        place = self.held[1]
        return (place.value or 0) if isinstance(place, c_void_p) else int(place)
