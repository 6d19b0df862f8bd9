"""Histories (traces and exchanges) of closed proxies. The latest histories are kept, up to a memory limit.

A notebook stores every result in `Out`, including proxies that were closed long ago. Without a limit, all of their traces would
stay in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from weakref import WeakMethod

__all__ = ["ClosedHistories", "closed_histories"]

#: Approximate limit in bytes for the histories of all closed proxies.
LIMIT = 128 << 20


class ClosedHistories:
    """The histories of closed proxies that are still in memory, oldest first.

    Parameters
    ----------
    limit
        Maximum size in bytes of all histories together (default 128 MiB).
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._kept: deque[tuple[WeakMethod[Callable[[], None]], int]] = deque()
        self._size = 0

    def add(self, forget: Callable[[], None], size: int) -> None:
        """Keep another history, and drop the oldest histories until the total size is within the limit.

        Parameters
        ----------
        forget
            Method that drops the history. Only a weak reference to its object is kept.
        size
            Approximate size of the history in bytes.
        """
        self._kept.append((WeakMethod(forget), size))
        self._size += size
        while self._size > self._limit and self._kept:
            reference, dropped = self._kept.popleft()
            self._size -= dropped
            method = reference()
            if method is not None:
                method()


@cache
def closed_histories() -> ClosedHistories:
    """Return the histories of this process, which all of its proxies share."""
    return ClosedHistories()
