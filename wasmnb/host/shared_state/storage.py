"""Memory limit for data that filters store in their proxy: shared data, queues and metrics.

Envoy has no limit, and the system kills it when memory runs out. The simulation runs in a notebook's kernel, which must not be
killed. Hostcalls that would exceed the limit fail, and the first failure is logged.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["OVERHEAD", "StorageBudget"]

#: Approximate size in bytes of a Python entry without its contents.
OVERHEAD = 200


class StorageBudget:
    """Counter of the bytes stored by the filters of one proxy.

    Parameters
    ----------
    limit
        Maximum number of bytes that filters can store.
    report
        Function called with a message when a hostcall fails for the first time.
    """

    def __init__(self, limit: int, report: Callable[[str], None] = lambda _text: None) -> None:
        self.limit = limit
        self.used = 0
        self._report = report
        self._reported = False

    def take(self, size: int) -> bool:
        """Count bytes that a filter wants to store. Return False if they would exceed the limit."""
        if self.used + size <= self.limit:
            self.used += size
            return True
        if not self._reported:
            self._reported = True
            self._report(
                "A hostcall returned InternalFailure, because filters already store "
                f"{self.used:,} of at most {self.limit:,} bytes in shared data, queues and metrics. "
                "Store less, or increase memory_limit=."
            )
        return False

    def give(self, size: int) -> None:
        """Subtract bytes that a filter no longer stores."""
        self.used -= size
