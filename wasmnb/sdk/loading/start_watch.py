"""Detects whether a filter's module-level code reads something that differs between VMs.

A filter is loaded once, when its release module is built, and every VM starts with a copy of the memory after that, unless the
module-level code has read the environment or used random numbers. (Reading clocks and the system's randomness needs hostcalls,
which the host sees.)
"""

import os
import random
from typing import Any, Self

__all__ = ["StartWatch"]


class StartWatch:
    """A context manager for the code that loads a filter.

    Attributes
    ----------
    reads
        What was read: `environment`, `random`, both or nothing.
    """

    def __init__(self) -> None:
        self.reads: list[str] = []
        self._plain: dict[Any, Any] = {}
        self._watched = _Watched()
        self._random: Any = None

    def __enter__(self) -> Self:
        environ: Any = os.environ
        self._plain = environ._data
        self._watched.update(self._plain)
        self._watched.used = False
        self._put(self._watched)
        self._random = random.getstate()
        return self

    def __exit__(self, *_: object) -> None:
        if self._watched.used:
            self.reads.append("environment")
            self._plain.clear()
            self._plain.update(dict.items(self._watched))
        self._put(self._plain)
        if random.getstate() != self._random:
            self.reads.append("random")
        self._random = None

    @staticmethod
    def _put(data: dict[Any, Any]) -> None:
        """Make `os.environ` and `os.environb` use these variables."""
        for name in ("environ", "environb"):
            view: Any = getattr(os, name, None)
            if view is not None:
                view._data = data


class _Watched(dict[Any, Any]):
    """The environment's variables. Any access sets `used`."""

    used = False


def _noting(name: str) -> Any:
    """Return dict's method of this name, wrapped to record its calls."""
    plain = getattr(dict, name)

    def access(self: _Watched, *arguments: Any) -> Any:
        self.used = True
        return plain(self, *arguments)

    return access


#: `os.environ` uses the first six. The others are for programs that take its private dict.
for _name in (
    "__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__", "__len__",
    "__eq__", "__or__", "__repr__", "__reversed__", "__ror__", "copy", "get", "items", "keys", "pop", "setdefault", "values",
):  # fmt: skip
    setattr(_Watched, _name, _noting(_name))
del _name
