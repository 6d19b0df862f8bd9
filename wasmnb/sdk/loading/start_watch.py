"""Notices whether a filter's top level reads what differs from VM to VM and is not asked of the proxy each time.

A filter is loaded once, when its release module is built, and every VM starts with the memory that this leaves, unless its top
level has read the environment or used random numbers. (Clocks and the system's randomness are hostcalls, which the host sees.)
"""

import os
import random
from typing import Any, Self

__all__ = ["StartWatch"]


class StartWatch:
    """A context manager around the loading.

    Attributes
    ----------
    reads
        Things that were read: `environment`, `random`.
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
        """Have both views of the environment use these variables."""
        for name in ("environ", "environb"):
            view: Any = getattr(os, name, None)
            if view is not None:
                view._data = data


class _Watched(dict[Any, Any]):
    """The environment's variables; any access is noted."""

    used = False


def _noting(name: str) -> Any:
    """The method of that name, which notes that it was called."""
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
