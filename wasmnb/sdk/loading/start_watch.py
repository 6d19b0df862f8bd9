"""Notices whether a filter's top level reads what differs from VM to VM and is not asked of the proxy each time.

A filter is loaded once, when its release module is built, and every VM starts with the memory that this leaves, unless its top
level has read the environment or used random numbers. (Clocks and the system's randomness are hostcalls, which the host sees.)
"""

import os
import random
from collections.abc import Iterator
from typing import Any, Self

__all__ = ["StartWatch"]


class StartWatch:
    """A context manager around the loading.

    Attributes
    ----------
    reads
        What was used: `environment`, `random`.
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

    def __getitem__(self, key: Any) -> Any:
        self.used = True
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.used = True
        super().__setitem__(key, value)

    def __delitem__(self, key: Any) -> None:
        self.used = True
        super().__delitem__(key)

    def __contains__(self, key: Any) -> bool:
        self.used = True
        return super().__contains__(key)

    def __iter__(self) -> Iterator[Any]:
        self.used = True
        return super().__iter__()

    def __len__(self) -> int:
        self.used = True
        return super().__len__()
