"""The histories of closed proxies. The latest ones are kept, up to a limit of memory.

A notebook keeps every result in `Out`, also proxies that were closed long ago. Without a bound, each would hold its trace.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from weakref import WeakMethod

__all__ = ["ClosedHistories", "closed_histories"]

#: Bytes of all histories of closed proxies, approximately.
LIMIT = 128 << 20


class ClosedHistories:
    """Histories that are kept, oldest first.

    Parameters
    ----------
    limit
        Bytes of all of them.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._kept: deque[tuple[WeakMethod[Callable[[], None]], int]] = deque()
        self._size = 0

    def add(self, forget: Callable[[], None], size: int) -> None:
        """Keep one more history, and drop the oldest ones beyond the limit.

        Parameters
        ----------
        forget
            Method that drops the history. Its object may be collected before.
        size
            Bytes that it takes, approximately.
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
    """Return the one collection of this process."""
    return ClosedHistories()
