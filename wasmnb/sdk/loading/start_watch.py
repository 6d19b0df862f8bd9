"""Detection of module-level code that reads the environment or uses random numbers, which differ between VMs.

A filter that does neither is loaded only once, when its release module is built, and every VM starts with a copy of the memory
after loading. Reads of clocks and of the system's random numbers needn't be detected here, because they are hostcalls,
which the host sees.
"""

import os
import random
from typing import Any, Self

__all__ = ["StartWatch"]


class StartWatch:
    """A context manager that records whether the code in its block reads the environment or uses random numbers.

    Attributes
    ----------
    reads
        List of what the code has used: `environment`, `random`, both, or nothing.
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
        """Replace the dict behind `os.environ` and `os.environb`."""
        for name in ("environ", "environb"):
            view: Any = getattr(os, name, None)
            if view is not None:
                view._data = data


class _Watched(dict[Any, Any]):
    """A dict of environment variables whose attribute `used` becomes True on any access."""

    used = False


def _noting(name: str) -> Any:
    """Return the method of dict with this name, wrapped so that each call sets `used`."""
    plain = getattr(dict, name)

    def access(self: _Watched, *arguments: Any) -> Any:
        self.used = True
        return plain(self, *arguments)

    return access


#: `os.environ` uses the first six methods. The others are for code that accesses its private dict.
for _name in (
    "__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__", "__len__",
    "__eq__", "__or__", "__repr__", "__reversed__", "__ror__", "copy", "get", "items", "keys", "pop", "setdefault", "values",
):  # fmt: skip
    setattr(_Watched, _name, _noting(_name))
del _name
