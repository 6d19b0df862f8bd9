"""Limit for the bytes that filters store in their proxy: shared data, queues and metrics.

Envoy has no limit, and the system kills it when memory runs out. The simulation runs in a notebook's kernel, which must not be
killed. Hostcalls that would exceed the limit fail, and a log line says so once.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["OVERHEAD", "StorageBudget"]

#: Approximate bytes that Python needs for an entry in addition to its contents.
OVERHEAD = 200


class StorageBudget:
    """Counter of the bytes that the filters of one proxy store.

    Parameters
    ----------
    limit
        Most bytes that filters can store.
    report
        Function that is called with a sentence when a hostcall fails for the first time.
    """

    def __init__(self, limit: int, report: Callable[[str], None] = lambda _text: None) -> None:
        self.limit = limit
        self.used = 0
        self._report = report
        self._reported = False

    def take(self, size: int) -> bool:
        """Count bytes that a filter stores. Return False if they would exceed the limit."""
        if self.used + size <= self.limit:
            self.used += size
            return True
        if not self._reported:
            self._reported = True
            self._report(
                f"The filters have stored {self.used:,} bytes in shared data, queues and metrics, and the limit is {self.limit:,} "
                "bytes, so this call returns InternalFailure. Store less, or raise memory_limit."
            )
        return False

    def give(self, size: int) -> None:
        """Subtract bytes that a filter no longer stores."""
        self.used -= size
